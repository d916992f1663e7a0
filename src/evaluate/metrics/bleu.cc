// BLEU from clipped n-gram counts, with the smoothings of Chen and Cherry (2014).
#include "evaluate/metrics/bleu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/utf8.h"
#include "evaluate/metrics/bleu_tokenizer.h"
#include "evaluate/metrics/ngram_matcher.h"
#include "evaluate/metrics/signature.h"
#include "evaluate/metrics/symbol_table.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

constexpr double kLogOfZero = -9999999999.0;  // sacreBLEU's stand-in

std::string TokenizerName(const BleuOptions& options) {
  switch (options.tokenizer) {
    case BleuTokenizer::kNone:
      return "none";
    case BleuTokenizer::k13a:
      return "13a";
    case BleuTokenizer::kZh:
      return "zh";
    case BleuTokenizer::kChar:
      return "char";
    case BleuTokenizer::kIntl:
      return "intl";
    case BleuTokenizer::kSegmenter:
      return options.segmenter->signature();
  }
  return "none";
}

double SmoothValue(const BleuOptions& options) {
  return options.smooth_value.value_or(options.smoothing == BleuSmoothing::kFloor ? 0.1 : 1.0);
}

// Python's sum() since 3.12: what each addition rounds away is added at the end (Neumaier, 1974).
class CompensatedSum {
 public:
  void Add(double value) {
    const double sum = sum_ + value;
    lost_ += std::abs(sum_) >= std::abs(value) ? (sum_ - sum) + value : (value - sum) + sum_;
    sum_ = sum;
  }
  double Total() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

template <typename T>
BleuScore ComputeFromSums(std::span<const T> sums, const BleuOptions& options) {
  BleuScore result;
  const auto orders = static_cast<size_t>(options.max_order);
  result.order = options.max_order;
  result.hypothesis_length = static_cast<int64_t>(sums[0]);
  result.reference_length = static_cast<int64_t>(sums[1]);
  const auto correct = sums.subspan(2, orders);
  const auto total = sums.subspan(2 + orders, orders);
  if (result.hypothesis_length < result.reference_length) {
    result.brevity_penalty = result.hypothesis_length > 0
                                 ? std::exp(1 - static_cast<double>(result.reference_length) /
                                                    static_cast<double>(result.hypothesis_length))
                                 : 0.0;
  }
  if (std::all_of(correct.begin(), correct.end(), [](T c) { return c == 0; })) return result;

  double halvings = 1;
  size_t used = orders;
  for (size_t n = 0; n < orders; ++n) {
    const bool add = options.smoothing == BleuSmoothing::kAddK && n > 0;
    const T of_all = add ? total[n] + static_cast<T>(SmoothValue(options)) : total[n];
    const T matched = add ? correct[n] + static_cast<T>(SmoothValue(options)) : correct[n];
    if (of_all == 0) break;
    if (options.effective_order) used = n + 1;
    if (matched != 0) {
      result.precisions[n] = T(100) * matched / of_all;
    } else if (options.smoothing == BleuSmoothing::kExp) {
      halvings *= 2;
      result.precisions[n] = T(100) / (static_cast<T>(halvings) * of_all);
    } else if (options.smoothing == BleuSmoothing::kFloor) {
      result.precisions[n] = static_cast<T>(100 * SmoothValue(options)) / of_all;
    }
  }
  CompensatedSum logs;
  for (size_t n = 0; n < used; ++n)
    logs.Add(result.precisions[n] == 0 ? kLogOfZero : std::log(result.precisions[n]));
  result.score = result.brevity_penalty * std::exp(logs.Total() / static_cast<double>(used));
  return result;
}

}  // namespace

struct BleuCounter::State {
  struct Line {
    LineTokenizer tokenizer;  // one each: the words' views must live until the sentence is done
    std::vector<uint32_t> numbers;
    std::string lower;
  };

  void Number(std::string_view text, size_t index) {
    Line& line = lines[index];
    line.numbers.clear();
    if (options.lowercase) {
      LowerCase(text, line.lower);
      text = line.lower;
    }
    if (options.tokenizer == BleuTokenizer::kChar) {
      NumberCharacters(StripRight(text), line.numbers);
      return;
    }
    for (const std::string_view word :
         line.tokenizer.Split(options.tokenizer, options.segmenter.get(), text)) {
      line.numbers.push_back(words.Number(word));
    }
  }

  // The tokens of kChar without a detour over strings.
  void NumberCharacters(std::string_view text, std::vector<uint32_t>& numbers) {
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = DecodeUtf8(text, i);
      const char32_t byte = static_cast<unsigned char>(text[i]);  // what is no UTF-8 is told apart
      if (!IsPythonSpace(point.value))
        numbers.push_back(characters.Number(point.valid ? point.value : 0x110000 + byte));
      i += point.size_bytes;
    }
  }

  // The reference length nearest to the hypothesis', the shorter on ties.
  int64_t ClosestLength(int64_t length) const {
    int64_t best = -1;
    for (const auto& span : spans) {
      const auto candidate = static_cast<int64_t>(span.size());
      const int64_t gain = best < 0 ? 1 : std::abs(length - best) - std::abs(length - candidate);
      if (gain > 0 || (gain == 0 && candidate < best)) best = candidate;
    }
    return std::max<int64_t>(best, 0);
  }

  BleuOptions options;
  SymbolTable words;
  CharacterTable characters;
  NgramMatcher matcher;
  std::vector<Line> lines;
  std::vector<std::span<const uint32_t>> spans;
};

BleuCounter::BleuCounter(BleuOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}
BleuCounter::~BleuCounter() = default;
BleuCounter::BleuCounter(BleuCounter&&) noexcept = default;

