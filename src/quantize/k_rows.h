// Rows of weights to blocks of 256: Q4_K, Q5_K (scale and minimum a sub-block of 32), Q2_K (a
// sub-block of 16), Q3_K, Q6_K (scale a sub-block of 16) and IQ4_XS (a sub-block of 32).
//
// For each superblock of 256: find the best scale (and minimum) of every sub-block on its own,
// round them to the 4 to 8 bits they get, choosing among neighbours by the error they really cause,
// fit the superblock's own fp16 factors to what was chosen, and repeat while it helps. Nothing is
// ever NaN or infinite: values that are not finite count as zero or as the largest a block can
// hold.
#ifndef DRAGOMAN_QUANTIZE_K_ROWS_H_
#define DRAGOMAN_QUANTIZE_K_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "blocks/block_type.h"
#include "quantize/lane_search.h"

namespace dragoman {

inline constexpr int64_t kSuperblock = 256;

// Importance of the columns of a row, ready for the search. Empty: every column counts the same.
// `importance` [cols] second moments E[x^2]; scaled to mean 1 and kept within bounds that float32
// sums bear.
std::vector<float> NormalizeImportance(const float* importance, int64_t cols);

// values [rows, cols] -> blocks; `type` is one of the six, cols a multiple of 256, `weights` from
// NormalizeImportance or empty.
void QuantizeKRows(const LaneKernels& kernels, BlockType type, const float* values, int64_t rows,
                   int64_t cols, const std::vector<float>& weights, std::byte* out);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_K_ROWS_H_
