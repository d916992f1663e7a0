// Weights times activations: out[t][n] = sum over k of w[n][k] * x[t][k], float32 throughout.
//
// The order of additions of one element is the same for every size of batch, so that a row's result
// does not depend on what it is computed beside: k is cut into spans of kSpanElems; within a span
// lane l of a vector sums the elements k = l (mod lanes) in turn by fused multiply-adds; the lanes
// are then added in a fixed tree, the odd end of the row one by one, and spans in order.
//
// Work is arranged around that: eight rows of weights are decoded for one span into a panel that
// stays in the first-level cache, and multiplied with every row of activations, three at a time (24
// sums in registers). For so few activations that a panel would not pay, plain weights are read in
// place.
#if defined(DRAGOMAN_KERNELS_CPU_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_MATMUL_INL_H_
#undef DRAGOMAN_KERNELS_CPU_MATMUL_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_MATMUL_INL_H_
#endif

#include <algorithm>

#include "kernels/cpu/decode-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

constexpr int kTileRows = 8;
constexpr int kTileTokens = 3;
// 32 KB of panel, and a multiple of every block. Changing it changes results in the last bit.
constexpr size_t kSpanElems = 1024;
// Not a power of two, lest the eight rows fall into the same sets of the cache.
constexpr size_t kPanelStride = kSpanElems + 16;

// Where the eight rows of a tile come from. Load gives a vector of row r at k, At one element.
struct PanelRows {
  const float* panel;
  HWY_INLINE FloatVec Load(size_t r, size_t k) const {
    return hn::LoadU(kFloats, panel + r * kPanelStride + k);
  }
  HWY_INLINE float At(size_t r, size_t k) const { return panel[r * kPanelStride + k]; }
};

// Weights of a plain type where they lie.
template <FloatVec (*kLoad)(const uint8_t*), float (*kAt)(const uint8_t*), size_t kElemBytes>
struct PlainRows {
  const uint8_t* rows;
  size_t stride_bytes;
  HWY_INLINE FloatVec Load(size_t r, size_t k) const {
    return kLoad(rows + r * stride_bytes + k * kElemBytes);
  }
  HWY_INLINE float At(size_t r, size_t k) const {
    return kAt(rows + r * stride_bytes + k * kElemBytes);
  }
};
using F32Rows = PlainRows<LoadF32, F32At, 4>;
using F16Rows = PlainRows<LoadF16, F16At, 2>;
using Bf16Rows = PlainRows<LoadBf16, Bf16At, 2>;

