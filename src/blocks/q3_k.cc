#include "blocks/q3_k.h"

#include <cstring>

#include "base/float16.h"
#include "blocks/k_scales.h"

namespace dragoman {

void DecodeQ3_K(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems; first += BlockQ3_K::kElems, blocks += sizeof(BlockQ3_K)) {
    BlockQ3_K block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(UnpackQ3Scale(block.scales, s) - 32);
      const int first_byte = 16 * (s % 2);
      const uint8_t* qs = block.qs + 32 * (s / 8) + first_byte;
      const uint8_t* hmask = block.hmask + first_byte;
      const int shift = 2 * (s % 8 / 2);
      const int high_bit = s / 2;
      for (int l = 0; l < 16; ++l) {
        const int q = ((qs[l] >> shift) & 3) - (((hmask[l] >> high_bit) & 1) != 0 ? 0 : 4);
        *out++ = scale * static_cast<float>(q);
      }
    }
  }
}

}  // namespace dragoman
