#include "blocks/plain_floats.h"

#include <cstring>

#include "base/float16.h"

namespace dragoman {
namespace {

template <typename Bits, typename Convert>
void DecodeEach(const std::byte* blocks, int64_t elems, float* out, Convert convert) {
  for (int64_t i = 0; i < elems; ++i) {
    Bits bits;
    std::memcpy(&bits, blocks + i * static_cast<int64_t>(sizeof(Bits)), sizeof(Bits));
    out[i] = convert(bits);
  }
}

}  // namespace

void DecodeF32(const std::byte* blocks, int64_t elems, float* out) {
  if (elems > 0) std::memcpy(out, blocks, static_cast<size_t>(elems) * sizeof(float));
}

void DecodeF16(const std::byte* blocks, int64_t elems, float* out) {
  DecodeEach<uint16_t>(blocks, elems, out, Fp16ToFloat);
}

void DecodeBF16(const std::byte* blocks, int64_t elems, float* out) {
  DecodeEach<uint16_t>(blocks, elems, out, Bf16ToFloat);
}

void DecodeF64(const std::byte* blocks, int64_t elems, float* out) {
  DecodeEach<double>(blocks, elems, out, [](double value) { return static_cast<float>(value); });
}

}  // namespace dragoman
