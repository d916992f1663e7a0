// Q4_0: 32 weights in 18 bytes, 4.5 bits per weight. value = (q - 8) * d.
#ifndef DRAGOMAN_BLOCKS_Q4_0_H_
#define DRAGOMAN_BLOCKS_Q4_0_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ4_0 {
  static constexpr int kElems = 32;
  uint16_t d;      // fp16 scale, may be negative
  uint8_t qs[16];  // byte j: low nibble is weight j, high nibble weight j + 16
};
static_assert(sizeof(BlockQ4_0) == 18);

// Decodes `elems` weights (a multiple of 32) from blocks that lie one after the other, of any
// alignment.
void DecodeQ4_0(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q4_0_H_