BleuStats BleuCounter::Count(std::string_view hypothesis, std::span<const std::string> references) {
  State& state = *state_;
  const size_t own = references.size();
  state.words.Clear();
  state.characters.Clear();
  if (state.lines.size() < own + 1) state.lines.resize(own + 1);
  for (size_t r = 0; r < own; ++r) state.Number(references[r], r);
  state.Number(hypothesis, own);
  state.spans.clear();
  for (size_t r = 0; r < own; ++r) state.spans.emplace_back(state.lines[r].numbers);

  BleuStats stats;
  const auto& words = state.lines[own].numbers;
  const auto orders = static_cast<size_t>(state.options.max_order);
  state.matcher.Match(words, state.spans, std::span(stats.correct).first(orders));
  stats.hypothesis_length = static_cast<int64_t>(words.size());
  for (size_t n = 0; n < orders; ++n) {
    stats.total[n] = std::max<int64_t>(stats.hypothesis_length - static_cast<int64_t>(n), 0);
  }
  stats.reference_length = state.ClosestLength(stats.hypothesis_length);
  return stats;
}

BleuOptions BleuOptionsFor(std::string_view target_language, const std::string& korean_dictionary) {
  BleuOptions options;
  const std::string_view base = target_language.substr(0, target_language.find_first_of("-_"));
  if (base == "zh") options.tokenizer = BleuTokenizer::kZh;
  if (base != "ja" && base != "ko") return options;
  // Opened once: loading the dictionary takes longer than scoring a suite.
  static const auto japanese = OpenMecab(MecabLanguage::kJapanese, {});
  const auto segmenter =
      base == "ja" ? japanese : OpenMecab(MecabLanguage::kKorean, korean_dictionary);
  options.tokenizer = segmenter ? BleuTokenizer::kSegmenter : BleuTokenizer::kChar;
  if (segmenter) options.segmenter = *segmenter;
  return options;
}

std::string Tokenize(const BleuOptions& options, std::string_view line) {
  LineTokenizer splitter;
  std::string out;
  for (const std::string_view token :
       splitter.Split(options.tokenizer, options.segmenter.get(), line)) {
    if (!out.empty()) out += ' ';
    out += token;
  }
  return out;
}

BleuStats& BleuStats::operator+=(const BleuStats& other) {
  for (size_t n = 0; n < correct.size(); ++n) {
    correct[n] += other.correct[n];
    total[n] += other.total[n];
  }
  hypothesis_length += other.hypothesis_length;
  reference_length += other.reference_length;
  return *this;
}

BleuStats SentenceBleuStats(const BleuOptions& options, std::string_view hypothesis,
                            std::span<const std::string> references) {
  return BleuCounter(options).Count(hypothesis, references);
}

BleuScore ComputeBleu(const BleuStats& stats, const BleuOptions& options) {
  std::array<double, 2 + 2 * kMaxBleuOrder> sums{};
  const auto orders = static_cast<size_t>(options.max_order);
  sums[0] = static_cast<double>(stats.hypothesis_length);
  sums[1] = static_cast<double>(stats.reference_length);
  for (size_t n = 0; n < orders; ++n) {
    sums[2 + n] = static_cast<double>(stats.correct[n]);
    sums[2 + orders + n] = static_cast<double>(stats.total[n]);
  }
  return ComputeFromSums<double>(sums, options);
}

BleuScore BleuFromSums(std::span<const double> sums, const BleuOptions& options) {
  return ComputeFromSums(sums, options);
}
double BleuOfSums(std::span<const double> sums, const BleuOptions& options) {
  return ComputeFromSums(sums, options).score;
}
double BleuOfSums(std::span<const float> sums, const BleuOptions& options) {
  return ComputeFromSums(sums, options).score;
}

BleuScore CorpusBleu(const BleuOptions& options, std::span<const std::string> hypotheses,
                     std::span<const std::string> references) {
  BleuCounter counter(options);
  BleuStats sum;
  for (size_t i = 0; i < std::min(hypotheses.size(), references.size()); ++i) {
    sum += counter.Count(hypotheses[i], references.subspan(i, 1));
  }
  return ComputeBleu(sum, options);
}

std::string BleuSignature(const BleuOptions& options, int references, std::string_view resampling) {
  std::string smoothing;
  switch (options.smoothing) {
    case BleuSmoothing::kNone:
      smoothing = "none";
      break;
    case BleuSmoothing::kExp:
      smoothing = "exp";
      break;
    case BleuSmoothing::kFloor:
      smoothing = fmt::format("floor[{:.2f}]", SmoothValue(options));
      break;
    case BleuSmoothing::kAddK:
      smoothing = fmt::format("add-k[{:.2f}]", SmoothValue(options));
      break;
  }
  return FormatSignature(
      references, resampling,
      fmt::format("case:{}|eff:{}|tok:{}|smooth:{}", options.lowercase ? "lc" : "mixed",
                  YesNo(options.effective_order), TokenizerName(options), smoothing));
}

std::string FormatBleuDetails(const BleuScore& score) {
  const double ratio = score.reference_length == 0
                           ? 0.0
                           : static_cast<double>(score.hypothesis_length) /
                                 static_cast<double>(score.reference_length);
  std::string precisions;
  for (int n = 0; n < score.order; ++n) {
    precisions +=
        fmt::format("{}{:.1f}", n == 0 ? "" : "/", score.precisions[static_cast<size_t>(n)]);
  }
  return fmt::format("{} (BP = {:.3f} ratio = {:.3f} hyp_len = {} ref_len = {})", precisions,
                     score.brevity_penalty, ratio, score.hypothesis_length, score.reference_length);
}

std::string FormatBleu(const BleuScore& score) {
  return fmt::format("BLEU = {:.2f} {}", score.score, FormatBleuDetails(score));
}

}  // namespace dragoman
