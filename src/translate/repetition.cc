// The counting behind RepetitionDetector.
#include "translate/repetition.h"

#include <algorithm>

namespace dragoman {

RepetitionDetector::RepetitionDetector(std::span<const int32_t> source) {
  constexpr int64_t kSourceRepeats = 3;
  int64_t longest = 0;
  for (const int32_t id : source) longest = std::max(longest, Extend(id, kSourceRepeats));
  allowance_tokens_ = std::max(kMinSpanTokens, 2 * longest);
  ids_.clear();
  matched_.fill(0);
}

int64_t RepetitionDetector::Extend(int32_t id, int64_t min_repeats) {
  ids_.push_back(id);
  const auto count = static_cast<int64_t>(ids_.size());
  int64_t longest = 0;
  for (int64_t period = 1; period <= std::min(kMaxPeriod, count - 1); ++period) {
    int64_t& matched = matched_[static_cast<size_t>(period)];
    matched = ids_[static_cast<size_t>(count - 1 - period)] == id ? matched + 1 : 0;
    const int64_t span = matched + period;
    if (matched > 0 && span >= min_repeats * period) longest = std::max(longest, span);
  }
  return longest;
}

bool RepetitionDetector::Push(int32_t id) { return Extend(id, kMinRepeats) >= allowance_tokens_; }

}  // namespace dragoman
