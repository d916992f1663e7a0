// Q8_0: 32 weights in 34 bytes, 8.5 bits per weight. value = q * d.
#ifndef DRAGOMAN_BLOCKS_Q8_0_H_
#define DRAGOMAN_BLOCKS_Q8_0_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ8_0 {
  static constexpr int kElems = 32;
  uint16_t d;     // fp16 scale
  int8_t qs[32];  // -128..127; encoders stay in -127..127
};
static_assert(sizeof(BlockQ8_0) == 34);

// Decodes `elems` weights (a multiple of 32) from blocks that lie one after the other, of any
// alignment.
void DecodeQ8_0(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q8_0_H_
