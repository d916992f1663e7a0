// Numeric gradients of the scores, and sums of squares; see the header.
#include "evaluate/influence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace dragoman {
namespace {

constexpr size_t kBleuOrders = 4;
constexpr size_t kChrfOrders = 6;

std::vector<double> BleuRow(const BleuStats& stats) {
  std::vector<double> row = {static_cast<double>(stats.hypothesis_length),
                             static_cast<double>(stats.reference_length)};
  for (size_t n = 0; n < kBleuOrders; ++n) row.push_back(static_cast<double>(stats.correct[n]));
  for (size_t n = 0; n < kBleuOrders; ++n) row.push_back(static_cast<double>(stats.total[n]));
  return row;
}

std::vector<double> ChrfRow(const ChrfStats& stats) {
  std::vector<double> row;
  for (size_t n = 0; n < kChrfOrders; ++n) {
    for (const int64_t count : stats.orders[n]) row.push_back(static_cast<double>(count));
  }
  return row;
}

}  // namespace

double ScoreOfSums(GateMetric metric, std::span<const double> sums) {
  return metric == GateMetric::kBleu ? BleuOfSums(sums, {}) : ChrfOfSums(sums, {});
}

StatsTable TableOf(GateMetric metric, std::span<const SentenceStats> sentences) {
  StatsTable table;
  for (const SentenceStats& one : sentences) {
    const auto row = metric == GateMetric::kBleu ? BleuRow(one.bleu) : ChrfRow(one.chrf);
    table.columns = row.size();
    table.values.insert(table.values.end(), row.begin(), row.end());
  }
  return table;
}

std::vector<double> Gradient(GateMetric metric, std::span<const double> sums) {
  // Wide enough to see past the rounding, narrow enough for a corpus of dozens of sentences.
  constexpr double kRelativeStep = 1e-3;
  std::vector<double> moved(sums.begin(), sums.end()), gradient;
  for (size_t c = 0; c < sums.size(); ++c) {
    // Counts do not go below zero, where scores have corners.
    const double step = std::min(std::max(1.0, sums[c] * kRelativeStep), std::max(sums[c], 0.5));
    moved[c] = sums[c] + step;
    const double above = ScoreOfSums(metric, moved);
    moved[c] = std::max(sums[c] - step, 0.0);
    const double below = ScoreOfSums(metric, moved);
    gradient.push_back((above - below) / (sums[c] + step - moved[c]));
    moved[c] = sums[c];
  }
  return gradient;
}

std::vector<double> Influences(GateMetric metric, const StatsTable& table) {
  const std::vector<double> gradient = Gradient(metric, table.Sum());
  std::vector<double> points;
  for (size_t i = 0; i < table.rows(); ++i) {
    double sum = 0;
    for (size_t c = 0; c < table.columns; ++c) sum += gradient[c] * table.row(i)[c];
    points.push_back(sum);
  }
  return points;
}

PairInfluences InfluencesOf(GateMetric metric, const std::vector<std::string>& ids,
                            std::span<const SentenceStats> sentences) {
  const StatsTable table = TableOf(metric, sentences);
  const std::vector<double> sums = table.Sum();
  if (sums.empty()) return {&ids, 0, 0, {}};
  // Rows as BleuRow and ChrfRow lay them out.
  const double matches =
      metric == GateMetric::kBleu ? sums[1 + kBleuOrders] : sums[3 * kChrfOrders - 1];
  return {&ids, ScoreOfSums(metric, sums), matches, Influences(metric, table)};
}

double PercentErrorOfMean(std::span<const PairInfluences> pairs) {
  std::map<std::vector<std::string>, std::vector<double>> draws;  // of pairs with the same ids
  double total = 0, matches = 0;
  for (const PairInfluences& pair : pairs) {
    total += pair.score;
    matches += pair.matches;
    std::vector<double>& sums = draws[*pair.ids];
    sums.resize(pair.points.size());
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += pair.points[i];
  }
  double variance = 0;
  for (const auto& [ids, sums] : draws) {
    double mean = 0, squares = 0;
    for (const double one : sums) mean += one / static_cast<double>(sums.size());
    for (const double one : sums) squares += (one - mean) * (one - mean);
    variance += squares;
  }
  if (total <= 0 || matches < kFewestMatches) return std::numeric_limits<double>::infinity();
  return 100 * std::sqrt(variance) / total;
}

}  // namespace dragoman
