// IQ4_NL: 32 weights in 18 bytes, 4.5 bits per weight, on a non-linear grid. value = d *
// kIq4Grid[q].
#ifndef DRAGOMAN_BLOCKS_IQ4_NL_H_
#define DRAGOMAN_BLOCKS_IQ4_NL_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

// The 16 levels, denser around zero as weights are.
inline constexpr int8_t kIq4Grid[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                        1,    13,   25,  38,  53,  69,  89,  113};

struct BlockIQ4_NL {
  static constexpr int kElems = 32;
  uint16_t d;      // fp16
  uint8_t qs[16];  // byte j: low nibble is weight j, high nibble weight j + 16
};
static_assert(sizeof(BlockIQ4_NL) == 18);

// Decodes `elems` weights (a multiple of 32) from blocks that lie one after the other, of any
// alignment.
void DecodeIQ4_NL(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_IQ4_NL_H_
