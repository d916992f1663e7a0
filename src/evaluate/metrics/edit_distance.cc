// The matrix row by row; see the header.
#include "evaluate/metrics/edit_distance.h"

#include <algorithm>
#include <cmath>

namespace dragoman {
namespace {

constexpr size_t kBeamWidth = 25;        // Tercom's
constexpr int32_t kUnreached = 1 << 29;  // a cell outside the beam; adding 1 cannot overflow

}  // namespace

void BeamEditDistance::SetReference(std::span<const uint32_t> reference, size_t hypothesis_size) {
  reference_ = reference;
  hypothesis_size_ = hypothesis_size;
  const size_t cells = reference.size() + 1;
  first_.assign(hypothesis_size + 1, 0);
  end_.assign(hypothesis_size + 1, cells);
  if (hypothesis_size == 0) return;
  const double ratio = static_cast<double>(reference.size()) / static_cast<double>(hypothesis_size);
  // A beam narrower than the step from one row to the next would leave rows without overlap.
  const size_t width = static_cast<double>(kBeamWidth) < ratio / 2
                           ? static_cast<size_t>(std::ceil(ratio / 2 + kBeamWidth))
                           : kBeamWidth;
  size_t widest = 0;
  for (size_t i = 1; i <= hypothesis_size; ++i) {
    const auto diagonal = static_cast<size_t>(std::floor(static_cast<double>(i) * ratio));
    first_[i] = diagonal > width ? diagonal - width : 0;
    if (i < hypothesis_size) end_[i] = std::min(cells, diagonal + width);
    widest = std::max(widest, end_[i] - first_[i - 1]);
  }
  end_[0] = std::min(cells, end_[1]);  // more of the first row is never read
  stride_ = widest + 2;
  base_.assign((hypothesis_size + 1) * stride_, kUnreached);
  for (size_t j = 0; j < end_[0]; ++j) base_[j + 1] = static_cast<int32_t>(j);
  changed_ = base_;
}

int32_t BeamEditDistance::Fill(uint32_t word, size_t i, const int32_t* above, int32_t* row) const {
  // So that cell j is above[j] and row[j].
  const auto above_first = static_cast<int64_t>(first_[i - 1]) - 1;
  const auto row_first = static_cast<int64_t>(first_[i]) - 1;
  int32_t left = kUnreached, least = kUnreached;
  auto j = static_cast<int64_t>(first_[i]);
  if (j == 0) {
    left = least = row[1] = above[1] + 1;
    j = 1;
  }
  const auto end = static_cast<int64_t>(end_[i]);
  for (; j < end; ++j) {
    const int32_t replace =
        above[j - 1 - above_first] + (word == reference_[static_cast<size_t>(j - 1)] ? 0 : 1);
    const int32_t other = std::min(above[j - above_first], left) + 1;
    left = std::min(std::min(replace, other), kUnreached);
    row[j - row_first] = left;
    least = std::min(least, left);
  }
  return least;
}

int32_t BeamEditDistance::Base(std::span<const uint32_t> hypothesis) {
  if (hypothesis_size_ == 0) return static_cast<int32_t>(reference_.size());
  for (size_t i = 1; i <= hypothesis_size_; ++i)
    Fill(hypothesis[i - 1], i, &base_[Start(i - 1)], &base_[Start(i)]);
  return Cell(hypothesis_size_, reference_.size());
}

int32_t BeamEditDistance::Changed(std::span<const uint32_t> hypothesis, size_t same,
                                  int32_t limit) {
  const int32_t* above = &base_[Start(same)];
  for (size_t i = same + 1; i <= hypothesis_size_; ++i) {
    int32_t* row = &changed_[Start(i)];
    if (Fill(hypothesis[i - 1], i, above, row) >= limit) return limit;
    above = row;
  }
  return above[reference_.size() + 1 - first_[hypothesis_size_]];
}

void BeamEditDistance::TraceBase(std::span<const uint32_t> hypothesis,
                                 std::vector<Step>& steps) const {
  steps.clear();
  const auto reached = [this](size_t i, size_t j) {  // cells of a row that may lie beside its beam
    return j >= first_[i] && j < end_[i] ? Cell(i, j) : kUnreached;
  };
  size_t i = hypothesis_size_, j = reference_.size();
  while (i > 0) {
    const int32_t cost = Cell(i, j);
    const bool same = j > 0 && hypothesis[i - 1] == reference_[j - 1];
    // Among equals: keep or substitute, then delete, then insert.
    if (j > 0 && reached(i - 1, j - 1) + (same ? 0 : 1) == cost) {
      steps.push_back(same ? Step::kSame : Step::kSubstitute);
      --i, --j;
    } else if (reached(i - 1, j) + 1 == cost || j == 0) {
      steps.push_back(Step::kDelete);
      --i;
    } else {
      steps.push_back(Step::kInsert);
      --j;
    }
  }
  steps.insert(steps.end(), j, Step::kInsert);  // the first row
  std::reverse(steps.begin(), steps.end());
}

}  // namespace dragoman
