// Q5_K: 256 weights in 176 bytes, 5.5 bits per weight: Q4_K with a fifth bit.
// value = d * scale * q - dmin * minimum.
//
// Low four bits as in Q4_K; the fifth bit of weight l of sub-block s is bit s of qh[l].
#ifndef DRAGOMAN_BLOCKS_Q5_K_H_
#define DRAGOMAN_BLOCKS_Q5_K_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ5_K {
  static constexpr int kElems = 256;
  uint16_t d;          // fp16 scale of scales
  uint16_t dmin;       // fp16 scale of minima
  uint8_t scales[12];  // packed as in k_scales.h
  uint8_t qh[32];
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

// Decodes `elems` weights (a multiple of 256) from blocks that lie one after the other, of any
// alignment.
void DecodeQ5_K(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q5_K_H_
