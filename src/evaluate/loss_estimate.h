// How far a measured loss may lie from the true one, rare disasters included.
//
// A normal distribution around the measured loss says nothing about sentences that were not drawn:
// were every output of a suite the same, its error would be zero, however small the suite. So one
// more sentence, lost whole, is always reckoned with, as Fay and Feuer do for sums of weighted
// counts
// ("Confidence intervals for directly standardized rates", Statistics in Medicine 16, 1997): it
// adds to mean, variance and third moment, and the true loss is taken as a shifted gamma
// distribution with these three. Where nothing was seen to change, that is the rule of three (the
// upper 97.5 % bound is 3.7 sentences in n); where whole sentences were lost and all else is the
// same, it is the exact bound of a Poisson count; where thousands of small gains and losses add up,
// it is the normal interval.
#ifndef DRAGOMAN_EVALUATE_LOSS_ESTIMATE_H_
#define DRAGOMAN_EVALUATE_LOSS_ESTIMATE_H_

namespace dragoman {

// All in the unit of the loss (percent of the baseline's score, points); a gain is a negative loss.
struct LossEstimate {
  double loss = 0;
  double error = 0;     // standard error of `loss`
  double skewness = 0;  // of its sampling distribution; positive: large losses are rare
  double heaviest =
      0;  // what it costs to lose the sentence that weighs most; 0: nothing unseen counts
};

// Were the true loss `limit`: the chance that it would seem as small as it does.
double ChanceOfSeemingSmaller(const LossEstimate& estimate, double limit);
// The same, as large. What was not seen cannot make a loss seem larger, so this one is normal.
double ChanceOfSeemingLarger(const LossEstimate& estimate, double limit);

// The true loss lies under it, but for a chance of `alpha`.
double UpperLossBound(const LossEstimate& estimate, double alpha);
double LowerLossBound(const LossEstimate& estimate, double alpha);

// How many times as many sentences would show the loss to be under the limit or over it, were it
// what it seems to be; at least 1. Infinite beyond `most`.
double FactorToDecide(const LossEstimate& estimate, double limit, double alpha, double most);
// The estimate that `factor` times as many sentences of the same kind would give.
LossEstimate WithMoreSentences(const LossEstimate& estimate, double factor);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_LOSS_ESTIMATE_H_
