// What one instruction set offers: plain functions that each do one piece of an operation on one
// thread.
//
// The same source (simd_kernels.cc) is compiled once per instruction set; CpuBackend cuts
// operations into pieces and hands them to threads. How an operation is cut never changes a result:
// each output element is computed in one fixed order that depends on the shape of its own row
// alone.
#ifndef DRAGOMAN_KERNELS_CPU_KERNEL_TABLE_H_
#define DRAGOMAN_KERNELS_CPU_KERNEL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/cpu/int8_product.h"
#include "kernels/kernels.h"

namespace dragoman {

// out [tokens, weights.rows] = x [tokens, weights.cols] * weights^T.
struct MatMulArguments {
  WeightMatrix weights;
  const float* x = nullptr;
  float* out = nullptr;
};

// The part of a product that one call computes: rows of the weights, rows of the activations.
struct MatMulPiece {
  int64_t first_row = 0;
  int64_t last_row = 0;  // exclusive, as is last_token
  int64_t first_token = 0;
  int64_t last_token = 0;
};

// Neighbouring tokens of one sequence whose queries look at keys and values together.
inline constexpr int64_t kAttentionTokens = 8;
// Keys that are looked at before the running softmax is brought up to date.
inline constexpr int64_t kAttentionKeys = 32;

// The queries of a few tokens that share a key-value head.
struct AttentionPiece {
  const float* queries = nullptr;  // of the first token: [heads_per_kv_head, head_dim]
  float* out = nullptr;            // same shape
  int64_t token_stride = 0;        // elements from a token's queries to the next one's
  int64_t tokens = 0;              // 1..kAttentionTokens
  const AttentionSequence* sequence = nullptr;
  int64_t position = 0;  // of the first token
  int64_t kv_head = 0;
  float* scratch = nullptr;  // [2, kAttentionKeys, head_dim] when keys are not float32
};

struct KernelTable {
  std::string_view name;

  // out [cols] = scale * one row of weights.
  void (*embed_row)(BlockType type, const std::byte* row, int64_t cols, float scale, float* out);
  void (*rms_norm)(const float* x, const float* weight, float eps, int64_t rows, int64_t dim,
                   float* out);
  void (*mat_mul)(const MatMulArguments& arguments, const MatMulPiece& piece);
  // Products with activations rounded to 8 bits; null: there are none.
  const Int8Kernels* int8;
  // x [heads, head_dim] of one token; cosines, sines [head_dim / 2].
  void (*rope)(float* x, const float* cosines, const float* sines, int64_t heads, int64_t head_dim);
  void (*attend)(const AttentionPiece& piece, const AttentionShape& shape);
  // As EncodeF16Row in host_backend.h.
  void (*encode_f16)(const float* row, int64_t elems, void* out);
  void (*gelu_mul)(const float* gate, const float* up, int64_t elems, float* out);
  void (*add)(float* x, const float* y, int64_t elems);
  // One row of logits; out [k].
  void (*top_logits)(const float* logits, int64_t vocab, int k, TopLogit* out);

  // For measuring the machine. The sum of `data`, read once; elems a multiple of 1024.
  float (*read_memory)(const float* data, int64_t elems);
  // Does `rounds` rounds of multiply-adds, adds their number of float operations to *flops.
  float (*multiply_add)(int64_t rounds, double* flops);
};

enum class CpuIsa { kGeneric, kAvx2, kAvxVnni, kAvx512, kNeonDot };

// Null when this build or this machine lacks the instruction set; never for kGeneric.
const KernelTable* FindKernelTable(CpuIsa isa);

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_CPU_KERNEL_TABLE_H_
