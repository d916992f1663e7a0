// The scalar twins of plain_rows_simd.cc.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "blocks/q8_0.h"
#include "quantize/fp16_scale.h"
#include "quantize/lane_search.h"
#include "quantize/plain_rows.h"

namespace dragoman {

bool FloatsToFp16Scalar(const float* from, int64_t count, uint16_t* to) {
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) {
    to[i] = FloatToFp16(from[i]);
    finite &= (to[i] & 0x7c00) != 0x7c00;
  }
  return finite;
}

bool FloatsToBf16Scalar(const float* from, int64_t count, uint16_t* to) {
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) {
    to[i] = FloatToBf16(from[i]);
    finite &= (to[i] & 0x7f80) != 0x7f80;
  }
  return finite;
}

void QuantizeQ8_0Scalar(const float* from, int64_t count, std::byte* to) {
  for (int64_t first = 0; first < count; first += BlockQ8_0::kElems, to += sizeof(BlockQ8_0)) {
    float largest = 0;
    for (int i = 0; i < BlockQ8_0::kElems; ++i) {
      const float magnitude = std::abs(from[first + i]);
      if (magnitude > largest) largest = magnitude;  // false for NaN
    }
    BlockQ8_0 block;
    block.d = CoveringFp16(std::min(largest, 127.0f * kLargestFp16) / 127.0f);
    const float d = Fp16ToFloat(block.d);
    const float inverse = d > 0.0f ? 1.0f / d : 0.0f;
    for (int i = 0; i < BlockQ8_0::kElems; ++i) {
      const float x = from[first + i] == from[first + i] ? from[first + i] : 0.0f;
      const float bounded = std::min(std::max(x, -127.0f * kLargestFp16), 127.0f * kLargestFp16);
      const float code = std::min(std::max(bounded * inverse, -127.0f), 127.0f);
      block.qs[i] = static_cast<int8_t>((code + kRoundingBias) - kRoundingBias);
    }
    std::memcpy(to, &block, sizeof(block));
  }
}

}  // namespace dragoman
