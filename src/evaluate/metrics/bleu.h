// BLEU as sacreBLEU 2.6.0 computes it, with its signature. Pure functions on text.
#ifndef DRAGOMAN_EVALUATE_METRICS_BLEU_H_
#define DRAGOMAN_EVALUATE_METRICS_BLEU_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/metrics/segmenter.h"

namespace dragoman {

// kSegmenter: MeCab or SentencePiece, whichever BleuOptions::segmenter holds.
enum class BleuTokenizer { kNone, k13a, kZh, kChar, kIntl, kSegmenter };

enum class BleuSmoothing { kNone, kFloor, kAddK, kExp };

inline constexpr int kMaxBleuOrder = 8;

struct BleuOptions {
  BleuTokenizer tokenizer = BleuTokenizer::k13a;
  std::shared_ptr<const Segmenter> segmenter = nullptr;  // with kSegmenter only
  bool lowercase = false;
  BleuSmoothing smoothing = BleuSmoothing::kExp;
  std::optional<double> smooth_value =
      std::nullopt;              // of floor (default 0.1) and add-k (default 1)
  int max_order = 4;             // 1..kMaxBleuOrder
  bool effective_order = false;  // only orders that the hypothesis has; for single sentences
};

// The tokenizer that sacreBLEU picks for a target language: zh, ja-mecab, ko-mecab, else 13a. Where
// MeCab or its dictionary is missing, Japanese and Korean are cut into characters, and the
// signature says so. `korean_dictionary`: a folder, or empty.
BleuOptions BleuOptionsFor(std::string_view target_language,
                           const std::string& korean_dictionary = {});

std::string Tokenize(const BleuOptions& options,
                     std::string_view line);  // tokens joined by single spaces

// Sufficient statistics of one sentence, or their sum over a corpus.
struct BleuStats {
  std::array<int64_t, kMaxBleuOrder> correct{};
  std::array<int64_t, kMaxBleuOrder> total{};
  int64_t hypothesis_length = 0;
  int64_t reference_length = 0;  // of the reference nearest in length
  BleuStats& operator+=(const BleuStats& other);
};

// Counts one sentence after another with shared scratch memory; not thread-safe.
class BleuCounter {
 public:
  explicit BleuCounter(BleuOptions options);
  ~BleuCounter();
  BleuCounter(BleuCounter&&) noexcept;
  // At least one reference; an empty one counts as a reference of no words.
  BleuStats Count(std::string_view hypothesis, std::span<const std::string> references);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
BleuStats SentenceBleuStats(const BleuOptions& options, std::string_view hypothesis,
                            std::span<const std::string> references);

struct BleuScore {
  double score = 0;  // 0..100
  int order = 4;
  std::array<double, kMaxBleuOrder> precisions{};
  double brevity_penalty = 1;
  int64_t hypothesis_length = 0;
  int64_t reference_length = 0;
};
BleuScore ComputeBleu(const BleuStats& stats, const BleuOptions& options = {});
// The same from hypothesis length, reference length, matches by order, n-grams by order. With float
// the precisions are rounded to float, as sacreBLEU's are when it resamples with NumPy 2.
BleuScore BleuFromSums(std::span<const double> sums, const BleuOptions& options);
double BleuOfSums(std::span<const double> sums, const BleuOptions& options);
double BleuOfSums(std::span<const float> sums, const BleuOptions& options);

// One reference a sentence.
BleuScore CorpusBleu(const BleuOptions& options, std::span<const std::string> hypotheses,
                     std::span<const std::string> references);

// "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0". `references`: how many each
// sentence has; 0: their number varies. `resampling`: "bs:1000|seed:12345" or empty.
std::string BleuSignature(const BleuOptions& options, int references = 1,
                          std::string_view resampling = {});
// "66.2/41.1/28.0/19.4 (BP = 0.983 ratio = 0.983 hyp_len = 100 ref_len = 102)"
std::string FormatBleuDetails(const BleuScore& score);
// "BLEU = 34.19 " and the details.
std::string FormatBleu(const BleuScore& score);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_BLEU_H_
