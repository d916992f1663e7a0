// Rounds rows of weights to quantized blocks so that what the layer computes changes least, not
// each weight: minimises (w - q) H (w - q)^T per row, H the second moments of the layer's input.
//
// 1. From left to right, each block's scales are searched for (row quantizers, weighted by the
//    factor's residuals) on values that carry the errors of all columns before; then its columns
//    are rounded one by one, each carrying on to the next ones (GPTQ).
// 2. Then every number that the block stores (codes, scales, minima, fp16 factors) is moved to its
//    best value while the others stand, in passes, until a pass gains little. The loss only falls.
//
// Work goes by chunks of 256 columns: what the errors of all columns come to there is one product
// on the backend, for all rows of a group at once; within the chunk, whose part of H stays in
// cache, rows are worked on one by one. So H streams from memory once per group and pass.
#ifndef DRAGOMAN_QUANTIZE_ERROR_FEEDBACK_H_
#define DRAGOMAN_QUANTIZE_ERROR_FEEDBACK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "blocks/block_type.h"
#include "kernels/kernels.h"
#include "quantize/feedback_factor.h"

namespace dragoman {

struct FeedbackOptions {
  int most_passes = 6;            // of step 2; 0 stops after step 1
  double least_gain = 0.002;      // of the loss of a group, for another pass over it
  int64_t group_elems = 8 << 20;  // values in work at once, about: rows that share their last pass
};

struct FeedbackLoss {
  double after_feedback = 0;  // sum over the rows of (w - q) H (w - q)^T
  double after_passes = 0;
};

// What the rounding of all tensors with one input needs, prepared once.
struct FeedbackContext {
  const FeedbackFactor* factor = nullptr;
  const std::vector<float>* hessian = nullptr;  // [dim, dim], without the factor's diagonal_add
};

// How many rows of `dim` values RoundWithFeedback works on at a time.
int64_t FeedbackGroupRows(int64_t dim, const FeedbackOptions& options);

// values [rows, dim] float32 -> blocks of `type` (one that FindPartsTraits knows and whose block
// divides dim). Large products run on `backend`, the rest on `pool`. The same bytes for any number
// of threads. Owns, for the rows of one group, 7 bytes a value (23 for blocks of 32), and 256 KiB.
FeedbackLoss RoundWithFeedback(const FeedbackContext& context, BlockType type, const float* values,
                               int64_t rows, const FeedbackOptions& options, Backend& backend,
                               ThreadPool& pool, std::byte* out);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_ERROR_FEEDBACK_H_
