// softmax(scale * q k^T) v for a few tokens, over the keys their windows show, without storing all
// scores.
//
// Keys come in blocks whose first position is a multiple of kKeyBlock, so that neighbouring tokens
// share them. Each block's scores update a running maximum and a running sum; what was summed
// before is scaled down when the maximum grows. Keys and values of 16 or 8 bits are widened once
// for all queries of a piece. A result depends on its own query, position and keys alone.
#if defined(DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
#undef DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "hwy/cache_control.h"
#include "hwy/contrib/math/math-inl.h"
#include "kernels/cpu/decode-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/lanes-inl.h"
#include "kernels/cpu/matmul-inl.h"
#include "kernels/host_backend.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

constexpr size_t kKeyBlock = kAttentionKeys;
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
};

// Which keys of a block a query sees: [first, last).
struct KeySpan {
  size_t first = 0, last = 0;
};

// A piece's keys and values where they lie in the ring.
class KeyRing {
 public:
  KeyRing(const AttentionPiece& piece, const AttentionShape& shape)
      : piece_(piece), head_dim_(static_cast<size_t>(shape.head_dim)) {
    const BlockTraits& traits = TraitsOf(piece.sequence->kv_type);
    head_bytes_ = shape.head_dim / traits.block_elems * traits.block_bytes;
    row_bytes_ = shape.kv_heads * head_bytes_;
  }

  // The keys of the positions first + span. Pointers outside the span repeat its ends.
  HWY_INLINE KeyBlock Locate(int64_t first, KeySpan span) const {
    const AttentionSequence& sequence = *piece_.sequence;
    KeyBlock block;
    int64_t slot = (first + static_cast<int64_t>(span.first)) % sequence.capacity;
    for (size_t j = span.first; j < span.last; ++j) {
      FetchAhead(slot + kRowsAhead);
      const int64_t offset = slot * row_bytes_ + piece_.kv_head * head_bytes_;
      block.keys[j] = Floats(sequence.keys, offset, j);
      block.values[j] = Floats(sequence.values, offset, kKeyBlock + j);
      if (++slot == sequence.capacity) slot = 0;
    }
    for (size_t j = 0; j < span.first; ++j) Repeat(span.first, j, block);
    for (size_t j = span.last; j < kKeyBlock; ++j) Repeat(span.last - 1, j, block);
    return block;
  }

 private:
  // Rows of one head lie too far apart for the machine to fetch them by itself.
  static constexpr int64_t kRowsAhead = 8;

  HWY_INLINE void FetchAhead(int64_t slot) const {
    if (slot >= piece_.sequence->capacity) return;
    const int64_t offset = slot * row_bytes_ + piece_.kv_head * head_bytes_;
    for (const void* ring : {piece_.sequence->keys, piece_.sequence->values}) {
      const auto* row = static_cast<const uint8_t*>(ring) + offset;
      for (int64_t line = 0; line < head_bytes_; line += 64) hwy::Prefetch(row + line);
    }
  }

  // One head's row as float32: in place, or widened into a row of the scratch memory.
  HWY_INLINE const float* Floats(const void* ring, int64_t offset, size_t scratch_row) const {
    const auto* from = static_cast<const uint8_t*>(ring) + offset;
    if (piece_.sequence->kv_type == BlockType::kF32) return reinterpret_cast<const float*>(from);
    float* to = piece_.scratch + scratch_row * head_dim_;
    if (piece_.sequence->kv_type == BlockType::kF16) {
      DecodeF16(from, head_dim_, to);
    } else {
      DecodeQ8_0(from, head_dim_, to);
    }
    return to;
  }
  static HWY_INLINE void Repeat(size_t from, size_t to, KeyBlock& block) {
    block.keys[to] = block.keys[from];
    block.values[to] = block.values[from];
  }

  const AttentionPiece& piece_;
  const size_t head_dim_;
  int64_t head_bytes_ = 0;
  int64_t row_bytes_ = 0;
};

