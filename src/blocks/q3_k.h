// Q3_K: 256 weights in 110 bytes, 3.4375 bits per weight: 16 sub-blocks of 16, each with a 6-bit
// scale. value = d * (scale - 32) * q with q in -4..3.
//
// Low two bits lie as in Q2_K. Bit (4h + j) of hmask[l] belongs to weight 128h + 32j + l: set adds
// nothing, clear subtracts 4.
#ifndef DRAGOMAN_BLOCKS_Q3_K_H_
#define DRAGOMAN_BLOCKS_Q3_K_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ3_K {
  static constexpr int kElems = 256;
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];  // packed as in k_scales.h
  uint16_t d;          // fp16
};
static_assert(sizeof(BlockQ3_K) == 110);

// Decodes `elems` weights (a multiple of 256) from blocks that lie one after the other, of any
// alignment.
void DecodeQ3_K(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q3_K_H_
