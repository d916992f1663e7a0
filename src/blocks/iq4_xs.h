// IQ4_XS: 256 weights in 136 bytes, 4.25 bits per weight: 8 sub-blocks of 32 on the grid of IQ4_NL,
// each with a 6-bit scale. value = d * (scale - 32) * kIq4Grid[q].
//
// Sub-block s uses qs[16s .. 16s + 15] in the nibble order of IQ4_NL. The low four bits of its
// scale are nibble s of scales_l, the two high bits are bit pair s of scales_h.
#ifndef DRAGOMAN_BLOCKS_IQ4_XS_H_
#define DRAGOMAN_BLOCKS_IQ4_XS_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockIQ4_XS {
  static constexpr int kElems = 256;
  uint16_t d;         // fp16
  uint16_t scales_h;  // little endian
  uint8_t scales_l[4];
  uint8_t qs[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136);

// Decodes `elems` weights (a multiple of 256) from blocks that lie one after the other, of any
// alignment.
void DecodeIQ4_XS(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_IQ4_XS_H_
