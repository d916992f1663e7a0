// The matrix row by row; see the header.
#include "evaluate/metrics/edit_distance.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace dragoman {
namespace {

constexpr size_t kBeamWidth = 25;        // Tercom's
constexpr int32_t kUnreached = 1 << 29;  // a cell outside the beam; adding 1 cannot overflow

}  // namespace

void BeamEditDistance::SetReference(std::span<const uint32_t> reference, size_t hypothesis_size) {
  reference_ = reference;
  hypothesis_size_ = hypothesis_size;
  by_bits_ = FitsBits();
  if (by_bits_) {
    IndexReference();
  } else {
    SetRows();
  }
}

// Whether no row has a cell outside its beam, which the first word's row decides: it ends
// kBeamWidth cells on, or later.
bool BeamEditDistance::FitsBits() const {
  return !reference_.empty() && reference_.size() < kBeamWidth;
}

void BeamEditDistance::IndexReference() {
  places_.assign(size_t{*std::max_element(reference_.begin(), reference_.end())} + 1, 0);
  for (size_t j = 0; j < reference_.size(); ++j) places_[reference_[j]] |= uint64_t{1} << j;
  base_rows_.resize(hypothesis_size_ + 1);
  base_rows_[0] = {.more_than_left = ~uint64_t{0}};
}

BeamEditDistance::DifferenceRow BeamEditDistance::Below(const DifferenceRow& above,
                                                        uint32_t word) const {
  const uint64_t equal = word < places_.size() ? places_[word] : 0;
  const uint64_t more = above.more_than_left, less = above.less_than_left;
  // The addition carries a free diagonal along as long as the row above rises.
  const uint64_t diagonal = (((equal & more) + more) ^ more) | equal | less;
  DifferenceRow row;
  row.more_than_above = less | ~(diagonal | more);
  row.less_than_above = more & diagonal;
  const uint64_t more_before = (row.more_than_above << 1) | 1;  // cell 0 is one more than above
  const uint64_t less_before = row.less_than_above << 1;
  row.more_than_left = less_before | ~(diagonal | more_before);
  row.less_than_left = more_before & diagonal;
  return row;
}

// The last cell of row `i`, whose first is i.
int32_t BeamEditDistance::Last(const DifferenceRow& row, size_t i) const {
  const uint64_t cells = (uint64_t{1} << reference_.size()) - 1;
  return static_cast<int32_t>(i) + std::popcount(row.more_than_left & cells) -
         std::popcount(row.less_than_left & cells);
}

void BeamEditDistance::SetRows() {
  const size_t hypothesis_size = hypothesis_size_;
  const size_t cells = reference_.size() + 1;
  first_.assign(hypothesis_size + 1, 0);
  end_.assign(hypothesis_size + 1, cells);
  if (hypothesis_size == 0) return;
  const double ratio =
      static_cast<double>(reference_.size()) / static_cast<double>(hypothesis_size);
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
  if (by_bits_) {
    for (size_t i = 1; i <= hypothesis_size_; ++i)
      base_rows_[i] = Below(base_rows_[i - 1], hypothesis[i - 1]);
    return Last(base_rows_[hypothesis_size_], hypothesis_size_);
  }
  for (size_t i = 1; i <= hypothesis_size_; ++i)
    Fill(hypothesis[i - 1], i, &base_[Start(i - 1)], &base_[Start(i)]);
  return Cell(hypothesis_size_, reference_.size());
}

int32_t BeamEditDistance::Changed(std::span<const uint32_t> hypothesis, size_t same,
                                  int32_t limit) {
  if (by_bits_) {
    DifferenceRow row = base_rows_[same];
    for (size_t i = same; i < hypothesis_size_; ++i) row = Below(row, hypothesis[i]);
    return Last(row, hypothesis_size_);
  }
  const int32_t* above = &base_[Start(same)];
  for (size_t i = same + 1; i <= hypothesis_size_; ++i) {
    int32_t* row = &changed_[Start(i)];
    if (Fill(hypothesis[i - 1], i, above, row) >= limit) return limit;
    above = row;
  }
  return above[reference_.size() + 1 - first_[hypothesis_size_]];
}

// The step that leads to cell j of row i. Among equals: keep or substitute, then delete, then
// insert.
BeamEditDistance::Step BeamEditDistance::StepInBeam(size_t i, size_t j, bool same) const {
  const auto reached = [this](size_t row, size_t cell) {  // which may lie beside the row's beam
    return cell >= first_[row] && cell < end_[row] ? Cell(row, cell) : kUnreached;
  };
  const int32_t cost = Cell(i, j);
  if (j > 0 && reached(i - 1, j - 1) + (same ? 0 : 1) == cost)
    return same ? Step::kSame : Step::kSubstitute;
  return reached(i - 1, j) + 1 == cost || j == 0 ? Step::kDelete : Step::kInsert;
}

BeamEditDistance::Step BeamEditDistance::StepInBits(size_t i, size_t j, bool same) const {
  if (j == 0) return Step::kDelete;
  if (same) return Step::kSame;  // the diagonal never costs more than what lies around it
  const auto bit = [j](uint64_t bits) { return static_cast<int>((bits >> (j - 1)) & 1); };
  const DifferenceRow& row = base_rows_[i];
  const DifferenceRow& above = base_rows_[i - 1];
  const int down = bit(row.more_than_above) - bit(row.less_than_above);
  const int right = bit(above.more_than_left) - bit(above.less_than_left);
  if (right + down == 1) return Step::kSubstitute;
  return down == 1 ? Step::kDelete : Step::kInsert;
}

void BeamEditDistance::TraceBase(std::span<const uint32_t> hypothesis,
                                 std::vector<Step>& steps) const {
  steps.clear();
  size_t i = hypothesis_size_, j = reference_.size();
  while (i > 0) {
    const bool same = j > 0 && hypothesis[i - 1] == reference_[j - 1];
    steps.push_back(by_bits_ ? StepInBits(i, j, same) : StepInBeam(i, j, same));
    if (steps.back() != Step::kInsert) --i;
    if (steps.back() != Step::kDelete) --j;
  }
  steps.insert(steps.end(), j, Step::kInsert);  // the first row
  std::reverse(steps.begin(), steps.end());
}

}  // namespace dragoman
