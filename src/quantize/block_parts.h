// A quantized block taken apart into the numbers it stands for, whatever its type, and put together
// again:
//
//   value i = d * scale[s] * code[i] - dmin * minimum[s],   s = i / sub_elems
//
// A code is the whole number that the scale multiplies: for types with a table of levels (IQ4) the
// level, not its index. What a search that changes single numbers works on (error_feedback.h).
// Types without sub-block scales have one sub-block of scale 1; types without minima have minimum
// 0.
#ifndef DRAGOMAN_QUANTIZE_BLOCK_PARTS_H_
#define DRAGOMAN_QUANTIZE_BLOCK_PARTS_H_

#include <cstddef>
#include <cstdint>

#include "base/float16.h"
#include "blocks/block_type.h"

namespace dragoman {

inline constexpr int kMaxBlockElems = 256;
inline constexpr int kMaxSubBlocks = 16;

// The ranges of a type's numbers.
struct PartsTraits {
  int elems = 0;      // weights of a block
  int sub_elems = 0;  // weights of a sub-block
  int code_low = 0, code_high = 0;
  int scale_low = 1, scale_high = 1;      // equal: the scale cannot be chosen
  int minimum_low = 0, minimum_high = 0;  // equal: likewise
  bool has_dmin = false;
  // Null: every whole number from code_low to code_high is a code. Else the codes, in rising order.
  const int8_t* levels = nullptr;
  int level_count = 0;
  int sub_blocks() const { return elems / sub_elems; }
  // The code nearest to `value`, which lies within code_low..code_high.
  int NearestCode(float value) const;
};

struct BlockParts {
  uint16_t d = 0, dmin = 0;  // fp16 bits
  int16_t scale[kMaxSubBlocks] = {};
  int16_t minimum[kMaxSubBlocks] = {};
  int16_t code[kMaxBlockElems] = {};

  float step(int sub) const { return Fp16ToFloat(d) * static_cast<float>(scale[sub]); }
  float offset(int sub) const { return Fp16ToFloat(dmin) * static_cast<float>(minimum[sub]); }
};

// Null for types that are no quantized blocks.
const PartsTraits* FindPartsTraits(BlockType type);

// One block. `type` has traits. Pack(Unpack(b)) == b for every block.
BlockParts UnpackBlock(BlockType type, const std::byte* block);
void PackBlock(BlockType type, const BlockParts& parts, std::byte* block);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_BLOCK_PARTS_H_
