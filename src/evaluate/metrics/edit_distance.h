// Edit distance of word sequences inside Tercom's beam, with the rows of one hypothesis kept, so
// that a rearranged copy of it costs only the rows from its first changed word.
//
// Row i holds the costs of turning the first i words of the hypothesis into the first j words of
// the reference, for the j of its beam only: memory grows with the sum of the two lengths.
//
// Where the beam holds every cell (both sides have up to about 25 words, as most sentences do), a
// row is its differences, one bit a cell, and costs a few operations (Myers, 1999; Hyyro, 2003).
#ifndef DRAGOMAN_EVALUATE_METRICS_EDIT_DISTANCE_H_
#define DRAGOMAN_EVALUATE_METRICS_EDIT_DISTANCE_H_

#include <cstdint>
#include <span>
#include <vector>

namespace dragoman {

// Scratch memory is kept between sentences; not thread-safe.
class BeamEditDistance {
 public:
  // Every hypothesis that follows has `hypothesis_size` words; words count from 0 without great
  // gaps.
  void SetReference(std::span<const uint32_t> reference, size_t hypothesis_size);

  // The distance of `hypothesis`; its rows are kept.
  int32_t Base(std::span<const uint32_t> hypothesis);
  // The distance of a hypothesis that equals the base in its first `same` words. What reaches
  // `limit` or more may be answered with any number that is not less than `limit`.
  int32_t Changed(std::span<const uint32_t> hypothesis, size_t same, int32_t limit);

  // How the base's words become the reference's, from the first word on.
  enum class Step : uint8_t { kSame, kSubstitute, kInsert, kDelete };
  void TraceBase(std::span<const uint32_t> hypothesis, std::vector<Step>& steps) const;

 private:
  // Of a row: where a cell is one more or one less than the cell before it, and than the cell above
  // it. Bit j - 1 stands for cell j.
  struct DifferenceRow {
    uint64_t more_than_left = 0, less_than_left = 0, more_than_above = 0, less_than_above = 0;
  };

  bool FitsBits() const;
  void IndexReference();
  DifferenceRow Below(const DifferenceRow& above, uint32_t word) const;
  int32_t Last(const DifferenceRow& row, size_t i) const;
  Step StepInBits(size_t i, size_t j, bool same) const;
  Step StepInBeam(size_t i, size_t j, bool same) const;
  void SetRows();

  // Row i from row i - 1. Returns the least of the row.
  int32_t Fill(uint32_t word, size_t i, const int32_t* above, int32_t* row) const;
  // Cell j of row i stands at RowOf(i)[j + 1 - first_[i]]; cells around the beam are unreached.
  size_t Start(size_t i) const { return i * stride_; }
  int32_t Cell(size_t i, size_t j) const { return base_[Start(i) + j + 1 - first_[i]]; }

  std::span<const uint32_t> reference_;
  size_t hypothesis_size_ = 0, stride_ = 0;
  std::vector<size_t> first_, end_;  // the beam of each row
  std::vector<int32_t> base_, changed_;
  bool by_bits_ = false;
  std::vector<uint64_t> places_;  // of each word in the reference, as bits
  std::vector<DifferenceRow> base_rows_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_EDIT_DISTANCE_H_
