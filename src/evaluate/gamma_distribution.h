// The tail of a gamma distribution of scale 1.
#ifndef DRAGOMAN_EVALUATE_GAMMA_DISTRIBUTION_H_
#define DRAGOMAN_EVALUATE_GAMMA_DISTRIBUTION_H_

#include <cmath>
#include <limits>

namespace dragoman {

// P(X >= x) for X of shape `shape` > 0, to about 1e-13 of it for shapes up to 1e6: the power series
// below the mean (Abramowitz and Stegun 6.5.29), the continued fraction above (6.5.31, evaluated by
// the modified Lentz method).
inline double UpperTailOfGamma(double shape, double x) {
  if (!(x > 0)) return 1;
  if (std::isinf(x)) return 0;
  const double density = std::exp(shape * std::log(x) - x - std::lgamma(shape));
  constexpr int kMostTerms = 100000;
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  if (x < shape + 1) {
    double term = 1 / shape, sum = term;
    for (int n = 1; n < kMostTerms && term > sum * kEpsilon; ++n) {
      term *= x / (shape + n);
      sum += term;
    }
    return 1 - sum * density;
  }
  constexpr double kTiny = 1e-300;  // in place of a zero that would be divided by
  double b = x + 1 - shape, c = 1 / kTiny, d = 1 / b, fraction = d;
  for (int n = 1; n < kMostTerms; ++n) {
    const double a = -n * (n - shape);
    b += 2;
    d = a * d + b;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    c = b + a / c;
    if (std::abs(c) < kTiny) c = kTiny;
    fraction *= d * c;
    if (std::abs(d * c - 1) <= kEpsilon) break;
  }
  return fraction * density;
}

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_GAMMA_DISTRIBUTION_H_
