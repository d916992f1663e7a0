// chrF2 and chrF2++ as sacreBLEU 2.6.0 computes them. Pure functions on text.
#ifndef DRAGOMAN_EVALUATE_METRICS_CHRF_H_
#define DRAGOMAN_EVALUATE_METRICS_CHRF_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dragoman {

struct ChrfOptions {
  int char_order = 6;
  int word_order = 0;  // 2 for chrF++
  int beta = 2;
};

// For each order (characters first, then words): n-grams of the hypothesis, of the reference,
// matches.
struct ChrfStats {
  std::array<std::array<int64_t, 3>, 8> orders{};
  ChrfStats& operator+=(const ChrfStats& other);
};
ChrfStats SentenceChrfStats(const ChrfOptions& options, std::string_view hypothesis,
                            std::span<const std::string> references);
double ComputeChrf(const ChrfOptions& options, const ChrfStats& stats);  // 0..100
double CorpusChrf(const ChrfOptions& options, std::span<const std::string> hypotheses,
                  std::span<const std::string> references);
// "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"
std::string ChrfSignature(const ChrfOptions& options, int references = 1);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_CHRF_H_
