// Rounds rows of weights to uniform groups so that what the layer computes changes least: minimises
// (w - q) H (w - q)^T per row, H the second moments of the layer's input.
//
// 1. GPTQ (Frantar et al. 2022): columns are rounded in visiting order, each error made good by the
//    columns that follow. A group's scale and zero point are searched for when its first column is
//    reached, on values that carry all errors so far, weighted by the factor's residuals.
// 2. Then every code, scale and zero point is moved to its best value while the others stand, in
//    passes, until a pass gains little. The loss only falls.
#ifndef DRAGOMAN_QUANTIZE_GROUP_ROUNDING_H_
#define DRAGOMAN_QUANTIZE_GROUP_ROUNDING_H_

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "formats/grouped_matrix.h"
#include "kernels/kernels.h"
#include "quantize/column_order.h"
#include "quantize/feedback_factor.h"
#include "quantize/group_search.h"

namespace dragoman {

struct GroupRoundingOptions {
  int most_passes = 6;        // of step 2; 0 stops after step 1
  double least_gain = 0.002;  // of the loss, for another pass
};

struct GroupRoundingLoss {
  double after_feedback = 0;  // sum over the rows of (w - q) H (w - q)^T, H damped
  double after_passes = 0;
};

// What the rounding of all tensors with one input needs, prepared once; in visiting order.
struct GroupContext {
  const ColumnOrder* order = nullptr;
  const FeedbackFactor* factor = nullptr;
  const std::vector<float>* hessian = nullptr;  // [cols, cols], as it was factored
};

// values [rows, cols] float32 in the order of the file. Large products run on `backend`, the rest
// on `pool`. The same result for any number of threads. Memory: 16 bytes a weight of 16 million at
// a time, and the matrix.
GroupRoundingLoss RoundToGroups(const GroupContext& context, const GroupFormat& format,
                                const float* values, int64_t rows,
                                const GroupRoundingOptions& options, Backend& backend,
                                ThreadPool& pool, GroupedMatrix& out);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_GROUP_ROUNDING_H_
