#include "blocks/q5_0.h"

#include <cstring>

#include "base/float16.h"

namespace dragoman {

void DecodeQ5_0(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems; first += BlockQ5_0::kElems, blocks += sizeof(BlockQ5_0)) {
    BlockQ5_0 block;
    std::memcpy(&block, blocks, sizeof(block));
    uint32_t high;
    std::memcpy(&high, block.qh, sizeof(high));
    const float d = Fp16ToFloat(block.d);
    for (int j = 0; j < 16; ++j) {
      const int low = (block.qs[j] & 15) | static_cast<int>((high >> j) & 1) << 4;
      const int up = (block.qs[j] >> 4) | static_cast<int>((high >> (j + 16)) & 1) << 4;
      out[j] = static_cast<float>(low - 16) * d;
      out[j + 16] = static_cast<float>(up - 16) * d;
    }
    out += 32;
  }
}

}  // namespace dragoman
