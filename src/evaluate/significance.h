// Significance tests between systems on one test set, equal to sacreBLEU's to the last digit for
// the same seed: paired bootstrap resampling (Koehn 2004) and paired approximate randomisation
// (Riezler and Maxwell 2005), and the bootstrap interval of one system's score.
#ifndef DRAGOMAN_EVALUATE_SIGNIFICANCE_H_
#define DRAGOMAN_EVALUATE_SIGNIFICANCE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "evaluate/metrics/metric.h"

namespace dragoman {

inline constexpr uint64_t kDefaultSeed = 12345;  // sacreBLEU's
inline constexpr int kDefaultBootstrapDraws = 1000;
inline constexpr int kDefaultRandomisationTrials = 10000;

// Statistics of a system's sentences, one row each.
struct StatsTable {
  size_t columns = 0;
  std::vector<double> values;  // rows one after another
  size_t rows() const { return columns == 0 ? 0 : values.size() / columns; }
  std::span<const double> row(size_t i) const {
    return std::span(values).subspan(i * columns, columns);
  }
  std::vector<double> Sum() const;
};
// `references`: of each sentence; at least one each, as many sentences as hypotheses.
StatsTable CountStats(Metric& metric, std::span<const std::string> hypotheses,
                      std::span<const std::vector<std::string>> references);

// Mean of the resampled scores and half the width of their 95 % interval.
struct Resampled {
  double mean = 0, half_width = 0;
};
Resampled EstimateInterval(const Metric& metric, const StatsTable& stats, int draws, uint64_t seed);

enum class PairedTest { kBootstrap, kRandomisation };

struct PairedResult {
  double score = 0;
  double p_value = 1;   // two-sided: a difference as large as seen, were the systems equal
  Resampled resampled;  // of the bootstrap only
};
// Errors: kInvalidArgument (tables of different sizes, no rows, fewer than one draw).
Result<PairedResult> TestPair(PairedTest test, const Metric& metric, const StatsTable& baseline,
                              const StatsTable& system, int draws, uint64_t seed = kDefaultSeed);

// "bs:1000|seed:12345", "ar:10000|seed:12345": what the test adds to a signature.
std::string DescribeTest(PairedTest test, int draws, uint64_t seed);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SIGNIFICANCE_H_