// Running softmax of one query.
struct SoftmaxState {
  float highest = -std::numeric_limits<float>::infinity();
  float total = 0.0f;
};

// scores [kKeyBlock] -> weights e^(score - highest), zero outside `seen`; returns what earlier sums
// must be multiplied by.
HWY_INLINE float UpdateSoftmax(float* scores, KeySpan seen, SoftmaxState& state) {
  std::fill(scores, scores + seen.first, -std::numeric_limits<float>::infinity());
  std::fill(scores + seen.last, scores + kKeyBlock, -std::numeric_limits<float>::infinity());
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
HWY_INLINE void AddValues(const KeyBlock& block, KeySpan seen, const float (*weights)[kKeyBlock],
                          const float* corrections, size_t d, size_t head_dim, float* out) {
  FloatVec acc[kQueries][kVectors];
  for (size_t q = 0; q < kQueries; ++q) {
    const FloatVec correction = hn::Set(kFloats, corrections[q]);
    for (size_t v = 0; v < kVectors; ++v) {
      const FloatVec before = hn::LoadU(kFloats, out + q * head_dim + d + v * kLanes);
      acc[q][v] = hn::Mul(before, correction);
    }
  }
  for (size_t j = seen.first; j < seen.last; ++j) {
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
HWY_INLINE void AddAllValues(const KeyBlock& block, KeySpan seen, const float (*weights)[kKeyBlock],
                             const float* corrections, size_t head_dim, float* out) {
  size_t d = 0;
  for (; d + 4 * kLanes <= head_dim; d += 4 * kLanes) {
    AddValues<kQueries, 4>(block, seen, weights, corrections, d, head_dim, out);
  }
  for (; d + kLanes <= head_dim; d += kLanes) {
    AddValues<kQueries, 1>(block, seen, weights, corrections, d, head_dim, out);
  }
  for (; d < head_dim; ++d) {
    for (size_t q = 0; q < kQueries; ++q) {
      float sum = out[q * head_dim + d] * corrections[q];
      for (size_t j = seen.first; j < seen.last; ++j) sum += weights[q][j] * block.values[j][d];
      out[q * head_dim + d] = sum;
    }
  }
}

// kQueries of one token, one block of keys.
template <int kQueries>
HWY_INLINE void AttendBlock(const KeyBlock& block, KeySpan seen, float scale, const float* queries,
                            size_t head_dim, SoftmaxState* states, float* out) {
  HWY_ALIGN float scores[kQueries][kKeyBlock];
  for (size_t j = seen.first / kTileRows * kTileRows; j < seen.last; j += kTileRows) {
    HWY_ALIGN float dots[kQueries][kTileRows];
    DotTileRows<kQueries>(KeyRows{block.keys + j}, queries, head_dim, head_dim, dots);
    for (size_t q = 0; q < kQueries; ++q) {
      for (size_t r = 0; r < kTileRows; ++r) scores[q][j + r] = dots[q][r] * scale;
    }
  }
  float corrections[kQueries];
  for (size_t q = 0; q < kQueries; ++q) {
    corrections[q] = UpdateSoftmax(scores[q], seen, states[q]);
  }
  AddAllValues<kQueries>(block, seen, scores, corrections, head_dim, out);
}

// A few heads of a token at a time, all blocks of keys for each.
constexpr size_t kAttentionHeads = 16;

// The heads [first_head, first_head + heads) of all tokens of the piece.
void AttendHeads(const AttentionPiece& piece, const AttentionShape& shape, size_t first_head,
                 size_t heads) {
  const auto head_dim = static_cast<size_t>(shape.head_dim);
  const auto tokens = static_cast<size_t>(piece.tokens);
  const size_t offset = first_head * head_dim;
  SoftmaxState states[kAttentionTokens][kAttentionHeads];
  const auto row = [&](size_t token) {
    return token * static_cast<size_t>(piece.token_stride) + offset;
  };
  for (size_t t = 0; t < tokens; ++t) std::fill_n(piece.out + row(t), heads * head_dim, 0.0f);
  const auto first_key = [&](int64_t position) {
    return shape.window > 0 ? std::max<int64_t>(0, position - shape.window + 1) : int64_t{0};
  };
  // Of the block that begins at `first`, what the token at `position` sees.
  const auto seen_by = [&](int64_t position, int64_t first) {
    const int64_t begin = std::max<int64_t>(first_key(position) - first, 0);
    const int64_t end = std::min<int64_t>(position + 1 - first, kKeyBlock);
    return begin < end ? KeySpan{static_cast<size_t>(begin), static_cast<size_t>(end)} : KeySpan{};
  };
  const KeyRing ring(piece, shape);
  const int64_t last_position = piece.position + piece.tokens - 1;
  const auto block_keys = static_cast<int64_t>(kKeyBlock);
  for (int64_t first = first_key(piece.position) / block_keys * block_keys; first <= last_position;
       first += block_keys) {
    // What any token sees: from the window of the first one that reaches the block to the last
    // one's own position. The ring holds all of it.
    const int64_t lowest = first_key(std::max(piece.position, first)) - first;
    if (lowest >= block_keys) continue;
    const KeySpan any{
        static_cast<size_t>(std::max<int64_t>(lowest, 0)),
        static_cast<size_t>(std::min<int64_t>(last_position + 1 - first, block_keys))};
    const KeyBlock block = ring.Locate(first, any);
    for (size_t t = 0; t < tokens; ++t) {
      const KeySpan seen = seen_by(piece.position + static_cast<int64_t>(t), first);
      if (seen.first >= seen.last) continue;
      const float* queries = piece.queries + row(t);
      float* out = piece.out + row(t);
      const auto attend = [&]<int kQueries>(size_t h) {
        AttendBlock<kQueries>(block, seen, shape.scale, queries + h * head_dim, head_dim,
                              states[t] + h, out + h * head_dim);
      };
      // One head alone has too few sums under way to keep the units busy: four are two and two.
      size_t h = 0;
      for (; heads - h == 3 || heads - h > 4; h += 3) attend.template operator()<3>(h);
      for (; h + 2 <= heads; h += 2) attend.template operator()<2>(h);
      if (h < heads) attend.template operator()<1>(h);
    }
  }
  for (size_t t = 0; t < tokens; ++t) {
    float* out = piece.out + row(t);
    for (size_t h = 0; h < heads; ++h) {
      for (size_t d = 0; d < head_dim; ++d) out[h * head_dim + d] /= states[t][h].total;
    }
  }
}

void Attend(const AttentionPiece& piece, const AttentionShape& shape) {
  const auto group = static_cast<size_t>(shape.heads / shape.kv_heads);
  for (size_t head = 0; head < group; head += kAttentionHeads) {
    AttendHeads(piece, shape, head, std::min(kAttentionHeads, group - head));
  }
}

// Vectors where the instruction set rounds as the scalar code does.
void EncodeF16(const float* row, int64_t elems, void* out) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const hn::Rebind<hwy::float16_t, FloatTag> halves;
  const FloatVec most = hn::Set(kFloats, 65504.0f), least = hn::Set(kFloats, -65504.0f);
  auto* to = static_cast<hwy::float16_t*>(out);
  size_t i = 0;
  for (; i + kLanes <= static_cast<size_t>(elems); i += kLanes) {
    const FloatVec value = hn::LoadU(kFloats, row + i);
    const FloatVec bounded = hn::Min(hn::Max(value, least), most);  // of NaN: either limit
    const FloatVec kept = hn::IfThenElse(hn::IsNaN(value), value, bounded);
    hn::StoreU(hn::DemoteTo(halves, kept), halves, to + i);
  }
  EncodeF16Row(row + i, elems - static_cast<int64_t>(i), to + i);
#else
  EncodeF16Row(row, elems, out);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_ATTENTION_INL_H_
