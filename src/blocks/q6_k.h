// Q6_K: 256 weights in 210 bytes, 6.5625 bits per weight: 16 sub-blocks of 16, each with a signed
// 8-bit scale. value = d * scale * (q - 32).
//
// Two halves of 128 weights; half h uses ql[64h ..], qh[32h ..], scales[8h ..]. Weight 32k + l of a
// half (k 0..3, l 0..31) has its low four bits in ql[32 (k % 2) + l], the low nibble for k < 2,
// else the high one; its two high bits are bit pair k of qh[l]; its scale is number 2k + l / 16.
#ifndef DRAGOMAN_BLOCKS_Q6_K_H_
#define DRAGOMAN_BLOCKS_Q6_K_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

struct BlockQ6_K {
  static constexpr int kElems = 256;
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;  // fp16
};
static_assert(sizeof(BlockQ6_K) == 210);

// Decodes `elems` weights (a multiple of 256) from blocks that lie one after the other, of any
// alignment.
void DecodeQ6_K(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_Q6_K_H_
