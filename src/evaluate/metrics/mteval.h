// NIST's mteval tokenizer, shared by BLEU's 13a and zh and by TER's normalization. All its patterns
// concern ASCII characters and "anything that is no digit", so that working on UTF-8 bytes gives
// the same tokens as working on code points.
#ifndef DRAGOMAN_EVALUATE_METRICS_MTEVAL_H_
#define DRAGOMAN_EVALUATE_METRICS_MTEVAL_H_

#include <string>
#include <string_view>
#include <vector>

namespace dragoman {

// Whether `text` has one of these; a search for each, which looks at many bytes at once.
inline bool HasAny(std::string_view text, std::string_view bytes) {
  for (const char byte : bytes) {
    if (text.find(byte) != std::string_view::npos) return true;
  }
  return false;
}

void ReplaceEvery(std::string& text, std::string_view from, std::string_view to);

struct MtevalRules {
  bool padded = true;      // the patterns see a space before the first and after the last character
  bool genitives = false;  // "it's " -> "it 's ", which TER adds
};

// Appends the tokens of `text`; the views point into it. One pass in place of sacreBLEU's four
// substitutions, each over the result of the one before:
//   1. every ASCII mark but ' , - . stands alone                       "(a)"   -> " ( a ) "
//   2. a period or comma behind anything but a digit does              "x."    -> "x . "
//   3. so does one before anything but a digit                         ".x"    -> " . x"
//   4. and a dash behind a digit                                       "3-"    -> "3 - "
// What a substitution has matched it does not look at again: of "x..5" only the first period is
// matched by 2, and none by 3 that was not.
void SplitAsMteval(std::string_view text, const MtevalRules& rules,
                   std::vector<std::string_view>& tokens);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_MTEVAL_H_
