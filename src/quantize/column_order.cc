#include "quantize/column_order.h"

#include <algorithm>
#include <numeric>

namespace dragoman {
namespace {

float SecondMoment(const Hessian& hessian, int32_t column) {
  return hessian.mean[static_cast<size_t>(column) * static_cast<size_t>(hessian.dim + 1)];
}

void SortByMoment(const Hessian& hessian, std::vector<int32_t>::iterator begin,
                  std::vector<int32_t>::iterator end) {
  std::stable_sort(begin, end, [&](int32_t a, int32_t b) {
    return SecondMoment(hessian, a) > SecondMoment(hessian, b);
  });
}

void OrderWithinGroups(const Hessian& hessian, ColumnOrder& order) {
  const auto size = static_cast<std::ptrdiff_t>(order.group_size);
  std::vector<int32_t> columns = order.column_at;
  for (auto at = columns.begin(); at != columns.end(); at += size) {
    SortByMoment(hessian, at, at + size);
  }
  std::stable_sort(order.stored_groups.begin(), order.stored_groups.end(),
                   [&](int32_t a, int32_t b) {
                     return SecondMoment(hessian, columns[static_cast<size_t>(a * size)]) >
                            SecondMoment(hessian, columns[static_cast<size_t>(b * size)]);
                   });
  auto to = order.column_at.begin();
  for (const int32_t group : order.stored_groups) {
    to = std::copy_n(columns.begin() + group * size, size, to);
  }
}

}  // namespace

std::string_view NameOf(Reordering reordering) {
  switch (reordering) {
    case Reordering::kNone:
      return "none";
    case Reordering::kGroupAware:
      return "group-aware";
    case Reordering::kActivation:
      return "act-order";
  }
  return "none";
}

ColumnOrder OrderColumns(Reordering reordering, const Hessian& hessian, int64_t group_size) {
  ColumnOrder order;
  order.group_size = group_size;
  order.column_at.resize(static_cast<size_t>(hessian.dim));
  std::iota(order.column_at.begin(), order.column_at.end(), 0);
  order.stored_groups.resize(static_cast<size_t>(hessian.dim / group_size));
  std::iota(order.stored_groups.begin(), order.stored_groups.end(), 0);
  if (reordering == Reordering::kActivation) {
    SortByMoment(hessian, order.column_at.begin(), order.column_at.end());
  } else if (reordering == Reordering::kGroupAware) {
    OrderWithinGroups(hessian, order);
  }
  return order;
}

Hessian InVisitingOrder(const Hessian& hessian, const ColumnOrder& order) {
  Hessian ordered;
  ordered.dim = hessian.dim;
  ordered.tokens = hessian.tokens;
  ordered.mean.resize(hessian.mean.size());
  const auto dim = static_cast<size_t>(hessian.dim);
  for (size_t i = 0; i < dim; ++i) {
    const float* from = hessian.mean.data() + static_cast<size_t>(order.column_at[i]) * dim;
    for (size_t j = 0; j < dim; ++j) ordered.mean[i * dim + j] = from[order.column_at[j]];
  }
  return ordered;
}

}  // namespace dragoman
