// The element types of tensors: plain floats and quantized blocks, with their names, sizes and
// decoders.
//
// Ids are those of ggml (stable, written into GGUF files). Choosing a block's values is not done
// here (src/quantize); a layout and its scalar decode live in one file per type beside this one.
#ifndef DRAGOMAN_BLOCKS_BLOCK_TYPE_H_
#define DRAGOMAN_BLOCKS_BLOCK_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dragoman {

enum class BlockType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kBF16 = 30,
};

struct BlockTraits {
  BlockType type;
  std::string_view name;  // "Q4_K", as llama.cpp prints it
  uint32_t block_elems;   // weights per block; 1 for plain types
  uint32_t block_bytes;
  bool is_quantized;
  // Decodes `elems` (a multiple of block_elems) weights to float32; null for integer types.
  void (*decode)(const std::byte* blocks, int64_t elems, float* out);
  // The fp16 factors of a quantized block: how many, and at which bytes of it.
  uint32_t factor_count;
  uint16_t factor_offsets_bytes[2];
};

// Null for an id that no supported type has.
const BlockTraits* FindBlockTraits(uint32_t id);
// For a known type; never fails.
const BlockTraits& TraitsOf(BlockType type);
// By name, any letter case ("q4_k", "BF16").
std::optional<BlockType> ParseBlockType(std::string_view name);
std::span<const BlockTraits> AllBlockTraits();

// Bytes of `rows` rows of `cols` weights; nullopt when cols is no multiple of the block, or on
// overflow.
std::optional<uint64_t> TensorBytes(BlockType type, uint64_t rows, uint64_t cols);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_BLOCK_TYPE_H_
