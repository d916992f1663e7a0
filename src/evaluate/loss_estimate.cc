// The shifted gamma distribution; see the header.
#include "evaluate/loss_estimate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "evaluate/gamma_distribution.h"
#include "evaluate/normal_distribution.h"

namespace dragoman {
namespace {

double Cube(double value) { return value * value * value; }

// P(Z >= z) for Z of mean 0 and variance 1: a gamma distribution, shifted and scaled. Its skewness
// is twice that of the estimate, for where few rare losses make the loss small, they make its error
// small too.
double UpperTailOfShiftedGamma(double z, double skewness) {
  const double shape = 1 / (skewness * skewness);
  return UpperTailOfGamma(shape, shape + z * std::sqrt(shape));
}

// Never lighter than less skewness would make it: far beyond that of a single loss seen (1) a gamma
// distribution has nearly all its mass beside its mean, and its tail falls below the normal one.
double UpperTailOfSkewed(double z, double skewness) {
  // Below this no tail that matters differs from the normal one by as much as a bootstrap errs.
  constexpr double kSkewed = 0.004;
  constexpr double kOfOneLoss = 1;
  const double normal = UpperTailOfNormal(z);
  if (skewness < kSkewed) return normal;
  const double capped = UpperTailOfShiftedGamma(z, std::min(skewness, kOfOneLoss));
  const double skewed = skewness > kOfOneLoss ? UpperTailOfShiftedGamma(z, skewness) : capped;
  return std::max({normal, capped, skewed});
}

}  // namespace

double ChanceOfSeemingSmaller(const LossEstimate& estimate, double limit) {
  const double mean = estimate.loss + estimate.heaviest;
  const double error = std::hypot(estimate.error, estimate.heaviest);
  if (error <= 0) return limit > mean ? 0 : 1;
  const double skewness =
      (estimate.skewness * Cube(estimate.error) + Cube(estimate.heaviest)) / Cube(error);
  return UpperTailOfSkewed((limit - mean) / error, skewness);
}

double ChanceOfSeemingLarger(const LossEstimate& estimate, double limit) {
  if (estimate.error <= 0) return limit < estimate.loss ? 0 : 1;
  return UpperTailOfNormal((estimate.loss - limit) / estimate.error);
}

double UpperLossBound(const LossEstimate& estimate, double alpha) {
  double low = estimate.loss;
  double step = std::hypot(estimate.error, estimate.heaviest);
  if (step <= 0) return low;
  while (ChanceOfSeemingSmaller(estimate, low + step) > alpha) step *= 2;
  double high = low + step;
  constexpr int kHalvings = 60;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (ChanceOfSeemingSmaller(estimate, middle) > alpha ? low : high) = middle;
  }
  return high;
}

double LowerLossBound(const LossEstimate& estimate, double alpha) {
  return estimate.loss - NormalQuantileOfTail(alpha) * estimate.error;
}

double FactorToDecide(const LossEstimate& estimate, double limit, double alpha, double most) {
  const auto undecided = [&](double factor) {
    const LossEstimate then = WithMoreSentences(estimate, factor);
    return std::min(ChanceOfSeemingSmaller(then, limit), ChanceOfSeemingLarger(then, limit)) >
           alpha;
  };
  double high = 1;
  if (!undecided(high)) return high;
  while (undecided(high)) {
    if (high > most) return std::numeric_limits<double>::infinity();
    high *= 2;
  }
  double low = high / 2;
  constexpr int kHalvings = 40;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (undecided(middle) ? low : high) = middle;
  }
  return high;
}

LossEstimate WithMoreSentences(const LossEstimate& estimate, double factor) {
  const double root = std::sqrt(factor);
  return {estimate.loss, estimate.error / root, estimate.skewness / root,
          estimate.heaviest / factor};
}

}  // namespace dragoman
