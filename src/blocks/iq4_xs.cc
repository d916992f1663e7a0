#include "blocks/iq4_xs.h"

#include <cstring>

#include "base/float16.h"
#include "blocks/iq4_nl.h"

namespace dragoman {

void DecodeIQ4_XS(const std::byte* blocks, int64_t elems, float* out) {
  for (int64_t first = 0; first < elems;
       first += BlockIQ4_XS::kElems, blocks += sizeof(BlockIQ4_XS)) {
    BlockIQ4_XS block;
    std::memcpy(&block, blocks, sizeof(block));
    const float d = Fp16ToFloat(block.d);
    for (int s = 0; s < 8; ++s) {
      const int low = (block.scales_l[s / 2] >> (4 * (s % 2))) & 15;
      const int high = (block.scales_h >> (2 * s)) & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      const uint8_t* qs = block.qs + 16 * s;
      for (int j = 0; j < 16; ++j) {
        out[j] = scale * static_cast<float>(kIq4Grid[qs[j] & 15]);
        out[j + 16] = scale * static_cast<float>(kIq4Grid[qs[j] >> 4]);
      }
      out += 32;
    }
  }
}

}  // namespace dragoman
