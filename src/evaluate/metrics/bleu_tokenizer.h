// sacreBLEU's tokenizers 13a, zh, char, intl and none, and the door to those of a segmenter.
// Internal to the metrics; bleu.h is the door.
#ifndef DRAGOMAN_EVALUATE_METRICS_BLEU_TOKENIZER_H_
#define DRAGOMAN_EVALUATE_METRICS_BLEU_TOKENIZER_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/metrics/bleu.h"

namespace dragoman {

// Keeps its buffers between lines; not thread-safe.
class LineTokenizer {
 public:
  // Trailing white space goes first, as in sacreBLEU. The views are valid until the next call or
  // the line's end.
  // `segmenter`: with kSegmenter only, may otherwise be null.
  std::span<const std::string_view> Split(BleuTokenizer tokenizer, const Segmenter* segmenter,
                                          std::string_view line);

 private:
  // Without markup the line itself.
  std::string_view PrepareLine13a(std::string_view line);
  void PrepareLineZh(std::string_view line);
  void SplitIntl(std::string_view line);

  std::string text_;
  std::vector<std::string_view> tokens_;
};

// The range table of the zh tokenizer, its two mistyped ranges included.
bool IsZhCharacter(char32_t c);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_BLEU_TOKENIZER_H_
