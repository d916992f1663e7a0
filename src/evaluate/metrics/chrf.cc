// chrF: F-score over character n-grams (and word n-grams for chrF++), averaged over orders.
#include "evaluate/metrics/chrf.h"

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "evaluate/metrics/ngram_matcher.h"
#include "evaluate/metrics/signature.h"
#include "evaluate/metrics/symbol_table.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

bool IsAsciiPunctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

// 0..100 from [hypothesis, reference, matches] of each order.
template <typename T>
T FScore(std::span<const T> sums, const ChrfOptions& options) {
  const T eps = T(1e-16);
  const T factor = static_cast<T>(options.beta * options.beta);
  T precisions = 0, recalls = 0, smoothed = 0;
  int effective = 0;  // orders that both sides have
  const int orders = options.char_order + options.word_order;
  for (size_t n = 0; n < static_cast<size_t>(orders); ++n) {
    const T of_hypothesis = sums[3 * n], of_reference = sums[3 * n + 1], matches = sums[3 * n + 2];
    const T precision = of_hypothesis > 0 ? matches / of_hypothesis : eps;
    const T recall = of_reference > 0 ? matches / of_reference : eps;
    const T denominator = factor * precision + recall;
    smoothed += denominator > 0 ? (1 + factor) * precision * recall / denominator : eps;
    if (of_hypothesis <= 0 || of_reference <= 0) continue;
    precisions += precision;
    recalls += recall;
    ++effective;
  }
  if (options.eps_smoothing) return 100 * smoothed / static_cast<T>(orders);
  if (effective == 0) return 0;
  precisions /= static_cast<T>(effective);
  recalls /= static_cast<T>(effective);
  if (precisions + recalls == 0) return 0;
  T score = (1 + factor) * precisions * recalls;
  score /= factor * precisions + recalls;
  return 100 * score;
}

}  // namespace

struct ChrfCounter::State {
  struct Line {
    std::vector<uint32_t> characters, words;
    std::string lower;
  };

  void Prepare(std::string_view text, Line& line) {
    line.characters.clear();
    line.words.clear();
    if (options.lowercase) {
      LowerCase(text, line.lower);
      text = line.lower;
    }
    NumberCharacters(text, line.characters);
    if (options.word_order == 0) return;
    pieces.clear();
    SplitWhiteSpace(text, pieces);
    for (const std::string_view piece : pieces) {
      // One mark is split off, at the end or else at the start: "(hi)" gives "(hi" and ")".
      const bool single = DecodeUtf8(piece, 0).size_bytes == piece.size();
      if (!single && IsAsciiPunctuation(piece.back())) {
        line.words.push_back(words.Number(piece.substr(0, piece.size() - 1)));
        line.words.push_back(words.Number(piece.substr(piece.size() - 1)));
      } else if (!single && IsAsciiPunctuation(piece.front())) {
        line.words.push_back(words.Number(piece.substr(0, 1)));
        line.words.push_back(words.Number(piece.substr(1)));
      } else {
        line.words.push_back(words.Number(piece));
      }
    }
  }

  void NumberCharacters(std::string_view text, std::vector<uint32_t>& numbers) {
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = DecodeUtf8(text, i);
      if (options.whitespace || !IsPythonSpace(point.value))
        numbers.push_back(characters.Number(point.value));
      i += point.size_bytes;
    }
  }

  void Fill(std::span<const uint32_t> hypothesis_symbols,
            std::span<const uint32_t> reference_symbols, std::span<std::array<int64_t, 3>> orders) {
    std::array<int64_t, kMaxChrfOrders> matches{};
    const std::span<const uint32_t> references[] = {reference_symbols};
    matcher.Match(hypothesis_symbols, references, std::span(matches).first(orders.size()));
    for (size_t n = 0; n < orders.size(); ++n) {
      const auto shorter = static_cast<int64_t>(n);
      const int64_t of_reference =
          std::max<int64_t>(static_cast<int64_t>(reference_symbols.size()) - shorter, 0);
      const int64_t of_hypothesis =
          std::max<int64_t>(static_cast<int64_t>(hypothesis_symbols.size()) - shorter, 0);
      // n-grams of an order that the reference lacks do not count against the hypothesis.
      orders[n] = {of_reference > 0 ? of_hypothesis : 0, of_reference, matches[n]};
    }
  }

  ChrfOptions options;
  SymbolTable words;
  CharacterTable characters;
  NgramMatcher matcher;
  Line hypothesis, reference;
  std::vector<std::string_view> pieces;
};

