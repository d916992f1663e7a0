// Q5_0: 32 weights in 22 bytes, 5.5 bits per weight. value = (q - 16) * d.
#ifndef DRAGOMAN_BLOCKS_Q5_0_H_
#define DRAGOMAN_BLOCKS_Q5_0_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ5_0 {
  static constexpr int kElems = 32;
  uint16_t d;      // fp16 scale, may be negative
  uint8_t qh[4];   // bit j (little endian): fifth bit of weight j
  uint8_t qs[16];  // low four bits, as in Q4_0
};
static_assert(sizeof(BlockQ5_0) == 22);

// Decodes `elems` weights (a multiple of 32) from blocks that lie one after the other, of any
// alignment.
void DecodeQ5_0(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q5_0_H_
