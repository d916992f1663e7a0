// BLEU from clipped n-gram counts, smoothed as sacreBLEU's "exp" (NIST's mteval).
#include "evaluate/metrics/bleu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "evaluate/metrics/bleu_tokenizer.h"
#include "evaluate/metrics/ngram_matcher.h"

namespace dragoman {
namespace {

constexpr double kLogOfZero = -9999999999.0;  // sacreBLEU's stand-in

const char* TokenizerName(BleuTokenizer tokenizer) {
  switch (tokenizer) {
    case BleuTokenizer::kNone:
      return "none";
    case BleuTokenizer::k13a:
      return "13a";
    case BleuTokenizer::kZh:
      return "zh";
    case BleuTokenizer::kChar:
      return "char";
  }
  return "none";
}

// One sentence after another with shared scratch memory.
class SentenceCounter {
 public:
  BleuStats Count(BleuTokenizer tokenizer, std::string_view hypothesis,
                  std::span<const std::string> references) {
    symbols_.Clear();
    if (lines_.size() < references.size() + 1) lines_.resize(references.size() + 1);
    size_t used = 0;
    for (const std::string& reference : references) {
      if (reference.empty()) continue;  // stands for "this sentence has fewer references"
      Number(tokenizer, reference, used++);
    }
    const size_t own = used;
    Number(tokenizer, hypothesis, own);
    spans_.clear();
    for (size_t i = 0; i < used; ++i) spans_.emplace_back(lines_[i].numbers);

    BleuStats stats;
    const auto& words = lines_[own].numbers;
    matcher_.Match(words, spans_, stats.correct);
    stats.hypothesis_length = static_cast<int64_t>(words.size());
    for (size_t n = 0; n < stats.total.size(); ++n) {
      stats.total[n] = std::max<int64_t>(stats.hypothesis_length - static_cast<int64_t>(n), 0);
    }
    stats.reference_length = ClosestLength(stats.hypothesis_length);
    return stats;
  }

 private:
  struct Line {
    LineTokenizer tokenizer;  // one each: the words' views must live until the sentence is done
    std::vector<uint32_t> numbers;
  };

  void Number(BleuTokenizer tokenizer, std::string_view text, size_t index) {
    Line& line = lines_[index];
    line.numbers.clear();
    for (const std::string_view word : line.tokenizer.Split(tokenizer, text)) {
      line.numbers.push_back(symbols_.Number(word));
    }
  }

  // The reference length nearest to the hypothesis', the shorter on ties.
  int64_t ClosestLength(int64_t length) const {
    int64_t best = -1;
    for (const auto& span : spans_) {
      const auto candidate = static_cast<int64_t>(span.size());
      const int64_t gain = best < 0 ? 1 : std::abs(length - best) - std::abs(length - candidate);
      if (gain > 0 || (gain == 0 && candidate < best)) best = candidate;
    }
    return std::max<int64_t>(best, 0);
  }

  SymbolTable symbols_;
  NgramMatcher matcher_;
  std::vector<Line> lines_;
  std::vector<std::span<const uint32_t>> spans_;
};

}  // namespace

BleuTokenizer DefaultBleuTokenizer(std::string_view target_language) {
  const std::string_view base = target_language.substr(0, target_language.find_first_of("-_"));
  if (base == "zh") return BleuTokenizer::kZh;
  if (base == "ja" || base == "ko") return BleuTokenizer::kChar;
  return BleuTokenizer::k13a;
}

std::string Tokenize(BleuTokenizer tokenizer, std::string_view line) {
  LineTokenizer splitter;
  std::string out;
  for (const std::string_view token : splitter.Split(tokenizer, line)) {
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

BleuStats SentenceBleuStats(BleuTokenizer tokenizer, std::string_view hypothesis,
                            std::span<const std::string> references) {
  return SentenceCounter().Count(tokenizer, hypothesis, references);
}

BleuScore ComputeBleu(const BleuStats& stats) {
  BleuScore result;
  result.hypothesis_length = stats.hypothesis_length;
  result.reference_length = stats.reference_length;
  const auto hypothesis = static_cast<double>(stats.hypothesis_length);
  const auto reference = static_cast<double>(stats.reference_length);
  if (stats.hypothesis_length < stats.reference_length) {
    result.brevity_penalty =
        stats.hypothesis_length > 0 ? std::exp(1 - reference / hypothesis) : 0.0;
  }
  if (std::all_of(stats.correct.begin(), stats.correct.end(), [](int64_t c) { return c == 0; }))
    return result;

  double halvings = 1;
  for (size_t n = 0; n < stats.total.size() && stats.total[n] > 0; ++n) {
    const auto total = static_cast<double>(stats.total[n]);
    if (stats.correct[n] == 0) {
      halvings *= 2;
      result.precisions[n] = 100.0 / (halvings * total);
    } else {
      result.precisions[n] = 100.0 * static_cast<double>(stats.correct[n]) / total;
    }
  }
  double logs = 0;
  for (const double precision : result.precisions)
    logs += precision == 0 ? kLogOfZero : std::log(precision);
  result.score =
      result.brevity_penalty * std::exp(logs / static_cast<double>(result.precisions.size()));
  return result;
}

BleuScore CorpusBleu(BleuTokenizer tokenizer, std::span<const std::string> hypotheses,
                     std::span<const std::string> references) {
  SentenceCounter counter;
  BleuStats sum;
  for (size_t i = 0; i < std::min(hypotheses.size(), references.size()); ++i) {
    sum += counter.Count(tokenizer, hypotheses[i], references.subspan(i, 1));
  }
  return ComputeBleu(sum);
}

std::string BleuSignature(BleuTokenizer tokenizer, int references) {
  return fmt::format("nrefs:{}|case:mixed|eff:no|tok:{}|smooth:exp|version:2.6.0", references,
                     TokenizerName(tokenizer));
}

std::string FormatBleu(const BleuScore& score) {
  const double ratio = score.reference_length == 0
                           ? 0.0
                           : static_cast<double>(score.hypothesis_length) /
                                 static_cast<double>(score.reference_length);
  return fmt::format(
      "BLEU = {:.2f} {:.1f}/{:.1f}/{:.1f}/{:.1f} (BP = {:.3f} ratio = {:.3f} hyp_len = {} ref_len "
      "= {})",
      score.score, score.precisions[0], score.precisions[1], score.precisions[2],
      score.precisions[3], score.brevity_penalty, ratio, score.hypothesis_length,
      score.reference_length);
}

}  // namespace dragoman
