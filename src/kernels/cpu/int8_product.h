// Products of weight blocks with activations rounded to 8 bits: integer dot products inside a
// sub-block, float32 between sub-blocks.
//
// An activation row is cut into groups of 32. A group's scale is its largest magnitude / 127, its
// codes are the quotients rounded to the nearest even integer: -127..127. Weights come in
// sub-blocks of 16 or 32 with one scale, and, for some types, one minimum. Sub-block after
// sub-block, in the order of the columns,
//
//   out = fma(fma(-minimum, S, I * scale), group scale, out)
//
// with I the integer dot product of weight codes and activation codes, S the sum of the activation
// codes (no inner fma for types without a minimum). I and S are exact. So a result depends on its
// row of weights and its row of activations alone, and every instruction set gives the same bits.
#ifndef DRAGOMAN_KERNELS_CPU_INT8_PRODUCT_H_
#define DRAGOMAN_KERNELS_CPU_INT8_PRODUCT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/kernels.h"

namespace dragoman {

// Columns that share an activation scale.
inline constexpr int64_t kInt8GroupElems = 32;
// Below this magnitude the reciprocal of a scale would overflow: such a group is all zeros.
inline constexpr float kSmallestMagnitude = 1e-30f;
// Adding 1.5 * 2^23 rounds to the nearest even integer, which then lies in the low bits.
inline constexpr float kRoundToEven = 12582912.0f;

// Tokens of all chunks of a piece, at most.
inline constexpr int64_t kMaxInt8PieceTokens = 96;

// Rounded activations [tokens, cols], as one product wants them. Tokens are cut into chunks of
// nearly equal size that are multiplied at once; a chunk of n tokens lies together: codes
// [cols / 4][n][4], scales and corrections [cols / sub_elems][n].
struct Int8Activations {
  int64_t tokens = 0;
  int64_t cols = 0;
  int64_t sub_elems = 0;  // columns of one scale of the weights: 16 or 32
  int64_t chunks = 0;
  int64_t chunk_tokens = 0;   // at least, in each chunk
  int64_t larger_chunks = 0;  // the first ones, with one token more
  int64_t max_chunk = 0;
  bool by_rows = false;  // a single chunk whose codes lie as [n][cols]
  int8_t* codes = nullptr;
  float* scales = nullptr;          // of the group that the sub-block lies in
  uint32_t* corrections = nullptr;  // S as a float, or the start value of I, one integer or two

  // Into chunks of at most `max` tokens.
  void Cut(int64_t max) {
    max_chunk = max;
    chunks = (tokens + max - 1) / max;
    chunk_tokens = tokens / chunks;
    larger_chunks = tokens % chunks;
  }
  int64_t FirstToken(int64_t chunk) const {
    return chunk * chunk_tokens + std::min(chunk, larger_chunks);
  }
};

// The part of a product that one call computes: rows of the weights, chunks of the activations.
struct Int8Piece {
  WeightMatrix weights;
  Int8Activations x;
  float* out = nullptr;  // [x.tokens, weights.rows]
  int64_t first_row = 0;
  int64_t last_row = 0;  // exclusive, as is last_chunk
  int64_t first_chunk = 0;
  int64_t last_chunk = 0;
};

// What an instruction set offers. Functions run on one thread.
struct Int8Kernels {
  std::string_view name;
  // How activations are wanted by a product with `w`: fills in all but memory, from x->tokens.
  // False: there is no integer product with weights of this type.
  bool (*lay_out)(const WeightMatrix& w, Int8Activations* x);
  // x [x.tokens, x.cols] float32 -> the chunks [first, last) of `to`, for weights of this type.
  void (*quantize)(BlockType type, const float* x, const Int8Activations& to, int64_t first_chunk,
                   int64_t last_chunk);
  void (*multiply)(const Int8Piece& piece);
};

// Null when this build or this machine lacks the instruction set.
const Int8Kernels* FindInt8Avx2();
const Int8Kernels* FindInt8AvxVnni();
const Int8Kernels* FindInt8Avx512();   // with VNNI
const Int8Kernels* FindInt8Neon();     // every 64-bit ARM
const Int8Kernels* FindInt8NeonDot();  // with dot products
const Int8Kernels* FindInt8Wasm();     // SIMD128

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_CPU_INT8_PRODUCT_H_
