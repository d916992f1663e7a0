// Notices a decoder that goes in circles: the same few tokens again and again.
#ifndef DRAGOMAN_TRANSLATE_REPETITION_H_
#define DRAGOMAN_TRANSLATE_REPETITION_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace dragoman {

// Fed token by token; constant work a token.
class RepetitionDetector {
 public:
  // `source`: what is being translated. A source that repeats itself ("-----") may be answered in
  // kind, so the allowance grows with its own longest repetition.
  explicit RepetitionDetector(std::span<const int32_t> source);

  // True when the tokens so far end in a loop: a period of at most kMaxPeriod tokens, kMinRepeats
  // times.
  bool Push(int32_t id);

  static constexpr int64_t kMaxPeriod = 16;
  static constexpr int64_t kMinRepeats = 8;
  static constexpr int64_t kMinSpanTokens =
      24;  // "ha ha ha ..." and dotted lines are not loops yet

 private:
  // Length of the tail that repeats with each period, that period's first round included.
  int64_t Extend(int32_t id, int64_t min_repeats);

  std::vector<int32_t> ids_;
  std::array<int64_t, kMaxPeriod + 1> matched_{};  // tail tokens equal to the one a period before
  int64_t allowance_tokens_ = kMinSpanTokens;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_REPETITION_H_
