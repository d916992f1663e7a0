// Every match of words that would be better elsewhere is tried at every place that it fits.
#include "evaluate/metrics/shift_search.h"

#include <algorithm>
#include <cstdlib>

namespace dragoman {
namespace {

using ShiftedWords = ShiftSearch::Words;

// Tercom's limits, the last sacreBLEU's own.
constexpr size_t kMaxShiftSize = 10;
constexpr int64_t kMaxShiftDistance = 50;
constexpr int64_t kMaxShiftCandidates = 1000;
constexpr uint32_t kNowhereElse = 0xffffffffu;

// `words` with the `length` words at `start` moved to before `target`.
void Shift(const ShiftedWords& words, size_t start, size_t length, size_t target,
           ShiftedWords& out) {
  out.assign(words.begin(), words.end());
  const auto at = [&out](size_t i) { return out.begin() + static_cast<int64_t>(i); };
  if (target < start) {
    std::rotate(at(target), at(start), at(start + length));
  } else if (target > start + length) {
    std::rotate(at(start), at(start + length), at(target));
  } else {  // within itself: past the words that follow, as sacreBLEU does
    std::rotate(at(start), at(start + length), at(std::min(length + target, words.size())));
  }
}

bool AnyWrong(const std::vector<uint8_t>& wrong, size_t start, size_t length) {
  return std::any_of(wrong.begin() + static_cast<int64_t>(start),
                     wrong.begin() + static_cast<int64_t>(start + length),
                     [](uint8_t w) { return w != 0; });
}

}  // namespace

void ShiftSearch::Alignment::Set(const std::vector<BeamEditDistance::Step>& steps) {
  of_reference.clear();
  reference_wrong.clear();
  hypothesis_wrong.clear();
  int64_t hypothesis = -1;
  for (const auto step : steps) {
    const bool wrong = step != BeamEditDistance::Step::kSame;
    if (step != BeamEditDistance::Step::kInsert) {
      ++hypothesis;
      hypothesis_wrong.push_back(wrong);
    }
    if (step != BeamEditDistance::Step::kDelete) {
      of_reference.push_back(hypothesis);
      reference_wrong.push_back(wrong);
    }
  }
}

int64_t ShiftSearch::Edits(const Words& hypothesis, const Words& reference) {
  if (reference.empty()) return static_cast<int64_t>(hypothesis.size());
  distance_.SetReference(reference, hypothesis.size());
  IndexReference(reference);
  words_ = hypothesis;
  int64_t shifts = 0;
  checked_ = 0;
  int32_t cost = distance_.Base(words_);
  while (cost > 0 && FindBestShift(reference, cost)) {
    ++shifts;
    words_.swap(best_words_);
    cost = distance_.Base(words_);
  }
  return shifts + cost;
}

void ShiftSearch::IndexReference(const Words& reference) {
  first_at_.assign(size_t{*std::max_element(reference.begin(), reference.end())} + 1, kNowhereElse);
  next_at_.resize(reference.size());
  for (size_t r = reference.size(); r-- > 0;) {
    next_at_[r] = first_at_[reference[r]];
    first_at_[reference[r]] = static_cast<uint32_t>(r);
  }
}

bool ShiftSearch::FindBestShift(const Words& reference, int32_t cost) {
  distance_.TraceBase(words_, steps_);
  alignment_.Set(steps_);
  best_cost_ = cost;  // only a shift that reduces it will do
  best_rank_ = {};
  for (size_t h = 0; h < words_.size(); ++h) {
    if (words_[h] >= first_at_.size()) continue;
    for (size_t r = first_at_[words_[h]]; r != kNowhereElse; r = next_at_[r]) {
      if (std::abs(static_cast<int64_t>(r) - static_cast<int64_t>(h)) > kMaxShiftDistance) continue;
      const size_t most = std::min({kMaxShiftSize, words_.size() - h, reference.size() - r});
      for (size_t length = 1; length <= most && words_[h + length - 1] == reference[r + length - 1];
           ++length) {
        TryShifts(h, r, length);
        if (checked_ >= kMaxShiftCandidates) return false;
      }
    }
  }
  return best_cost_ < cost;
}

void ShiftSearch::TryShifts(size_t h, size_t r, size_t length) {
  if (!AnyWrong(alignment_.hypothesis_wrong, h, length)) return;
  if (!AnyWrong(alignment_.reference_wrong, r, length)) return;
  const auto start = static_cast<int64_t>(h);
  const int64_t aligned = alignment_.of_reference[r];
  if (aligned >= start && aligned < start + static_cast<int64_t>(length)) return;  // into itself
  int64_t last = -1;
  for (size_t offset = 0; offset <= length; ++offset) {
    // Before the reference's word r, then after each word of the match.
    const int64_t target = r + offset == 0 ? 0 : alignment_.of_reference[r + offset - 1] + 1;
    if (target == last) continue;
    last = target;
    ++checked_;
    Try(h, length, static_cast<size_t>(target));
  }
}

void ShiftSearch::Try(size_t h, size_t length, size_t target) {
  Shift(words_, h, length, target, candidate_);
  const int32_t cost = distance_.Changed(candidate_, std::min(h, target), best_cost_ + 1);
  // On a tie the longest match wins, then the earliest, then the earliest target.
  const Rank rank(static_cast<int64_t>(length), -static_cast<int64_t>(h),
                  -static_cast<int64_t>(target));
  if (cost > best_cost_ || (cost == best_cost_ && rank <= best_rank_)) return;
  best_cost_ = cost;
  best_rank_ = rank;
  best_words_ = candidate_;
}

}  // namespace dragoman
