// A text that arrives in parts, handed on without the white space at its two ends.
#ifndef DRAGOMAN_TRANSLATE_TRIMMING_STREAM_H_
#define DRAGOMAN_TRANSLATE_TRIMMING_STREAM_H_

#include <string>
#include <string_view>

#include "text/prompt.h"

namespace dragoman {

class TrimmingStream {
 public:
  // What became certain: white space waits until something follows it. All results joined are the
  // trimmed text.
  std::string Push(std::string_view part) {
    held_ += part;
    const std::string_view trimmed = TrimForPrompt(held_);
    if (trimmed.empty()) {
      if (!started_) held_.clear();
      return {};
    }
    const size_t begin = started_ ? 0 : static_cast<size_t>(trimmed.data() - held_.data());
    const size_t end = static_cast<size_t>(trimmed.data() - held_.data()) + trimmed.size();
    std::string out = held_.substr(begin, end - begin);
    held_.erase(0, end);
    started_ = true;
    return out;
  }

 private:
  std::string held_;
  bool started_ = false;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_TRIMMING_STREAM_H_
