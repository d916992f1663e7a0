// In which order error feedback visits the columns of a layer, and which group each belongs to.
#ifndef DRAGOMAN_QUANTIZE_COLUMN_ORDER_H_
#define DRAGOMAN_QUANTIZE_COLUMN_ORDER_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "quantize/hessian.h"

namespace dragoman {

// Columns visited first are corrected by all that follow, so the ones that matter most (the largest
// second moments) should come first.
enum class Reordering {
  kNone,
  // Groups by their largest second moment, columns inside a group by theirs. Every group keeps the
  // columns it has by position, so that the file needs no index and costs nothing when run.
  kGroupAware,
  // Columns by their second moment, groups cut from that order: the file needs g_idx, which makes
  // most kernels slower.
  kActivation,
};
std::string_view NameOf(Reordering reordering);

struct ColumnOrder {
  std::vector<int32_t> column_at;      // [cols], visiting position -> column
  std::vector<int32_t> stored_groups;  // [groups], visiting position of a group -> its number
  int64_t group_size = 0;              // divides the columns

  int64_t cols() const { return static_cast<int64_t>(column_at.size()); }
  int64_t groups() const { return static_cast<int64_t>(stored_groups.size()); }
};

// group_size must divide the columns of the Hessian. Ties keep the order of the columns.
ColumnOrder OrderColumns(Reordering reordering, const Hessian& hessian, int64_t group_size);

// The Hessian with rows and columns in visiting order.
Hessian InVisitingOrder(const Hessian& hessian, const ColumnOrder& order);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_COLUMN_ORDER_H_
