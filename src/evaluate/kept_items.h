// What a translation has to carry over from its source, and whether it does; brackets and quotes.
#ifndef DRAGOMAN_EVALUATE_KEPT_ITEMS_H_
#define DRAGOMAN_EVALUATE_KEPT_ITEMS_H_

#include <string>
#include <string_view>

#include "evaluate/checks.h"

namespace dragoman {

// Notes kLostNumber to kLostOther, items and kept.
void CheckKeptItems(const Prediction& prediction, OutputChecks& checks);
// Every bracket has its partner and double quotes come in pairs, whatever their shape. Brackets
// after a number or letter that begin a list item, as in "1) one", and emoticons count as written.
bool IsBalanced(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_KEPT_ITEMS_H_
