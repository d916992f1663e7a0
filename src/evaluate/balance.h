// Do brackets and quotes of a text close what they open?
#ifndef DRAGOMAN_EVALUATE_BALANCE_H_
#define DRAGOMAN_EVALUATE_BALANCE_H_

#include <string_view>

namespace dragoman {

// Every bracket has its partner and double quotes come in pairs, whatever their shape and width. No
// brackets and no quotes are: what stands in code, addresses and markup; the marks of a list, "1)"
// and "a)"; smileys; the inches of 5"; the quotes inside Hebrew abbreviations; apostrophes.
bool IsBalanced(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_BALANCE_H_
