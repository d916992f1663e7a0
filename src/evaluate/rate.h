// Shares of counts with their intervals.
#ifndef DRAGOMAN_EVALUATE_RATE_H_
#define DRAGOMAN_EVALUATE_RATE_H_

#include <cstdint>

#include "base/json.h"

namespace dragoman {

// `count` of `of`; low and high bound the true share at 95 %, in [0, 1]. Of nothing: [0, 1].
struct Rate {
  int64_t count = 0, of = 0;
  double low = 0, high = 1;
  double share() const {
    return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
  }
};
// Wilson's score interval (1927), which holds its level for rare faults where the usual one does
// not.
Rate WilsonRate(int64_t count, int64_t of);
// Were the shares equal: the chance that of as many counted in both together, so many or more would
// be the second's (Fisher's exact test, one-sided).
double ChanceOfSoManyMore(const Rate& first, const Rate& second);
// {"count", "of", "rate", "interval"}
OrderedJson ToJson(const Rate& rate);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_RATE_H_
