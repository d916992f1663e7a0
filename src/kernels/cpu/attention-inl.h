// softmax(scale * q k^T) v for one token, over the keys its window shows, without storing all
// scores.
//
// Keys come in blocks of kKeyBlock from the first visible one on. Each block's scores update a
// running maximum and a running sum; what was summed before is scaled down when the maximum grows.
// Queries that share a key-value head go together, so that keys and values are read once. A result
// depends on its own query, position and keys alone.
#if defined(DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
#undef DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/lanes-inl.h"
#include "kernels/cpu/matmul-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

constexpr size_t kKeyBlock = 32;
static_assert(kKeyBlock % kTileRows == 0 && kKeyBlock % kLanes == 0);

// Eight keys as the rows of a tile, wherever in the ring they lie.
struct KeyRows {
  const float* const* keys;
  HWY_INLINE FloatVec Load(size_t r, size_t k) const { return hn::LoadU(kFloats, keys[r] + k); }
  HWY_INLINE float At(size_t r, size_t k) const { return keys[r][k]; }
};

struct KeyBlock {
  const float* keys[kKeyBlock];
  const float* values[kKeyBlock];
  size_t count;  // 1..kKeyBlock; further pointers repeat the last
};

HWY_INLINE KeyBlock LocateKeys(const AttentionPiece& piece, const AttentionShape& shape,
                               int64_t first, int64_t last) {
  const AttentionSequence& sequence = *piece.sequence;
  KeyBlock block;
  block.count = static_cast<size_t>(std::min<int64_t>(kKeyBlock, last - first + 1));
  int64_t slot = first % sequence.capacity;
  for (size_t j = 0; j < kKeyBlock; ++j) {
    const int64_t offset = (slot * shape.kv_heads + piece.kv_head) * shape.head_dim;
    block.keys[j] = sequence.keys + offset;
    block.values[j] = sequence.values + offset;
    if (j + 1 < block.count && ++slot == sequence.capacity) slot = 0;
  }
  return block;
}

// Running softmax of one query.
struct SoftmaxState {
  float highest = -std::numeric_limits<float>::infinity();
  float total = 0.0f;
};

// scores [kKeyBlock] -> weights e^(score - highest), zero beyond `count`; returns what earlier sums
// must be multiplied by.
HWY_INLINE float UpdateSoftmax(float* scores, size_t count, SoftmaxState& state) {
  std::fill(scores + count, scores + kKeyBlock, -std::numeric_limits<float>::infinity());
  FloatVec highest = hn::Set(kFloats, state.highest);
  for (size_t j = 0; j < kKeyBlock; j += kLanes) {
    highest = hn::Max(highest, hn::LoadU(kFloats, scores + j));
  }
  highest = hn::MaxOfLanes(kFloats, highest);
  const FloatVec shift = hn::Sub(hn::Set(kFloats, state.highest), highest);
  const float correction = hn::GetLane(hn::Exp(kFloats, shift));
  FloatVec sum = hn::Zero(kFloats);
  for (size_t j = 0; j < kKeyBlock; j += kLanes) {
    const FloatVec weight = hn::Exp(kFloats, hn::Sub(hn::LoadU(kFloats, scores + j), highest));
    hn::StoreU(weight, kFloats, scores + j);
    sum = hn::Add(sum, weight);
  }
  state.highest = hn::GetLane(highest);
  state.total = state.total * correction + SumLanes(sum);
  return correction;
}

