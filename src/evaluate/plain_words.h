// Texts reduced to their words.
#ifndef DRAGOMAN_EVALUATE_PLAIN_WORDS_H_
#define DRAGOMAN_EVALUATE_PLAIN_WORDS_H_

#include <string>
#include <string_view>

namespace dragoman {

// Letters, marks and digits in lower case, one space behind each word; soft hyphens and zero-width
// spaces join.
std::u32string WordsInLowerCase(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_PLAIN_WORDS_H_
