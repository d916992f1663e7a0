// Q5_1: 32 weights in 24 bytes, 6 bits per weight. value = q * d + m.
#ifndef DRAGOMAN_BLOCKS_Q5_1_H_
#define DRAGOMAN_BLOCKS_Q5_1_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ5_1 {
  static constexpr int kElems = 32;
  uint16_t d;      // fp16 scale
  uint16_t m;      // fp16 minimum
  uint8_t qh[4];   // bit j (little endian): fifth bit of weight j
  uint8_t qs[16];  // low four bits, as in Q4_0
};
static_assert(sizeof(BlockQ5_1) == 24);

// Decodes `elems` weights (a multiple of 32) from blocks that lie one after the other, of any
// alignment.
void DecodeQ5_1(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q5_1_H_
