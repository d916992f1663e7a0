#include "blocks/q4_1.h"

#include <cstring>

#include "base/float16.h"

namespace dragoman {

void DecodeQ4_1(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems; first += BlockQ4_1::kElems, blocks += sizeof(BlockQ4_1)) {
    BlockQ4_1 block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    const float m = Fp16ToFloat(block.m);
    for (int j = 0; j < 16; ++j) {
      out[j] = static_cast<float>(block.qs[j] & 15) * d + m;
      out[j + 16] = static_cast<float>(block.qs[j] >> 4) * d + m;
    }
    out += 32;
  }
}

}  // namespace dragoman
