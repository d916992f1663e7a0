// Passes of NIST's mteval tokenizer over one line, shared by BLEU's 13a and zh and by TER's
// normalization. All their patterns concern ASCII characters and "anything that is no digit", so
// that working on UTF-8 bytes gives the same tokens as working on code points.
#ifndef DRAGOMAN_EVALUATE_METRICS_MTEVAL_H_
#define DRAGOMAN_EVALUATE_METRICS_MTEVAL_H_

#include <string>
#include <string_view>

namespace dragoman {

void ReplaceEvery(std::string& text, std::string_view from, std::string_view to);

// Each writes `out` anew. Spaces around every ASCII punctuation mark but ' , - .
void PadPunctuation(std::string_view in, std::string& out);
// "x." -> "x . " unless x is a digit; the same for commas.
void SplitPeriodAfterNonDigit(std::string_view in, std::string& out);
// ".x" -> " . x" unless x is a digit.
void SplitPeriodBeforeNonDigit(std::string_view in, std::string& out);
// "3-" -> "3 - "
void SplitDashAfterDigit(std::string_view in, std::string& out);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_MTEVAL_H_
