// What each sentence contributes to a corpus score, to first order (the infinitesimal jackknife,
// Efron 1982): the sum of squares of the contributions is the score's sampling variance. Agrees
// with the bootstrap, costs a single pass, and also serves where no second system is there yet.
#ifndef DRAGOMAN_EVALUATE_INFLUENCE_H_
#define DRAGOMAN_EVALUATE_INFLUENCE_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "evaluate/resample.h"
#include "evaluate/significance.h"

namespace dragoman {

// BLEU and chrF of summed rows, as the gate scores.
enum class GateMetric { kBleu, kChrf };
double ScoreOfSums(GateMetric metric, std::span<const double> sums);
StatsTable TableOf(GateMetric metric, std::span<const SentenceStats> sentences);

// The score's change for one more of each statistic.
std::vector<double> Gradient(GateMetric metric, std::span<const double> sums);
// In points, of each row.
std::vector<double> Influences(GateMetric metric, const StatsTable& table);

struct PairInfluences {
  const std::vector<std::string>* ids = nullptr;
  double score = 0;
  double matches = 0;          // n-grams of the highest order that the references share
  std::vector<double> points;  // of each sentence
};
PairInfluences InfluencesOf(GateMetric metric, const std::vector<std::string>& ids,
                            std::span<const SentenceStats> sentences);

// With fewer matches of the highest order a score is mostly smoothing, and its scatter says nothing
// about its error.
inline constexpr double kFewestMatches = 10;
// Standard error of the mean score over the pairs, in percent of it; pairs with the same list of
// ids are one draw (resample.h). Infinite where the pairs have fewer matches than kFewestMatches.
double PercentErrorOfMean(std::span<const PairInfluences> pairs);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_INFLUENCE_H_