// sums [tokens][8], columns kFirst .. kFirst + kRows - 1: rows times x over `elems` elements.
template <int kRows, int kTokens, int kFirst, class Rows>
HWY_INLINE void DotTile(const Rows& rows, const float* HWY_RESTRICT x, size_t x_stride,
                        size_t elems, float (*HWY_RESTRICT sums)[kTileRows]) {
  FloatVec acc[kTokens][kRows];
  for (int t = 0; t < kTokens; ++t) {
    for (int r = 0; r < kRows; ++r) acc[t][r] = hn::Zero(kFloats);
  }
  size_t k = 0;
  for (; k + kLanes <= elems; k += kLanes) {
    FloatVec xs[kTokens];
    for (int t = 0; t < kTokens; ++t) {
      xs[t] = hn::LoadU(kFloats, x + static_cast<size_t>(t) * x_stride + k);
    }
    for (int r = 0; r < kRows; ++r) {
      FloatVec w = rows.Load(static_cast<size_t>(kFirst + r), k);
      if constexpr (kTokens > 1) KeepInRegister(w);
      for (int t = 0; t < kTokens; ++t) acc[t][r] = hn::MulAdd(w, xs[t], acc[t][r]);
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    for (int r = 0; r < kRows; r += 4) {
      SumLanes4(acc[t][r], acc[t][r + 1], acc[t][r + 2], acc[t][r + 3], sums[t] + kFirst + r);
    }
  }
  for (; k < elems; ++k) {
    for (int t = 0; t < kTokens; ++t) {
      for (int r = kFirst; r < kFirst + kRows; ++r) {
        sums[t][r] += rows.At(static_cast<size_t>(r), k) * x[static_cast<size_t>(t) * x_stride + k];
      }
    }
  }
}

// All eight rows: at once where there are 32 registers, else in two halves unless there is one
// token.
template <int kTokens, class Rows>
HWY_INLINE void DotTileRows(const Rows& rows, const float* HWY_RESTRICT x, size_t x_stride,
                            size_t elems, float (*HWY_RESTRICT sums)[kTileRows]) {
  if constexpr (kLanes == 16 || kTokens == 1) {
    DotTile<8, kTokens, 0>(rows, x, x_stride, elems, sums);
  } else {
    DotTile<4, kTokens, 0>(rows, x, x_stride, elems, sums);
    DotTile<4, kTokens, 4>(rows, x, x_stride, elems, sums);
  }
}

// As above for 1 to kTileTokens tokens.
template <class Rows>
HWY_INLINE void DotTileTokens(const Rows& rows, const float* HWY_RESTRICT x, size_t x_stride,
                              size_t tokens, size_t elems, float (*HWY_RESTRICT sums)[kTileRows]) {
  if (tokens == 3) return DotTileRows<3>(rows, x, x_stride, elems, sums);
  if (tokens == 2) return DotTileRows<2>(rows, x, x_stride, elems, sums);
  DotTileRows<1>(rows, x, x_stride, elems, sums);
}

// One span of k for up to eight rows and any number of tokens.
struct SpanTile {
  const float* x;  // first token, first element of the span
  size_t x_stride;
  size_t elems;
  float* out;  // first token, first row
  size_t out_stride;
  size_t rows;  // 1..8
  size_t tokens;
  bool first_span;  // set the output instead of adding to it
};

template <class Rows>
HWY_INLINE void MultiplySpan(const Rows& rows, const SpanTile& tile) {
  for (size_t t = 0; t < tile.tokens; t += kTileTokens) {
    HWY_ALIGN float sums[kTileTokens][kTileRows];
    const size_t tokens = std::min<size_t>(kTileTokens, tile.tokens - t);
    DotTileTokens(rows, tile.x + t * tile.x_stride, tile.x_stride, tokens, tile.elems, sums);
    for (size_t i = 0; i < tokens; ++i) {
      float* out = tile.out + (t + i) * tile.out_stride;
      if (tile.first_span) {
        for (size_t r = 0; r < tile.rows; ++r) out[r] = sums[i][r];
      } else {
        for (size_t r = 0; r < tile.rows; ++r) out[r] += sums[i][r];
      }
    }
  }
}

// `from`: the first row's weights of the span. False when there is no way to use them in place.
HWY_INLINE bool MultiplySpanInPlace(BlockType type, const uint8_t* from, size_t row_bytes,
                                    const SpanTile& tile) {
  if (tile.tokens > kTileTokens || tile.rows < kTileRows) return false;
  switch (type) {
    case BlockType::kF32:
      MultiplySpan(F32Rows{from, row_bytes}, tile);
      return true;
    case BlockType::kF16:
      MultiplySpan(F16Rows{from, row_bytes}, tile);
      return true;
    case BlockType::kBF16:
      MultiplySpan(Bf16Rows{from, row_bytes}, tile);
      return true;
    default:
      return false;
  }
}

void MatMul(const MatMulArguments& arguments, const MatMulPiece& piece) {
  const WeightMatrix& w = arguments.weights;
  const BlockTraits& traits = TraitsOf(w.type);
  const auto cols = static_cast<size_t>(w.cols), rows = static_cast<size_t>(w.rows);
  const size_t row_bytes = cols / traits.block_elems * traits.block_bytes;
  const auto first_token = static_cast<size_t>(piece.first_token);
  const auto last_row = static_cast<size_t>(piece.last_row);
  HWY_ALIGN float panel[kTileRows * kPanelStride];
  SpanTile tile{};
  tile.x_stride = cols;
  tile.out_stride = rows;
  tile.tokens = static_cast<size_t>(piece.last_token) - first_token;
  for (size_t k = 0; k < cols; k += kSpanElems) {
    tile.elems = std::min(kSpanElems, cols - k);
    tile.first_span = k == 0;
    tile.x = arguments.x + first_token * cols + k;
    const size_t span_bytes = k / traits.block_elems * traits.block_bytes;
    for (auto n = static_cast<size_t>(piece.first_row); n < last_row; n += kTileRows) {
      tile.rows = std::min<size_t>(kTileRows, last_row - n);
      tile.out = arguments.out + first_token * rows + n;
      const auto* from = reinterpret_cast<const uint8_t*>(w.data) + n * row_bytes + span_bytes;
      if (MultiplySpanInPlace(w.type, from, row_bytes, tile)) continue;
      for (size_t r = 0; r < tile.rows; ++r) {
        DecodeWeights(w.type, from + r * row_bytes, tile.elems, panel + r * kPanelStride);
      }
      // Rows beyond the last are multiplied too, though not stored: give them values.
      std::fill(panel + tile.rows * kPanelStride, std::end(panel), 0.0f);
      MultiplySpan(PanelRows{panel}, tile);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_MATMUL_INL_H_
