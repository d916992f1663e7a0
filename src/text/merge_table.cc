#include "text/merge_table.h"

#include <algorithm>
#include <bit>

namespace dragoman {
namespace {

// A half-full table of honest pairs needs a few dozen; more means pairs made to collide.
constexpr size_t kMaxProbes = 4096;

}  // namespace

MergeTable::MergeTable(size_t max_merges)
    : slots_(std::bit_ceil(std::max<size_t>(max_merges * 2, 2))),
      mask_(slots_.size() - 1),
      shift_(64 - std::countr_zero(slots_.size())) {}

bool MergeTable::Insert(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = KeyOf(left, right);
  size_t i = SlotOf(key);
  for (size_t probe = 0; probe < kMaxProbes; ++probe, i = (i + 1) & mask_) {
    Slot& slot = slots_[i];
    if (slot.key == key) return false;
    if (slot.key == kFree) {
      slot = {key, merge};
      return true;
    }
  }
  return false;
}

}  // namespace dragoman
