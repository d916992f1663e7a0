// Cosines and sines of the rotary angles, computed once per position instead of once per call.
#ifndef DRAGOMAN_KERNELS_CPU_ROPE_TABLE_H_
#define DRAGOMAN_KERNELS_CPU_ROPE_TABLE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/kernels.h"

namespace dragoman {

// For one kind of layer. Not thread-safe while it grows.
class RopeTable {
 public:
  RopeTable(const RopeParameters& rope, int64_t head_dim);

  bool Serves(const RopeParameters& rope, int64_t head_dim) const;
  // Makes the rows of these positions available.
  void Prepare(std::span<const int32_t> positions);
  // [head_dim / 2] each, of a position last prepared.
  const float* cosines(int32_t position) const { return Row(position); }
  const float* sines(int32_t position) const { return Row(position) + half_; }

 private:
  const float* Row(int32_t position) const;
  void Fill(int32_t position, float* row) const;

  RopeParameters rope_;
  int64_t half_;
  std::vector<float> frequencies_;                // [half_]
  std::vector<std::unique_ptr<float[]>> chunks_;  // kChunkPositions rows [2, half_] each, or null
};

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_CPU_ROPE_TABLE_H_
