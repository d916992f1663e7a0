#include "blocks/q8_0.h"

#include <cstring>

#include "base/float16.h"

namespace dragoman {

void DecodeQ8_0(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems; first += BlockQ8_0::kElems, blocks += sizeof(BlockQ8_0)) {
    BlockQ8_0 block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    for (int8_t q : block.qs) *out++ = static_cast<float>(q) * d;
  }
}

}  // namespace dragoman
