// Seeded tensors for the tests and benchmarks of this room.
#ifndef DRAGOMAN_KERNELS_RANDOM_TENSORS_H_
#define DRAGOMAN_KERNELS_RANDOM_TENSORS_H_

#include <cstring>
#include <optional>
#include <vector>

#include "base/float16.h"
#include "base/random.h"
#include "blocks/block_type.h"

namespace dragoman {

inline std::vector<float> RandomFloats(int64_t elems, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(elems));
  for (float& value : values) value = static_cast<float>(random.Uniform() * 4.0 - 2.0);
  return values;
}

inline void PutPlain(BlockType type, float value, std::byte* to) {
  const uint16_t half = type == BlockType::kF16 ? FloatToFp16(value) : FloatToBf16(value);
  const double wide = static_cast<double>(value);
  if (type == BlockType::kF32) std::memcpy(to, &value, sizeof(value));
  if (type == BlockType::kF64) std::memcpy(to, &wide, sizeof(wide));
  if (type == BlockType::kF16 || type == BlockType::kBF16) std::memcpy(to, &half, sizeof(half));
}

// The bytes of a [rows, cols] matrix: plain values in -2..2, or blocks of random codes with fp16
// factors of either sign below 2.
inline std::vector<std::byte> RandomWeights(BlockType type, int64_t rows, int64_t cols,
                                            uint64_t seed) {
  const BlockTraits& traits = TraitsOf(type);
  Random random(seed);
  std::vector<std::byte> bytes(
      *TensorBytes(type, static_cast<uint64_t>(rows), static_cast<uint64_t>(cols)));
  if (!traits.is_quantized) {
    for (size_t at = 0; at < bytes.size(); at += traits.block_bytes) {
      PutPlain(type, static_cast<float>(random.Uniform() * 4.0 - 2.0), bytes.data() + at);
    }
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next() >> 56);
  for (size_t block = 0; block < bytes.size(); block += traits.block_bytes) {
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      bytes[block + traits.factor_offsets_bytes[f] + 1] &= std::byte{0xbf};
    }
  }
  return bytes;
}

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_RANDOM_TENSORS_H_
