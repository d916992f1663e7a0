// Both tests on rows of statistics. The order of additions and the width of the numbers follow
// NumPy, so that ties and last digits fall as they do there.
#include "evaluate/significance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evaluate/numpy_random.h"

namespace dragoman {
namespace {

// NumPy's pairwise summation of a contiguous array.
template <typename T>
T PairwiseSum(std::span<const T> values) {
  constexpr size_t kBlock = 128, kLanes = 8;
  if (values.size() < kLanes) {
    T sum = 0;
    for (const T value : values) sum += value;
    return sum;
  }
  if (values.size() <= kBlock) {
    T lanes[kLanes];
    std::copy_n(values.begin(), kLanes, lanes);
    size_t i = kLanes;
    for (; i + kLanes <= values.size(); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
    }
    T sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
            ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    for (; i < values.size(); ++i) sum += values[i];
    return sum;
  }
  size_t half = values.size() / 2;
  half -= half % kLanes;
  return PairwiseSum(values.first(half)) + PairwiseSum(values.subspan(half));
}

template <typename T>
T Mean(std::span<const T> values) {
  return PairwiseSum(values) / static_cast<T>(values.size());
}

// Scores of redrawn test sets. The same seed and number of rows give the same draws.
template <typename T>
std::vector<T> ScoresOfDraws(const Metric& metric, const StatsTable& stats, int draws,
                             uint64_t seed) {
  const std::vector<float> rows(stats.values.begin(), stats.values.end());
  const size_t columns = stats.columns;
  NumpyRandom random(seed);
  std::vector<T> scores;
  std::vector<float> sums(columns);
  std::vector<uint32_t> indices(stats.rows());
  for (int draw = 0; draw < draws; ++draw) {
    random.Choice(static_cast<uint32_t>(indices.size()), indices);
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (const uint32_t index : indices) {
      const float* row = &rows[index * columns];
      for (size_t c = 0; c < columns; ++c) sums[c] += row[c];
    }
    scores.push_back(static_cast<T>(metric.ScoreInFloat(sums)));
  }
  return scores;
}

template <typename T>
Resampled Summarize(std::vector<T> scores) {
  std::sort(scores.begin(), scores.end());
  const size_t low = scores.size() / 40;  // 95 %
  const T width = scores[scores.size() - low - 1] - scores[low];
  return {static_cast<double>(Mean<T>(scores)), static_cast<double>(T(0.5) * width)};
}

// The share of differences beyond the one seen, the seen one counted among them.
template <typename T>
double PValue(std::span<const T> differences, double seen) {
  const auto beyond = std::count_if(differences.begin(), differences.end(),
                                    [seen](T one) { return one > static_cast<T>(seen); });
  return static_cast<double>(beyond + 1) / static_cast<double>(differences.size() + 1);
}

template <typename T>
PairedResult Bootstrap(const Metric& metric, const StatsTable& baseline, const StatsTable& system,
                       int draws, uint64_t seed) {
  const auto before = ScoresOfDraws<T>(metric, baseline, draws, seed);
  const auto after = ScoresOfDraws<T>(metric, system, draws, seed);
  std::vector<T> differences(before.size());
  for (size_t i = 0; i < before.size(); ++i) differences[i] = std::abs(after[i] - before[i]);
  const T mean = Mean<T>(differences);
  for (T& one : differences) one -= mean;
  PairedResult result;
  result.score = metric.Score(system.Sum());
  const double seen = std::abs(metric.Score(baseline.Sum()) - result.score);
  result.p_value = PValue<T>(differences, seen);
  result.resampled = Summarize(after);
  return result;
}

PairedResult Randomise(const Metric& metric, const StatsTable& baseline, const StatsTable& system,
                       int trials, uint64_t seed) {
  NumpyRandom random(seed);
  const size_t columns = baseline.columns;
  const std::vector<double> of_baseline = baseline.Sum(), of_system = system.Sum();
  std::vector<uint8_t> swap(baseline.rows());
  std::vector<double> change(baseline.values.size());  // of the first pseudo system by a swap
  for (size_t i = 0; i < change.size(); ++i) change[i] = baseline.values[i] - system.values[i];

  std::vector<double> differences, first(columns), second(columns);
  for (int trial = 0; trial < trials; ++trial) {
    random.Bits(swap);
    first = of_system;
    for (size_t i = 0; i < swap.size(); ++i) {
      if (swap[i] == 0) continue;
      const double* row = &change[i * columns];
      for (size_t c = 0; c < columns; ++c) first[c] += row[c];
    }
    for (size_t c = 0; c < columns; ++c) second[c] = of_baseline[c] + of_system[c] - first[c];
    differences.push_back(std::abs(metric.Score(first) - metric.Score(second)));
  }
  PairedResult result;
  result.score = metric.Score(of_system);
  result.p_value = PValue<double>(differences, std::abs(metric.Score(of_baseline) - result.score));
  return result;
}

}  // namespace

std::vector<double> StatsTable::Sum() const {
  std::vector<double> sums(columns);
  for (size_t i = 0; i < values.size(); ++i) sums[i % columns] += values[i];
  return sums;
}

StatsTable CountStats(Metric& metric, std::span<const std::string> hypotheses,
                      std::span<const std::vector<std::string>> references) {
  StatsTable table;
  table.columns = metric.columns();
  table.values.resize(hypotheses.size() * table.columns);
  for (size_t i = 0; i < hypotheses.size(); ++i) {
    metric.Count(hypotheses[i], references[i],
                 std::span(table.values).subspan(i * table.columns, table.columns));
  }
  return table;
}

Resampled EstimateInterval(const Metric& metric, const StatsTable& stats, int draws,
                           uint64_t seed) {
  if (stats.rows() == 0 || draws < 1) return {};
  if (metric.float_scores()) return Summarize(ScoresOfDraws<float>(metric, stats, draws, seed));
  return Summarize(ScoresOfDraws<double>(metric, stats, draws, seed));
}

Result<PairedResult> TestPair(PairedTest test, const Metric& metric, const StatsTable& baseline,
                              const StatsTable& system, int draws, uint64_t seed) {
  if (baseline.rows() == 0 || baseline.values.size() != system.values.size() || draws < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected two systems with the same sentences and at least one draw, "
                            "found {} and {} sentences and {} draws",
                            baseline.rows(), system.rows(), draws));
  }
  if (test == PairedTest::kRandomisation) return Randomise(metric, baseline, system, draws, seed);
  if (metric.float_scores()) return Bootstrap<float>(metric, baseline, system, draws, seed);
  return Bootstrap<double>(metric, baseline, system, draws, seed);
}

std::string DescribeTest(PairedTest test, int draws, uint64_t seed) {
  return test == PairedTest::kBootstrap ? fmt::format("bs:{}|seed:{}", draws, seed)
                                        : fmt::format("ar:{}|seed:{}", draws, seed);
}

}  // namespace dragoman