ChrfCounter::ChrfCounter(const ChrfOptions& options) : state_(std::make_unique<State>()) {
  state_->options = options;
}
ChrfCounter::~ChrfCounter() = default;
ChrfCounter::ChrfCounter(ChrfCounter&&) noexcept = default;

ChrfStats ChrfCounter::Count(std::string_view hypothesis, std::span<const std::string> references) {
  State& state = *state_;
  const auto characters = static_cast<size_t>(state.options.char_order);
  const auto words = static_cast<size_t>(state.options.word_order);
  ChrfStats best;
  double best_score = -1;
  for (const std::string& text : references) {
    state.characters.Clear();
    state.words.Clear();  // the words of the last reference may be gone
    state.Prepare(hypothesis, state.hypothesis);
    state.Prepare(text, state.reference);
    ChrfStats stats;
    state.Fill(state.hypothesis.characters, state.reference.characters,
               std::span(stats.orders).first(characters));
    if (words > 0) {
      state.Fill(state.hypothesis.words, state.reference.words,
                 std::span(stats.orders).subspan(characters, words));
    }
    if (references.size() == 1) return stats;
    const double score = ComputeChrf(state.options, stats);
    if (score > best_score) {
      best_score = score;
      best = stats;
    }
  }
  return best;
}

ChrfStats& ChrfStats::operator+=(const ChrfStats& other) {
  for (size_t n = 0; n < orders.size(); ++n) {
    for (size_t i = 0; i < 3; ++i) orders[n][i] += other.orders[n][i];
  }
  return *this;
}

ChrfStats SentenceChrfStats(const ChrfOptions& options, std::string_view hypothesis,
                            std::span<const std::string> references) {
  return ChrfCounter(options).Count(hypothesis, references);
}

double ComputeChrf(const ChrfOptions& options, const ChrfStats& stats) {
  std::array<double, size_t{3} * kMaxChrfOrders> sums{};
  for (size_t n = 0; n < stats.orders.size(); ++n) {
    for (size_t i = 0; i < 3; ++i) sums[3 * n + i] = static_cast<double>(stats.orders[n][i]);
  }
  return FScore<double>(sums, options);
}

double ChrfOfSums(std::span<const double> sums, const ChrfOptions& options) {
  return FScore(sums, options);
}
double ChrfOfSums(std::span<const float> sums, const ChrfOptions& options) {
  return static_cast<double>(FScore(sums, options));
}

double CorpusChrf(const ChrfOptions& options, std::span<const std::string> hypotheses,
                  std::span<const std::string> references) {
  ChrfCounter counter(options);
  ChrfStats sum;
  for (size_t i = 0; i < std::min(hypotheses.size(), references.size()); ++i) {
    sum += counter.Count(hypotheses[i], references.subspan(i, 1));
  }
  return ComputeChrf(options, sum);
}

std::string ChrfName(const ChrfOptions& options) {
  return "chrF" + std::to_string(options.beta) +
         std::string(static_cast<size_t>(options.word_order), '+');
}

std::string ChrfSignature(const ChrfOptions& options, int references, std::string_view resampling) {
  return FormatSignature(
      references, resampling,
      fmt::format("case:{}|eff:{}|nc:{}|nw:{}|space:{}", options.lowercase ? "lc" : "mixed",
                  YesNo(!options.eps_smoothing), options.char_order, options.word_order,
                  YesNo(options.whitespace)));
}

}  // namespace dragoman
