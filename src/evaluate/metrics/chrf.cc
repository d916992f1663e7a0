// chrF: F-score over character n-grams (and word n-grams for chrF++), averaged over orders.
#include "evaluate/metrics/chrf.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "evaluate/metrics/ngram_matcher.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

bool IsAsciiPunctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

// White space removed, as code points.
void AppendCharacters(std::string_view text, std::vector<uint32_t>& out) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      if (!IsPythonSpace(byte)) out.push_back(byte);
      ++i;
      continue;
    }
    const CodePoint point = DecodeUtf8(text, i);
    if (!IsPythonSpace(point.value)) out.push_back(static_cast<uint32_t>(point.value));
    i += point.size_bytes;
  }
}

class ChrfCounter {
 public:
  ChrfStats Count(const ChrfOptions& options, std::string_view hypothesis,
                  std::span<const std::string> references) {
    symbols_.Clear();
    Prepare(options, hypothesis, hypothesis_);
    ChrfStats best;
    double best_score = -1;
    for (const std::string& reference : references) {
      if (reference.empty() && references.size() > 1)
        continue;  // "this sentence has fewer references"
      Prepare(options, reference, reference_);
      ChrfStats stats;
      const auto characters = static_cast<size_t>(options.char_order);
      const auto words = static_cast<size_t>(options.word_order);
      Fill(hypothesis_.characters, reference_.characters,
           std::span(stats.orders).first(characters));
      Fill(hypothesis_.words, reference_.words, std::span(stats.orders).subspan(characters, words));
      const double score = references.size() > 1 ? ComputeChrf(options, stats) : 0;
      if (score > best_score) {
        best_score = score;
        best = stats;
      }
    }
    return best;
  }

 private:
  struct Line {
    std::vector<uint32_t> characters, words;
  };

  void Prepare(const ChrfOptions& options, std::string_view text, Line& line) {
    line.characters.clear();
    line.words.clear();
    AppendCharacters(text, line.characters);
    if (options.word_order == 0) return;
    pieces_.clear();
    SplitWhiteSpace(text, pieces_);
    for (const std::string_view piece : pieces_) {
      // One mark is split off, at the end or else at the start: "(hi)" gives "(hi" and ")".
      const bool single = DecodeUtf8(piece, 0).size_bytes == piece.size();
      if (!single && IsAsciiPunctuation(piece.back())) {
        line.words.push_back(symbols_.Number(piece.substr(0, piece.size() - 1)));
        line.words.push_back(symbols_.Number(piece.substr(piece.size() - 1)));
      } else if (!single && IsAsciiPunctuation(piece.front())) {
        line.words.push_back(symbols_.Number(piece.substr(0, 1)));
        line.words.push_back(symbols_.Number(piece.substr(1)));
      } else {
        line.words.push_back(symbols_.Number(piece));
      }
    }
  }

  void Fill(std::span<const uint32_t> hypothesis, std::span<const uint32_t> reference,
            std::span<std::array<int64_t, 3>> orders) {
    std::array<int64_t, 8> matches{};
    const std::span<const uint32_t> references[] = {reference};
    matcher_.Match(hypothesis, references, std::span(matches).first(orders.size()));
    for (size_t n = 0; n < orders.size(); ++n) {
      const int64_t of_reference =
          std::max<int64_t>(static_cast<int64_t>(reference.size()) - static_cast<int64_t>(n), 0);
      const int64_t of_hypothesis =
          std::max<int64_t>(static_cast<int64_t>(hypothesis.size()) - static_cast<int64_t>(n), 0);
      // n-grams of an order that the reference lacks do not count against the hypothesis.
      orders[n] = {of_reference > 0 ? of_hypothesis : 0, of_reference, matches[n]};
    }
  }

  SymbolTable symbols_;
  NgramMatcher matcher_;
  Line hypothesis_, reference_;
  std::vector<std::string_view> pieces_;
};

}  // namespace

ChrfStats& ChrfStats::operator+=(const ChrfStats& other) {
  for (size_t n = 0; n < orders.size(); ++n) {
    for (size_t i = 0; i < 3; ++i) orders[n][i] += other.orders[n][i];
  }
  return *this;
}

ChrfStats SentenceChrfStats(const ChrfOptions& options, std::string_view hypothesis,
                            std::span<const std::string> references) {
  return ChrfCounter().Count(options, hypothesis, references);
}

double ComputeChrf(const ChrfOptions& options, const ChrfStats& stats) {
  const double factor = static_cast<double>(options.beta) * options.beta;
  double precision = 0, recall = 0;
  int orders = 0;  // that both sides have
  for (size_t n = 0; n < static_cast<size_t>(options.char_order + options.word_order); ++n) {
    const auto& counts = stats.orders[n];
    if (counts[0] <= 0 || counts[1] <= 0) continue;
    precision += static_cast<double>(counts[2]) / static_cast<double>(counts[0]);
    recall += static_cast<double>(counts[2]) / static_cast<double>(counts[1]);
    ++orders;
  }
  if (orders == 0) return 0;
  precision /= orders;
  recall /= orders;
  if (precision + recall == 0) return 0;
  const double score = (1 + factor) * precision * recall / (factor * precision + recall);
  return 100 * score;
}

double CorpusChrf(const ChrfOptions& options, std::span<const std::string> hypotheses,
                  std::span<const std::string> references) {
  ChrfCounter counter;
  ChrfStats sum;
  for (size_t i = 0; i < std::min(hypotheses.size(), references.size()); ++i) {
    sum += counter.Count(options, hypotheses[i], references.subspan(i, 1));
  }
  return ComputeChrf(options, sum);
}

std::string ChrfSignature(const ChrfOptions& options, int references) {
  return fmt::format("nrefs:{}|case:mixed|eff:yes|nc:{}|nw:{}|space:no|version:2.6.0", references,
                     options.char_order, options.word_order);
}

}  // namespace dragoman
