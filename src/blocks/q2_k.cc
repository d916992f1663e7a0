#include "blocks/q2_k.h"

#include <cstring>

#include "base/float16.h"

namespace dragoman {

void DecodeQ2_K(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems; first += BlockQ2_K::kElems, blocks += sizeof(BlockQ2_K)) {
    BlockQ2_K block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    const float dmin = Fp16ToFloat(block.dmin);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(block.scales[s] & 15);
      const float minimum = dmin * static_cast<float>(block.scales[s] >> 4);
      const uint8_t* qs = block.qs + 32 * (s / 8) + 16 * (s % 2);
      const int shift = 2 * (s % 8 / 2);
      for (int l = 0; l < 16; ++l)
        *out++ = scale * static_cast<float>((qs[l] >> shift) & 3) - minimum;
    }
  }
}

}  // namespace dragoman
