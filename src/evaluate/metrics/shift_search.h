// Tercom's greedy search for shifts around the edit distance, in sacreBLEU's order of preference.
#ifndef DRAGOMAN_EVALUATE_METRICS_SHIFT_SEARCH_H_
#define DRAGOMAN_EVALUATE_METRICS_SHIFT_SEARCH_H_

#include <cstdint>
#include <tuple>
#include <vector>

#include "evaluate/metrics/edit_distance.h"

namespace dragoman {

// Scratch memory is kept between sentences; not thread-safe.
class ShiftSearch {
 public:
  using Words = std::vector<uint32_t>;
  // Insertions, deletions, substitutions and shifts that turn `hypothesis` into `reference`.
  int64_t Edits(const Words& hypothesis, const Words& reference);

 private:
  // Which words of either side are wrong, and which word of the hypothesis each word of the
  // reference stands at (-1: before the first).
  struct Alignment {
    std::vector<int64_t> of_reference;
    std::vector<uint8_t> reference_wrong, hypothesis_wrong;
    void Set(const std::vector<BeamEditDistance::Step>& steps);
  };
  using Rank = std::tuple<int64_t, int64_t, int64_t>;

  // Chains of equal words in the reference, ascending.
  void IndexReference(const Words& reference);
  // False: none reduces the distance, or too many were tried.
  bool FindBestShift(const Words& reference, int32_t cost);
  // The `length` words at `h` of the hypothesis are those at `r` of the reference.
  void TryShifts(size_t h, size_t r, size_t length);
  void Try(size_t h, size_t length, size_t target);

  BeamEditDistance distance_;
  std::vector<BeamEditDistance::Step> steps_;
  Alignment alignment_;
  Words words_, candidate_, best_words_;
  std::vector<uint32_t> first_at_, next_at_;  // of each word and of each place: where next
  int64_t checked_ = 0;
  int32_t best_cost_ = 0;
  Rank best_rank_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_SHIFT_SEARCH_H_
