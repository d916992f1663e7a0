// Rows of weights to blocks of 32: Q8_0 by plain rounding; Q4_0, Q4_1, Q5_0, Q5_1 and IQ4_NL, which
// also stand in for blocks of 256 in rows that those do not divide, by the same search as those.
#ifndef DRAGOMAN_QUANTIZE_BLOCK32_ROWS_H_
#define DRAGOMAN_QUANTIZE_BLOCK32_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "blocks/block_type.h"
#include "quantize/lane_search.h"

namespace dragoman {

// values [rows, cols] -> blocks of `type` (one of the six), cols a multiple of 32; `weights`
// [cols] as NormalizeImportance gives them, or empty. Q8_0 takes no notice of them.
void QuantizeBlock32Rows(const LaneKernels& kernels, BlockType type, const float* values,
                         int64_t rows, int64_t cols, const std::vector<float>& weights,
                         std::byte* out);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_BLOCK32_ROWS_H_
