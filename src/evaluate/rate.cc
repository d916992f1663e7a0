#include "evaluate/rate.h"

#include <algorithm>
#include <cmath>

namespace dragoman {

Rate WilsonRate(int64_t count, int64_t of) {
  constexpr double kZ = 1.959963984540054;  // normal quantile at 97.5 %
  Rate rate{count, of, 0, 1};
  if (of <= 0) return rate;
  const auto n = static_cast<double>(of);
  const double share = rate.share();
  const double scale = 1 + kZ * kZ / n;
  const double middle = (share + kZ * kZ / (2 * n)) / scale;
  const double half = kZ / scale * std::sqrt(share * (1 - share) / n + kZ * kZ / (4 * n * n));
  // At the ends rounding would leave 1e-19 instead of nothing.
  rate.low = count == 0 ? 0 : std::max(0.0, middle - half);
  rate.high = count == of ? 1 : std::min(1.0, middle + half);
  return rate;
}

double ChanceOfSoManyMore(const Rate& first, const Rate& second) {
  const auto log_choose = [](int64_t of, int64_t count) {
    const auto n = static_cast<double>(of), k = static_cast<double>(count);
    return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
  };
  const int64_t counted = first.count + second.count;
  const double all = log_choose(first.of + second.of, counted);
  double chance = 0;
  for (int64_t k = std::max(second.count, counted - first.of); k <= std::min(counted, second.of);
       ++k)
    chance += std::exp(log_choose(second.of, k) + log_choose(first.of, counted - k) - all);
  return std::min(chance, 1.0);
}

OrderedJson ToJson(const Rate& rate) {
  OrderedJson json;
  json["count"] = rate.count;
  json["of"] = rate.of;
  json["rate"] = rate.share();
  json["interval"] = {rate.low, rate.high};
  return json;
}

}  // namespace dragoman
