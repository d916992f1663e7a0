// The merges of a byte-pair encoding: (left id, right id) -> (rank, merged id), in one flat hash
// table.
//
// Half a million entries at 16 bytes; a look-up usually costs one cache miss. Immutable after
// building.
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
  MergeTable() : MergeTable(0) {}
  explicit MergeTable(size_t max_merges);

  // Requires: at most max_merges calls. False when the pair is there already, or when too many
  // pairs collide.
  bool Insert(int32_t left, int32_t right, Merge merge);

  Merge Find(int32_t left, int32_t right) const {
    const uint64_t key = KeyOf(left, right);
    for (size_t i = SlotOf(key);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.key == key) return slot.merge;
      if (slot.key == kFree) return {};
    }
  }

 private:
  static constexpr uint64_t kFree = ~uint64_t{0};  // would be the pair (-1, -1)
  struct Slot {
    uint64_t key = kFree;
    Merge merge;
  };

  static uint64_t KeyOf(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t SlotOf(uint64_t key) const {
    // Fibonacci hashing: the top bits of the product depend on every bit of both ids.
    return static_cast<size_t>((key ^ key >> 29) * 0x9e3779b97f4a7c15ull >> shift_);
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
  size_t mask_ = 0;
  int shift_ = 0;  // 64 - log2(slots)
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_MERGE_TABLE_H_
