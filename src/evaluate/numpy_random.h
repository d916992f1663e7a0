// The random stream of numpy.random.default_rng(seed): SeedSequence and PCG64 (XSL RR 128/64,
// O'Neill 2014) with Lemire's bounded integers, as NumPy 1.17 to 2.5 draw them. sacreBLEU's
// p-values depend on every draw.
#ifndef DRAGOMAN_EVALUATE_NUMPY_RANDOM_H_
#define DRAGOMAN_EVALUATE_NUMPY_RANDOM_H_

#include <cstdint>
#include <span>

namespace dragoman {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint64_t seed);

  // rng.choice(bound, size) with replacement; bound in [1, 2^32).
  void Choice(uint32_t bound, std::span<uint32_t> out);
  // rng.integers(2, size, dtype=bool): 0 or 1. Several calls give one array in pieces.
  void Bits(std::span<uint8_t> out);
  // rng.random()
  double Uniform() { return static_cast<double>(Next64() >> 11) * 0x1p-53; }

 private:
  uint64_t Next64();
  uint32_t Next32();

  unsigned __int128 state_ = 0, increment_ = 0;
  bool has_half_ = false;  // half of the last 64 bits is still to be given out
  uint32_t half_ = 0;
  uint32_t bits_ = 0;
  int bits_left_ = 0;
};

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_NUMPY_RANDOM_H_
