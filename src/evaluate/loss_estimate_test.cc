// Bounds of a loss against closed forms, and how often they fail where a loss comes from few
// sentences.
#include "evaluate/loss_estimate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "evaluate/gamma_distribution.h"
#include "evaluate/normal_distribution.h"

namespace dragoman {
namespace {

constexpr double kAlpha = 0.025;

// Every one of `lost` sentences of n lost whole, the others the same.
LossEstimate WholeLosses(double lost, double n) {
  const double share = lost / n;
  return {100 * share, 100 * std::sqrt(share * (1 - share) / n),
          lost > 0 ? (1 - 2 * share) / std::sqrt(n * share * (1 - share)) : 0, 100 / n};
}

TEST(GammaTail, ClosedForms) {
  for (const double x : {0.01, 0.5, 1.0, 3.0, 30.0}) {
    EXPECT_NEAR(UpperTailOfGamma(1, x) / std::exp(-x), 1, 1e-12);
    EXPECT_NEAR(UpperTailOfGamma(3, x) / (std::exp(-x) * (1 + x + x * x / 2)), 1, 1e-12);
    EXPECT_NEAR(UpperTailOfGamma(0.5, x) / std::erfc(std::sqrt(x)), 1, 1e-10);
  }
  EXPECT_EQ(UpperTailOfGamma(2, 0), 1);
  EXPECT_EQ(UpperTailOfGamma(2, -1), 1);
  EXPECT_EQ(UpperTailOfGamma(2, std::numeric_limits<double>::infinity()), 0);
  // Wilson and Hilferty's cube root is good to five digits here.
  const double shape = 1e5, x = shape + 2 * std::sqrt(shape);
  const double cube = (std::cbrt(x / shape) - 1 + 1 / (9 * shape)) * 3 * std::sqrt(shape);
  EXPECT_NEAR(UpperTailOfGamma(shape, x) / UpperTailOfNormal(cube), 1, 1e-4);
}

TEST(LossEstimate, NothingSeenIsTheRuleOfThree) {
  for (const double n : {30.0, 60.0, 540.0, 3488.0})
    EXPECT_NEAR(UpperLossBound(WholeLosses(0, n), kAlpha), 100 * 3.688879 / n, 1e-5);
  // 368 equal sentences rule out 1 %, only 369 do.
  EXPECT_GT(ChanceOfSeemingSmaller(WholeLosses(0, 368), 1), kAlpha);
  EXPECT_LE(ChanceOfSeemingSmaller(WholeLosses(0, 369), 1), kAlpha);
}

// Exact Poisson bounds: half the 97.5 % quantiles of chi squared with 2 (k + 1) degrees of freedom.
TEST(LossEstimate, WholeLossesHaveTheBoundOfTheirCount) {
  const std::pair<double, double> bounds[] = {
      {1, 5.5716}, {2, 7.2247}, {5, 11.6683}, {10, 18.3904}};
  constexpr double kMany = 1e6;
  for (const auto& [lost, bound] : bounds)
    EXPECT_NEAR(UpperLossBound(WholeLosses(lost, kMany), kAlpha) * kMany / 100, bound, 2e-3)
        << lost;
}

TEST(LossEstimate, ManySmallLossesAreNormal) {
  const LossEstimate estimate{0.4, 0.2, 0, 1e-4};
  EXPECT_NEAR(UpperLossBound(estimate, kAlpha), 0.4 + 1.959964 * 0.2, 2e-4);
  EXPECT_NEAR(LowerLossBound(estimate, kAlpha), 0.4 - 1.959964 * 0.2, 1e-6);
  EXPECT_NEAR(ChanceOfSeemingSmaller(estimate, 1.0), UpperTailOfNormal(3), 1e-5);
  EXPECT_NEAR(ChanceOfSeemingLarger(estimate, 0.0), UpperTailOfNormal(2), 1e-12);
  // Of gains that are rare the bound knows nothing more than the normal one.
  EXPECT_EQ(UpperLossBound({0.4, 0.2, -1, 0}, kAlpha), UpperLossBound({0.4, 0.2, 0, 0}, kAlpha));
}

// A gamma distribution of great skewness has nearly all its mass beside its mean: alone it would
// vouch for less than the normal one does.
TEST(LossEstimate, GreatSkewnessNeverMakesTheTailLighter) {
  for (const double z : {1.7, 1.96, 2.5, 3.5, 5.0}) {
    const double at_one = ChanceOfSeemingSmaller(LossEstimate{0, 1, 1, 0}, z);
    for (const double skewness : {0.0, 0.3, 1.0, 1.5, 3.0, 10.0, 100.0, 1e6}) {
      const double chance = ChanceOfSeemingSmaller(LossEstimate{0, 1, skewness, 0}, z);
      EXPECT_GE(chance, UpperTailOfNormal(z)) << z << " " << skewness;
      EXPECT_GE(chance, skewness > 1 ? at_one : 0) << z << " " << skewness;
    }
  }
}

TEST(LossEstimate, MoreSentencesOfTheSameKind) {
  const LossEstimate now = WholeLosses(3, 1000), then = WithMoreSentences(now, 4);
  const LossEstimate real = WholeLosses(12, 4000);
  EXPECT_NEAR(then.error, real.error, 1e-9);
  EXPECT_NEAR(then.skewness, real.skewness, 1e-9);
  EXPECT_NEAR(then.heaviest, real.heaviest, 1e-12);
}

// The loss is at its limit, and all of it comes from sentences lost whole: the chance of a number
// of them that would be called under the limit, summed exactly.
double WronglyUnder(int n, double limit_percent, bool reckon_with_the_unseen) {
  const double share = limit_percent / 100;
  double chance = std::pow(1 - share, n), sum = 0;
  for (int lost = 0; lost < n; ++lost) {
    LossEstimate seen = WholeLosses(lost, n);
    if (!reckon_with_the_unseen) seen = {seen.loss, seen.error, 0, 0};
    if (ChanceOfSeemingSmaller(seen, limit_percent) > kAlpha) break;
    sum += chance;
    chance *= (n - lost) * share / ((lost + 1) * (1 - share));
  }
  return sum;
}

TEST(LossEstimate, RareWholeLossesAreNotCalledNone) {
  double worst_normal = 0;
  for (int n = 30; n < 4000; n += 7) {
    EXPECT_LE(WronglyUnder(n, 1, true), kAlpha * 1.01) << n;
    EXPECT_LE(WronglyUnder(n, 2, true), kAlpha * 1.01) << n;
    worst_normal = std::max(worst_normal, WronglyUnder(n, 1, false));
  }
  EXPECT_GT(worst_normal, 0.5) << "what a normal interval alone would do";
}

}  // namespace
}  // namespace dragoman
