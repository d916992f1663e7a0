// The standard normal distribution: tail and quantile.
#ifndef DRAGOMAN_EVALUATE_NORMAL_DISTRIBUTION_H_
#define DRAGOMAN_EVALUATE_NORMAL_DISTRIBUTION_H_

#include <cmath>

namespace dragoman {

// P(Z >= z)
inline double UpperTailOfNormal(double z) { return 0.5 * std::erfc(z / 1.4142135623730951); }

// The z with P(Z >= z) = tail, for a tail in (0, 1), by halving: exact to the last bits.
inline double NormalQuantileOfTail(double tail) {
  double low = -40, high = 40;
  for (int i = 0; i < 70; ++i) {
    const double middle = (low + high) / 2;
    (UpperTailOfNormal(middle) > tail ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_NORMAL_DISTRIBUTION_H_
