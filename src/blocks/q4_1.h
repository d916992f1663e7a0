// Q4_1: 32 weights in 20 bytes, 5 bits per weight. value = q * d + m.
#ifndef DRAGOMAN_BLOCKS_Q4_1_H_
#define DRAGOMAN_BLOCKS_Q4_1_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ4_1 {
  static constexpr int kElems = 32;
  uint16_t d;      // fp16 scale
  uint16_t m;      // fp16 minimum
  uint8_t qs[16];  // byte j: low nibble is weight j, high nibble weight j + 16
};
static_assert(sizeof(BlockQ4_1) == 20);

// Decodes `elems` weights (a multiple of 32) from blocks that lie one after the other, of any
// alignment.
void DecodeQ4_1(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q4_1_H_
