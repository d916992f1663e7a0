// Weights rounded to uniform groups, and the two ways in which Hugging Face checkpoints lay them
// out: GPTQ's (AutoGPTQ, GPTQModel) and compressed-tensors' "pack-quantized" (llm-compressor).
// Both are described in docs/formats/grouped.md.
#ifndef DRAGOMAN_FORMATS_GROUPED_MATRIX_H_
#define DRAGOMAN_FORMATS_GROUPED_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "blocks/block_type.h"

namespace dragoman {

// Weight [r, c] is scales[r, g] * (codes[r, c] - zeros[r, g]) with g = group_of[c].
struct GroupedMatrix {
  int bits = 4;
  int64_t rows = 0, cols = 0, groups = 0;  // outputs, inputs, groups of inputs
  std::vector<uint8_t> codes;              // [rows, cols], below 2^bits
  std::vector<float> scales;               // [rows, groups]
  std::vector<uint8_t> zeros;              // [rows, groups], below 2^bits
  std::vector<int32_t> group_of;           // [cols]
};

// out [rows, cols], one rounding per weight.
void Dequantize(const GroupedMatrix& matrix, float* out);

// The bytes of one linear layer, in the order in which the tensors are named below. GPTQ: qweight
// I32 [cols * bits / 32, rows], qzeros I32 [groups, rows * bits / 32] stored minus one, scales F16
// [groups, rows], g_idx I32 [cols]. Needs cols and rows that fill whole words, zeros of at least 1,
// and scales that fp16 holds.
struct GptqTensors {
  std::vector<std::byte> qweight, qzeros, scales, g_idx;
};
GptqTensors PackGptq(const GroupedMatrix& matrix);

// compressed-tensors: weight_packed I32 [rows, cols * bits / 32], weight_scale F16 [rows, groups];
// for `asymmetric` weight_zero_point I32 [rows * bits / 32, groups]; weight_g_idx I32 [cols].
struct PackQuantizedTensors {
  std::vector<std::byte> weight_packed, weight_zero_point, weight_scale, weight_g_idx;
};
PackQuantizedTensors PackQuantized(const GroupedMatrix& matrix, bool asymmetric);

// Where the parts of one linear layer lie in a checkpoint of either layout. The reader has checked
// sizes and group numbers.
struct GroupedParts {
  bool gptq = true;             // else pack-quantized
  bool zeros_minus_one = true;  // GPTQ's checkpoint_format "gptq"; false for "gptq_v2"
  int bits = 4;
  int64_t rows = 0, cols = 0, groups = 0;
  const std::byte* codes = nullptr;
  const std::byte* zeros = nullptr;  // null: 2^(bits - 1) throughout
  const std::byte* scales = nullptr;
  BlockType scale_type = BlockType::kF16;  // F16, BF16 or F32
  std::vector<int32_t> group_of;           // [cols]
};
GroupedMatrix Unpack(const GroupedParts& parts);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_GROUPED_MATRIX_H_
