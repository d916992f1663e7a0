// A small seeded generator with the same stream on every machine (SplitMix64, Steele et al. 2014).
#ifndef DRAGOMAN_BASE_RANDOM_H_
#define DRAGOMAN_BASE_RANDOM_H_

#include <cmath>
#include <cstdint>

namespace dragoman {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  // Uniform in [0, bound), bound > 0; bias below bound / 2^64.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // Standard normal (Box-Muller, one of the pair).
  double Normal() {
    const double u = (static_cast<double>(Next() >> 11) + 0.5) * 0x1p-53;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * Uniform());
  }

 private:
  uint64_t state_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_RANDOM_H_
