#include "blocks/block_type.h"

#include <array>

#include "base/checked_math.h"
#include "blocks/iq4_nl.h"
#include "blocks/iq4_xs.h"
#include "blocks/plain_floats.h"
#include "blocks/q2_k.h"
#include "blocks/q3_k.h"
#include "blocks/q4_0.h"
#include "blocks/q4_1.h"
#include "blocks/q4_k.h"
#include "blocks/q5_0.h"
#include "blocks/q5_1.h"
#include "blocks/q5_k.h"
#include "blocks/q6_k.h"
#include "blocks/q8_0.h"
#include "dragoman/result.h"

namespace dragoman {
namespace {

using Decoder = void (*)(const std::byte*, int64_t, float*);

constexpr BlockTraits Plain(BlockType type, std::string_view name, uint32_t bytes, Decoder decode) {
  return {type, name, 1, bytes, false, decode, 0, {0, 0}};
}

// A type whose block holds one fp16 factor, at `d`, or two.
template <typename Block>
constexpr BlockTraits Quantized(BlockType type, std::string_view name, Decoder decode, size_t d) {
  return {type, name, Block::kElems, sizeof(Block), true, decode, 1, {static_cast<uint16_t>(d), 0}};
}
template <typename Block>
constexpr BlockTraits Quantized(BlockType type, std::string_view name, Decoder decode, size_t d,
                                size_t second) {
  return {type,
          name,
          Block::kElems,
          sizeof(Block),
          true,
          decode,
          2,
          {static_cast<uint16_t>(d), static_cast<uint16_t>(second)}};
}

constexpr std::array kTraits = {
    Plain(BlockType::kF32, "F32", 4, DecodeF32),
    Plain(BlockType::kF16, "F16", 2, DecodeF16),
    Quantized<BlockQ4_0>(BlockType::kQ4_0, "Q4_0", DecodeQ4_0, offsetof(BlockQ4_0, d)),
    Quantized<BlockQ4_1>(BlockType::kQ4_1, "Q4_1", DecodeQ4_1, offsetof(BlockQ4_1, d),
                         offsetof(BlockQ4_1, m)),
    Quantized<BlockQ5_0>(BlockType::kQ5_0, "Q5_0", DecodeQ5_0, offsetof(BlockQ5_0, d)),
    Quantized<BlockQ5_1>(BlockType::kQ5_1, "Q5_1", DecodeQ5_1, offsetof(BlockQ5_1, d),
                         offsetof(BlockQ5_1, m)),
    Quantized<BlockQ8_0>(BlockType::kQ8_0, "Q8_0", DecodeQ8_0, offsetof(BlockQ8_0, d)),
    Quantized<BlockQ2_K>(BlockType::kQ2_K, "Q2_K", DecodeQ2_K, offsetof(BlockQ2_K, d),
                         offsetof(BlockQ2_K, dmin)),
    Quantized<BlockQ3_K>(BlockType::kQ3_K, "Q3_K", DecodeQ3_K, offsetof(BlockQ3_K, d)),
    Quantized<BlockQ4_K>(BlockType::kQ4_K, "Q4_K", DecodeQ4_K, offsetof(BlockQ4_K, d),
                         offsetof(BlockQ4_K, dmin)),
    Quantized<BlockQ5_K>(BlockType::kQ5_K, "Q5_K", DecodeQ5_K, offsetof(BlockQ5_K, d),
                         offsetof(BlockQ5_K, dmin)),
    Quantized<BlockQ6_K>(BlockType::kQ6_K, "Q6_K", DecodeQ6_K, offsetof(BlockQ6_K, d)),
    Quantized<BlockIQ4_NL>(BlockType::kIQ4_NL, "IQ4_NL", DecodeIQ4_NL, offsetof(BlockIQ4_NL, d)),
    Quantized<BlockIQ4_XS>(BlockType::kIQ4_XS, "IQ4_XS", DecodeIQ4_XS, offsetof(BlockIQ4_XS, d)),
    Plain(BlockType::kI8, "I8", 1, nullptr),
    Plain(BlockType::kI16, "I16", 2, nullptr),
    Plain(BlockType::kI32, "I32", 4, nullptr),
    Plain(BlockType::kI64, "I64", 8, nullptr),
    Plain(BlockType::kF64, "F64", 8, DecodeF64),
    Plain(BlockType::kBF16, "BF16", 2, DecodeBF16),
};

constexpr char ToUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

}  // namespace

const BlockTraits* FindBlockTraits(uint32_t id) {
  for (const BlockTraits& traits : kTraits) {
    if (static_cast<uint32_t>(traits.type) == id) return &traits;
  }
  return nullptr;
}

const BlockTraits& TraitsOf(BlockType type) {
  const BlockTraits* traits = FindBlockTraits(static_cast<uint32_t>(type));
  DRAGOMAN_CHECK(traits != nullptr);
  return *traits;
}

std::optional<BlockType> ParseBlockType(std::string_view name) {
  for (const BlockTraits& traits : kTraits) {
    if (traits.name.size() != name.size()) continue;
    bool same = true;
    for (size_t i = 0; i < name.size(); ++i) same = same && ToUpper(name[i]) == traits.name[i];
    if (same) return traits.type;
  }
  return std::nullopt;
}

std::span<const BlockTraits> AllBlockTraits() { return kTraits; }

std::optional<uint64_t> TensorBytes(BlockType type, uint64_t rows, uint64_t cols) {
  const BlockTraits& traits = TraitsOf(type);
  if (cols % traits.block_elems != 0) return std::nullopt;
  const auto row_bytes = CheckedMul(cols / traits.block_elems, traits.block_bytes);
  return row_bytes ? CheckedMul(*row_bytes, rows) : std::nullopt;
}

}  // namespace dragoman
