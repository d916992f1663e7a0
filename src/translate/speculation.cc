// The bookkeeping of guesses.
#include "translate/speculation.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace dragoman {

OrderedJson ToJson(const SpeculationCounts& counts) {
  OrderedJson json;
  json["copied"] = {{"proposed", counts.copies_proposed}, {"accepted", counts.copies_accepted}};
  json["drafted"] = {{"proposed", counts.drafts_proposed}, {"accepted", counts.drafts_accepted}};
  json["steps"] = counts.steps;
  json["tokens"] = counts.tokens;
  json["seconds"] = counts.seconds;
  json["speedup"] = nullptr;
  if (counts.compared_seconds > 0) json["speedup"] = counts.plain_seconds / counts.compared_seconds;
  return json;
}

void GuessRecord::Entry::Count(bool came_true) {
  constexpr double kMostCounted = 128;
  if (all >= kMostCounted) {
    true_ones /= 2;
    all /= 2;
  }
  true_ones += came_true ? 1 : 0;
  all += 1;
}

void GuessRecord::Count(GuessKind kind, bool came_true) {
  entries_[static_cast<size_t>(kind)].Count(came_true);
  if (!IsCopy(kind)) drafts_.Count(came_true);
}

double GuessRecord::Chance(GuessKind kind) const {
  return entries_[static_cast<size_t>(kind)].Chance();
}

double GuessRecord::DraftChance() const { return drafts_.Chance(); }

void StepCosts::Add(int64_t rows, double seconds) {
  Entry& entry = entries_[rows];
  if (entry.samples == 0) {
    entry.seconds = seconds;
  } else if (entry.samples == 1) {  // the first may have waited for memory
    entry.seconds = std::min(entry.seconds, seconds);
  } else {
    entry.seconds += (std::min(seconds, 2 * entry.seconds) - entry.seconds) / 4;
  }
  ++entry.samples;
}

bool StepCosts::Knows(int64_t rows) const {
  const auto above = entries_.lower_bound(rows);
  if (above == entries_.end()) return false;
  if (above->first == rows && above->second.samples >= 2) return true;
  return above != entries_.begin() && std::prev(above)->second.samples >= 2 &&
         above->second.samples >= 2;
}

double StepCosts::Seconds(int64_t rows) const {
  if (entries_.empty()) return 0;
  const auto above = entries_.lower_bound(rows);
  if (above == entries_.end()) return std::prev(above)->second.seconds;
  if (above->first == rows || above == entries_.begin()) return above->second.seconds;
  const auto below = std::prev(above);
  const double part =
      static_cast<double>(rows - below->first) / static_cast<double>(above->first - below->first);
  return below->second.seconds + part * (above->second.seconds - below->second.seconds);
}

std::vector<size_t> ChooseGuesses(std::span<const std::vector<double>> chances,
                                  const StepCosts& costs, double spent_seconds) {
  struct Candidate {
    size_t sequence = 0;
    double chance = 0;  // that it is kept: it and all before it come true
  };
  std::vector<Candidate> candidates;
  for (size_t s = 0; s < chances.size(); ++s) {
    double kept = 1;
    for (const double chance : chances[s]) candidates.push_back({s, kept *= chance});
  }
  // Likeliest first. Chances fall along a sequence, so its guesses stay in order.
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.chance > b.chance; });
  const auto sequences = static_cast<int64_t>(chances.size());
  double tokens = static_cast<double>(sequences);
  const auto rate = [&](size_t guesses) {
    return tokens / (costs.Seconds(sequences + static_cast<int64_t>(guesses)) + spent_seconds);
  };
  constexpr double kLeastGain = 1.02;
  double best_rate = kLeastGain * rate(0);
  size_t best = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    tokens += candidates[i].chance;
    if (rate(i + 1) <= best_rate) continue;
    best_rate = rate(i + 1);
    best = i + 1;
  }
  std::vector<size_t> chosen(chances.size(), 0);
  for (size_t i = 0; i < best; ++i) ++chosen[candidates[i].sequence];
  return chosen;
}

void GuessLedger::Enter(double cost_seconds, double gain_seconds) {
  cost_seconds_ += cost_seconds;
  gain_seconds_ += gain_seconds;
  if (++steps_ < kSteps) return;
  const bool paid = gain_seconds_ >= cost_seconds_;
  paused_ = paid ? 0 : pause_steps_;
  pause_steps_ = paid ? kFirstPause : std::min(2 * pause_steps_, kLongestPause);
  cost_seconds_ = gain_seconds_ = 0;
  steps_ = 0;
}

bool GuessLedger::IsOpen() {
  if (paused_ == 0) return true;
  --paused_;
  return false;
}

CopyMatch FindCopy(std::span<const int32_t> source, std::span<const int32_t> output) {
  const auto source_tokens = static_cast<int64_t>(source.size());
  const auto output_tokens = static_cast<int64_t>(output.size());
  CopyMatch best;
  if (output.empty()) return best;
  int64_t best_end = 0;
  for (int64_t end = 1; end < source_tokens; ++end) {
    int64_t matched = 0;
    while (matched < std::min({end, output_tokens, kMaxMatchTokens}) &&
           source[static_cast<size_t>(end - 1 - matched)] ==
               output[static_cast<size_t>(output_tokens - 1 - matched)]) {
      ++matched;
    }
    if (matched == 0 || matched < best.matched_tokens) continue;
    if (matched == best.matched_tokens &&
        std::abs(end - output_tokens) >= std::abs(best_end - output_tokens))
      continue;
    best.matched_tokens = matched;
    best_end = end;
  }
  if (best.matched_tokens > 0) best.tokens = source.subspan(static_cast<size_t>(best_end));
  return best;
}

}  // namespace dragoman
