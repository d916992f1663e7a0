// Q4_K: 256 weights in 144 bytes, 4.5 bits per weight: 8 sub-blocks of 32, each with a 6-bit scale
// and a 6-bit minimum. value = d * scale * q - dmin * minimum.
//
// Four chunks of 64 weights; chunk c uses qs[32c .. 32c + 31]: low nibbles are sub-block 2c, high
// nibbles 2c + 1.
#ifndef DRAGOMAN_BLOCKS_Q4_K_H_
#define DRAGOMAN_BLOCKS_Q4_K_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ4_K {
  static constexpr int kElems = 256;
  uint16_t d;          // fp16 scale of scales
  uint16_t dmin;       // fp16 scale of minima
  uint8_t scales[12];  // packed as in k_scales.h
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

// Decodes `elems` weights (a multiple of 256) from blocks that lie one after the other, of any
// alignment.
void DecodeQ4_K(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q4_K_H_
