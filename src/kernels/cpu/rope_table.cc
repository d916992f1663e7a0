#include "kernels/cpu/rope_table.h"

#include "kernels/rotary_angles.h"

namespace dragoman {
namespace {

// A chunk of 64 positions of a head of 256 takes 64 KB; it is filled when the first of them is met.
constexpr int32_t kChunkPositions = 64;

}  // namespace

RopeTable::RopeTable(const RopeParameters& rope, int64_t head_dim)
    : rope_(rope), half_(head_dim / 2), frequencies_(static_cast<size_t>(head_dim / 2)) {
  for (int64_t pair = 0; pair < half_; ++pair) {
    frequencies_[static_cast<size_t>(pair)] = RotaryFrequency(rope, pair, head_dim);
  }
}

bool RopeTable::Serves(const RopeParameters& rope, int64_t head_dim) const {
  return rope.theta == rope_.theta && rope.position_scale == rope_.position_scale &&
         head_dim / 2 == half_;
}

void RopeTable::Prepare(std::span<const int32_t> positions) {
  for (const int32_t position : positions) {
    const auto chunk = static_cast<size_t>(position / kChunkPositions);
    if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
    if (chunks_[chunk] != nullptr) continue;
    chunks_[chunk] =
        std::make_unique<float[]>(static_cast<size_t>(kChunkPositions) * 2 * frequencies_.size());
    for (int32_t i = 0; i < kChunkPositions; ++i) {
      Fill(position / kChunkPositions * kChunkPositions + i, chunks_[chunk].get() + 2 * half_ * i);
    }
  }
}

const float* RopeTable::Row(int32_t position) const {
  return chunks_[static_cast<size_t>(position / kChunkPositions)].get() +
         2 * half_ * (position % kChunkPositions);
}

void RopeTable::Fill(int32_t position, float* row) const {
  for (int64_t pair = 0; pair < half_; ++pair) {
    const float angle = RotaryAngle(frequencies_[static_cast<size_t>(pair)], position);
    row[pair] = RotaryCos(angle);
    row[half_ + pair] = RotarySin(angle);
  }
}

}  // namespace dragoman
