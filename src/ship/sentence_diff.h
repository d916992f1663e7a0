// Where two outputs differ, for the eye: words, or characters where words are not spaced.
#ifndef DRAGOMAN_SHIP_SENTENCE_DIFF_H_
#define DRAGOMAN_SHIP_SENTENCE_DIFF_H_

#include <string>
#include <string_view>

namespace dragoman {

struct MarkedTexts {
  std::string before, after;  // HTML, what only one of them has inside <mark>
};
// By the longest common subsequence; texts of thousands of words come back unmarked.
MarkedTexts MarkDifferences(std::string_view before, std::string_view after);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_SENTENCE_DIFF_H_