// out [kQueries, head_dim] = out * corrections + weights * values, kVectors vectors from element d
// on.
template <int kQueries, int kVectors>
HWY_INLINE void AddValues(const KeyBlock& block, const float (*weights)[kKeyBlock],
                          const float* corrections, size_t d, size_t head_dim, float* out) {
  FloatVec acc[kQueries][kVectors];
  for (size_t q = 0; q < kQueries; ++q) {
    const FloatVec correction = hn::Set(kFloats, corrections[q]);
    for (size_t v = 0; v < kVectors; ++v) {
      const FloatVec before = hn::LoadU(kFloats, out + q * head_dim + d + v * kLanes);
      acc[q][v] = hn::Mul(before, correction);
    }
  }
  for (size_t j = 0; j < block.count; ++j) {
    FloatVec value[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      value[v] = hn::LoadU(kFloats, block.values[j] + d + v * kLanes);
    }
    for (size_t q = 0; q < kQueries; ++q) {
      const FloatVec weight = hn::Set(kFloats, weights[q][j]);
      for (size_t v = 0; v < kVectors; ++v) acc[q][v] = hn::MulAdd(weight, value[v], acc[q][v]);
    }
  }
  for (size_t q = 0; q < kQueries; ++q) {
    for (size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(acc[q][v], kFloats, out + q * head_dim + d + v * kLanes);
    }
  }
}

template <int kQueries>
HWY_INLINE void AddAllValues(const KeyBlock& block, const float (*weights)[kKeyBlock],
                             const float* corrections, size_t head_dim, float* out) {
  size_t d = 0;
  for (; d + 4 * kLanes <= head_dim; d += 4 * kLanes) {
    AddValues<kQueries, 4>(block, weights, corrections, d, head_dim, out);
  }
  for (; d + kLanes <= head_dim; d += kLanes) {
    AddValues<kQueries, 1>(block, weights, corrections, d, head_dim, out);
  }
  for (; d < head_dim; ++d) {
    for (size_t q = 0; q < kQueries; ++q) {
      float sum = out[q * head_dim + d] * corrections[q];
      for (size_t j = 0; j < block.count; ++j) sum += weights[q][j] * block.values[j][d];
      out[q * head_dim + d] = sum;
    }
  }
}

template <int kQueries>
void AttendQueries(const AttentionPiece& piece, const AttentionShape& shape, const float* queries,
                   float* out) {
  const auto head_dim = static_cast<size_t>(shape.head_dim);
  const int64_t first_key =
      shape.window > 0 ? std::max<int64_t>(0, piece.position - shape.window + 1) : 0;
  SoftmaxState states[kQueries];
  HWY_ALIGN float scores[kQueries][kKeyBlock];
  std::fill(out, out + kQueries * head_dim, 0.0f);
  for (int64_t first = first_key; first <= piece.position; first += kKeyBlock) {
    const KeyBlock block = LocateKeys(piece, shape, first, piece.position);
    for (size_t j = 0; j < block.count; j += kTileRows) {
      HWY_ALIGN float dots[kQueries][kTileRows];
      DotTileRows<kQueries>(KeyRows{block.keys + j}, queries, head_dim, head_dim, dots);
      for (size_t q = 0; q < kQueries; ++q) {
        for (size_t r = 0; r < kTileRows; ++r) scores[q][j + r] = dots[q][r] * shape.scale;
      }
    }
    float corrections[kQueries];
    for (size_t q = 0; q < kQueries; ++q) {
      corrections[q] = UpdateSoftmax(scores[q], block.count, states[q]);
    }
    AddAllValues<kQueries>(block, scores, corrections, head_dim, out);
  }
  for (size_t q = 0; q < kQueries; ++q) {
    for (size_t d = 0; d < head_dim; ++d) out[q * head_dim + d] /= states[q].total;
  }
}

void Attend(const AttentionPiece& piece, const AttentionShape& shape) {
  int64_t left = shape.heads / shape.kv_heads;
  const float* queries = piece.queries;
  float* out = piece.out;
  for (; left >= 3; left -= 3, queries += 3 * shape.head_dim, out += 3 * shape.head_dim) {
    AttendQueries<3>(piece, shape, queries, out);
  }
  if (left == 2) AttendQueries<2>(piece, shape, queries, out);
  if (left == 1) AttendQueries<1>(piece, shape, queries, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
