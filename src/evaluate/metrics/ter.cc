// Sentences as numbered words, and the score of summed edits.
#include "evaluate/metrics/ter.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "evaluate/metrics/shift_search.h"
#include "evaluate/metrics/signature.h"
#include "evaluate/metrics/symbol_table.h"
#include "evaluate/metrics/ter_tokenizer.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

template <typename T>
double ScoreOfTer(T edits, T length) {
  if (length > 0) return static_cast<double>(T(100) * (edits / length));
  return edits > 0 ? 100 : 0;  // no reference words: all wrong, or all right
}

}  // namespace

struct TerCounter::State {
  void Number(std::span<const std::string_view> from, std::vector<uint32_t>& to) {
    to.clear();
    for (const std::string_view word : from) to.push_back(symbols.Number(word));
  }

  TerOptions options;
  SymbolTable symbols;
  ShiftSearch search;
  TerTokenizer of_hypothesis, of_reference;
  std::vector<uint32_t> hypothesis, reference;
};

TerCounter::TerCounter(const TerOptions& options) : state_(std::make_unique<State>()) {
  state_->options = options;
}
TerCounter::~TerCounter() = default;
TerCounter::TerCounter(TerCounter&&) noexcept = default;

TerStats TerCounter::Count(std::string_view hypothesis, std::span<const std::string> references) {
  State& state = *state_;
  const auto own = state.of_hypothesis.Split(state.options, StripRight(hypothesis));
  int64_t best = std::numeric_limits<int64_t>::max();
  double lengths = 0;
  for (const std::string& text : references) {
    state.symbols.Clear();
    state.Number(own, state.hypothesis);
    state.Number(state.of_reference.SplitTwice(state.options, StripRight(text)), state.reference);
    best = std::min(best, state.search.Edits(state.hypothesis, state.reference));
    lengths += static_cast<double>(state.reference.size());
  }
  if (references.empty()) return {};
  return {best, lengths / static_cast<double>(references.size())};
}

TerStats& TerStats::operator+=(const TerStats& other) {
  edits += other.edits;
  reference_length += other.reference_length;
  return *this;
}

TerStats SentenceTerStats(const TerOptions& options, std::string_view hypothesis,
                          std::span<const std::string> references) {
  return TerCounter(options).Count(hypothesis, references);
}

double ComputeTer(const TerStats& stats) {
  return ScoreOfTer(static_cast<double>(stats.edits), stats.reference_length);
}
double TerOfSums(std::span<const double> sums) { return ScoreOfTer(sums[0], sums[1]); }
double TerOfSums(std::span<const float> sums) { return ScoreOfTer(sums[0], sums[1]); }

std::string TerSignature(const TerOptions& options, int references, std::string_view resampling) {
  return FormatSignature(
      references, resampling,
      fmt::format("case:{}|tok:tercom|norm:{}|punct:{}|asian:{}",
                  options.case_sensitive ? "mixed" : "lc", YesNo(options.normalized),
                  YesNo(!options.no_punct), YesNo(options.asian_support)));
}

}  // namespace dragoman
