#include "blocks/iq4_nl.h"

#include <cstring>

#include "base/float16.h"

namespace dragoman {

void DecodeIQ4_NL(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems;
       first += BlockIQ4_NL::kElems, blocks += sizeof(BlockIQ4_NL)) {
    BlockIQ4_NL block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>(kIq4Grid[block.qs[j] & 15]);
      out[j + 16] = d * static_cast<float>(kIq4Grid[block.qs[j] >> 4]);
    }
    out += 32;
  }
}

}  // namespace dragoman
