// Tercom's words. Internal to the metrics; ter.h is the door.
#ifndef DRAGOMAN_EVALUATE_METRICS_TER_TOKENIZER_H_
#define DRAGOMAN_EVALUATE_METRICS_TER_TOKENIZER_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/metrics/ter.h"

namespace dragoman {

// Keeps its buffers between lines; not thread-safe. The views are valid until the next call.
class TerTokenizer {
 public:
  std::span<const std::string_view> Split(const TerOptions& options, std::string_view line);
  // sacreBLEU prepares references twice: "a..5" becomes "a . .5", and that "a . . 5".
  std::span<const std::string_view> SplitTwice(const TerOptions& options, std::string_view line);

 private:
  std::string text_;
  std::vector<std::string_view> words_, again_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_TER_TOKENIZER_H_
