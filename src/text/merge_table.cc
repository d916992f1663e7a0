#include "text/merge_table.h"

#include <algorithm>
#include <bit>

namespace dragoman {
namespace {

// A table of honest pairs needs a few dozen; more means pairs made to collide.
constexpr size_t kMaxProbes = 4096;

}  // namespace

MergeTable::MergeTable(size_t max_merges)
    : slots_(std::bit_ceil(std::max<size_t>(max_merges * 3 / 2 + 1, 2)), kFree),
      mask_(slots_.size() - 1),
      shift_(64 - std::countr_zero(slots_.size())) {
  merged_ids_.reserve(max_merges);
}

bool MergeTable::Append(int32_t left, int32_t right, int32_t merged) {
  const uint64_t key = KeyOf(left, right);
  size_t i = SlotOf(key);
  for (size_t probe = 0; probe < kMaxProbes; ++probe, i = (i + 1) & mask_) {
    if (slots_[i] == kFree) {
      slots_[i] = key << kRankBits | merged_ids_.size();
      merged_ids_.push_back(merged);
      return true;
    }
    if (slots_[i] >> kRankBits == key) return false;
  }
  return false;
}

}  // namespace dragoman
