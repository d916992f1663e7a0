// Q2_K: 256 weights in 84 bytes, 2.625 bits per weight: 16 sub-blocks of 16, each with a 4-bit
// scale and a 4-bit minimum. value = d * scale * q - dmin * minimum.
//
// Two halves of 128 weights; half h uses qs[32h .. 32h + 31]. Bit pair j of byte l is weight 128h +
// 32j + l, so sub-blocks come in pairs: bytes 0..15, then bytes 16..31, of one bit pair.
#ifndef DRAGOMAN_BLOCKS_Q2_K_H_
#define DRAGOMAN_BLOCKS_Q2_K_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ2_K {
  static constexpr int kElems = 256;
  uint8_t scales[16];  // low nibble: scale, high nibble: minimum, of a sub-block
  uint8_t qs[64];
  uint16_t d;     // fp16 scale of scales
  uint16_t dmin;  // fp16 scale of minima
};
static_assert(sizeof(BlockQ2_K) == 84);

// Decodes `elems` weights (a multiple of 256) from blocks that lie one after the other, of any
// alignment.
void DecodeQ2_K(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q2_K_H_
