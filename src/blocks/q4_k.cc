#include "blocks/q4_k.h"

#include <cstring>

#include "base/float16.h"
#include "blocks/k_scales.h"

namespace dragoman {

void DecodeQ4_K(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems; first += BlockQ4_K::kElems, blocks += sizeof(BlockQ4_K)) {
    BlockQ4_K block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    const float dmin = Fp16ToFloat(block.dmin);
    for (int s = 0; s < 8; ++s) {
      const ScaleMin packed = UnpackScaleMin(block.scales, s);
      const float scale = d * static_cast<float>(packed.scale);
      const float minimum = dmin * static_cast<float>(packed.min);
      const uint8_t* qs = block.qs + 32 * (s / 2);
      const int shift = 4 * (s % 2);
      for (int l = 0; l < 32; ++l)
        *out++ = scale * static_cast<float>((qs[l] >> shift) & 15) - minimum;
    }
  }
}

}  // namespace dragoman
