#include "blocks/q6_k.h"

#include <cstring>

#include "base/float16.h"

namespace dragoman {

void DecodeQ6_K(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems; first += BlockQ6_K::kElems, blocks += sizeof(BlockQ6_K)) {
    BlockQ6_K block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(block.scales[s]);
      const int half = s / 8;
      const int k = s % 8 / 2;
      const int first_byte = 16 * (s % 2);
      const uint8_t* ql = block.ql + 64 * half + 32 * (k % 2) + first_byte;
      const uint8_t* qh = block.qh + 32 * half + first_byte;
      for (int l = 0; l < 16; ++l) {
        const int low = (ql[l] >> (k / 2 * 4)) & 15;
        const int q = (low | ((qh[l] >> (2 * k)) & 3) << 4) - 32;
        *out++ = scale * static_cast<float>(q);
      }
    }
  }
}

}  // namespace dragoman
