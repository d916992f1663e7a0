// chrF and chrF++ as sacreBLEU 2.6.0 computes them. Pure functions on text.
#ifndef DRAGOMAN_EVALUATE_METRICS_CHRF_H_
#define DRAGOMAN_EVALUATE_METRICS_CHRF_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dragoman {

inline constexpr int kMaxChrfOrders = 12;  // of characters and words together

struct ChrfOptions {
  int char_order = 6;
  int word_order = 0;  // 2 for chrF++
  int beta = 2;        // weight of recall
  bool lowercase = false;
  bool whitespace = false;     // counts in character n-grams
  bool eps_smoothing = false;  // as chrF++.py, NLTK and Moses do, instead of the effective order
};

// For each order (characters first, then words): n-grams of the hypothesis, of the reference,
// matches.
struct ChrfStats {
  std::array<std::array<int64_t, 3>, kMaxChrfOrders> orders{};
  ChrfStats& operator+=(const ChrfStats& other);
};

// Counts one sentence after another with shared scratch memory; not thread-safe.
class ChrfCounter {
 public:
  explicit ChrfCounter(const ChrfOptions& options);
  ~ChrfCounter();
  ChrfCounter(ChrfCounter&&) noexcept;
  // Against the reference with the best score, the first of equals. At least one reference.
  ChrfStats Count(std::string_view hypothesis, std::span<const std::string> references);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
ChrfStats SentenceChrfStats(const ChrfOptions& options, std::string_view hypothesis,
                            std::span<const std::string> references);
double ComputeChrf(const ChrfOptions& options, const ChrfStats& stats);  // 0..100
// The same from the flattened orders. With float all arithmetic is in float, as sacreBLEU's when it
// resamples with NumPy 2.
double ChrfOfSums(std::span<const double> sums, const ChrfOptions& options);
double ChrfOfSums(std::span<const float> sums, const ChrfOptions& options);
double CorpusChrf(const ChrfOptions& options, std::span<const std::string> hypotheses,
                  std::span<const std::string> references);

std::string ChrfName(const ChrfOptions& options);  // "chrF2", "chrF2++"
// "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"; as BleuSignature otherwise.
std::string ChrfSignature(const ChrfOptions& options, int references = 1,
                          std::string_view resampling = {});

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_CHRF_H_
