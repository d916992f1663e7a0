// The merges of a byte-pair encoding: (left id, right id) -> (rank, merged id), in one flat hash
// table.
//
// Half a million merges in slots of 8 bytes: a pair that does not merge, the usual answer, costs
// one cache miss. Immutable after building; then thread-safe.
#ifndef DRAGOMAN_TEXT_MERGE_TABLE_H_
#define DRAGOMAN_TEXT_MERGE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dragoman {

struct Merge {
  uint32_t rank = ~0u;  // lower goes first
  int32_t id = -1;      // the merged piece; -1: the pair does not merge
};

class MergeTable {
 public:
  // Ids below 2^20 (the real vocabulary has 262,145), ranks below this (the real file has 514,906).
  static constexpr size_t kMaxMerges = (size_t{1} << 24) - 1;

  MergeTable() : MergeTable(0) {}
  explicit MergeTable(size_t max_merges);

  // The next rank's merge. Requires: at most max_merges calls, ids in [0, 2^20). False when the
  // pair is there already, or when too many pairs collide.
  bool Append(int32_t left, int32_t right, int32_t merged);
  size_t size() const { return merged_ids_.size(); }

  Merge Find(int32_t left, int32_t right) const {
    const uint64_t key = KeyOf(left, right);
    for (size_t i = SlotOf(key);; i = (i + 1) & mask_) {
      const uint64_t slot = slots_[i];
      if (slot >> kRankBits == key) {
        const uint32_t rank = static_cast<uint32_t>(slot & kFreeRank);
        if (rank == kFreeRank)
          return {};  // the free slot looks like a pair that cannot be: see kFree
        return {rank, merged_ids_[rank]};
      }
      if (slot == kFree) return {};
    }
  }

 private:
  // A slot: left id (20 bits), right id (20 bits), rank (24 bits). All ones: free.
  static constexpr int kIdBits = 20;
  static constexpr int kRankBits = 24;
  static constexpr uint64_t kFree = ~uint64_t{0};
  static constexpr uint32_t kFreeRank = (1u << kRankBits) - 1;  // never a rank, by kMaxMerges

  static uint64_t KeyOf(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << kIdBits | static_cast<uint32_t>(right);
  }
  size_t SlotOf(uint64_t key) const {
    // Fibonacci hashing: the top bits of the product depend on every bit of both ids.
    return static_cast<size_t>(key * 0x9e3779b97f4a7c15ull >> shift_);
  }

  std::vector<uint64_t> slots_;      // a power of two, at most two thirds full
  std::vector<int32_t> merged_ids_;  // [rank]
  size_t mask_ = 0;
  int shift_ = 0;  // 64 - log2(slots)
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_MERGE_TABLE_H_
