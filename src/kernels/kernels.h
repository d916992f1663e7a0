// The one narrow door to compute. A Backend offers the operations of a Gemma 3 forward pass, called
// per layer, so that a virtual call costs nothing. ISA and device conditionals exist only under
// src/kernels.
//
// Activations are float32 in memory that the backend allocates; weights are matrices of blocks.
// Row-major throughout. Preconditions are the caller's duty; only allocation and opening return
// Results.
#ifndef DRAGOMAN_KERNELS_KERNELS_H_
#define DRAGOMAN_KERNELS_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blocks/block_type.h"
#include "dragoman/result.h"

namespace dragoman {

// A weight matrix [rows = outputs, cols = inputs] of blocks along each row. Does not own its bytes.
struct WeightMatrix {
  BlockType type = BlockType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  const std::byte* data = nullptr;  // backend memory (see Backend::BorrowWeights)
};

// Rotary embedding of one kind of layer (NEOX pairing: element i with i + head_dim / 2).
struct RopeParameters {
  float theta = 10000.0f;
  float position_scale = 1.0f;  // positions are multiplied by this (1 / linear factor)
};

// The rows of one sequence in an attention call.
struct AttentionSequence {
  int64_t first_row = 0;       // of this sequence's queries in the batch
  int64_t tokens = 0;          // rows
  int64_t first_position = 0;  // absolute position of the first row
  // [capacity, kv_heads, head_dim] ring: position p lies in slot p % capacity
  const void* keys = nullptr;
  const void* values = nullptr;  // same shape
  int64_t capacity = 0;
  BlockType kv_type = BlockType::kF32;  // of keys and values: also kF16, kQ8_0
};

struct AttentionShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t window = 0;  // key j is visible to query i iff 0 <= i - j < window; 0: no limit
  float scale = 1.0f;
};

struct TopLogit {
  int32_t id = 0;
  float logit = 0;
};

// Activations that products share.
struct ProductInput {
  const float* x = nullptr;  // [tokens, cols]
  int64_t tokens = 0;
  int64_t cols = 0;
  // With weights of a norm [cols], the products are those of RmsNorm's result, which goes to
  // `normed` [tokens, cols].
  const float* norm_weight = nullptr;
  float eps = 0;
  float* normed = nullptr;
};

struct LinearProduct {
  WeightMatrix weights;
  float* out = nullptr;  // [tokens, weights.rows]
};

class Backend {
 public:
  virtual ~Backend() = default;
  // "cpu:avx512", "reference".
  virtual std::string_view name() const = 0;
  virtual int threads() const = 0;

  // Zeroed activation memory, freed with Free. Null only when memory is exhausted.
  virtual float* Allocate(int64_t elems) = 0;
  virtual void Free(float* memory) = 0;
  // Memory the backend holds for itself: rounded activations, decoded keys and values.
  virtual uint64_t scratch_bytes() const { return 0; }
  virtual void Upload(std::span<const float> from, float* to) = 0;
  virtual void Download(const float* from, std::span<float> to) = 0;
  // Makes host bytes usable as weights. The CPU returns `host` itself; a device copies. Errors:
  // kOutOfMemory (a device's memory; more than may be locked).
  virtual Result<const std::byte*> BorrowWeights(std::span<const std::byte> host) = 0;

  // out [ids, cols] = scale * table rows.
  virtual void EmbedRows(const WeightMatrix& table, std::span<const int32_t> ids, float scale,
                         float* out) = 0;
  // out [rows, dim] = x / sqrt(mean(x^2) + eps) * weight [dim]; weight has Gemma's +1 already
  // added. In place allowed.
  virtual void RmsNorm(const float* x, const float* weight, float eps, int64_t rows, int64_t dim,
                       float* out) = 0;
  // out [tokens, w.rows] = x [tokens, w.cols] * w^T. Where w is quantized, x may be rounded to 8
  // bits (BackendOptions).
  virtual void MatMul(const WeightMatrix& w, const float* x, int64_t tokens, float* out) = 0;
  // MatMul with each of the matrices, to the same bits. Together they cost less: activations are
  // normed and rounded in one go, and threads meet once.
  virtual void MatMuls(const ProductInput& input, std::span<const LinearProduct> products);
  // The same with two matrices of the same shape, and gate.out = GeluMul(gate.out, up.out).
  // Afterwards up.out holds anything.
  virtual void GatedMatMul(const ProductInput& input, const LinearProduct& gate,
                           const LinearProduct& up);
  // Whether MatMul with such weights rounds x and multiplies 8-bit integers.
  virtual bool MultipliesIntegers(const WeightMatrix& /*w*/) const { return false; }
  // In place on x [tokens, heads, head_dim]; positions [tokens] absolute.
  virtual void Rope(float* x, std::span<const int32_t> positions, int64_t heads, int64_t head_dim,
                    const RopeParameters& rope) = 0;
  // What key-value caches on this backend hold: kF32, kF16 or kQ8_0 (BackendOptions).
  virtual BlockType kv_type() const { return BlockType::kF32; }
  // Rounds rows [tokens, row_elems] to `type` (16 bits: to nearest, beyond the largest number to
  // it; kQ8_0: as EncodeQ8Row does) and stores them in a ring of such rows, from first_position on.
  virtual void StoreKv(const float* rows, int64_t tokens, int64_t row_elems, int64_t first_position,
                       int64_t capacity, BlockType type, void* ring) = 0;
  // Copies rows [tokens, row_bytes] as they are into a ring, from first_position on.
  virtual void CopyRows(const void* rows, int64_t tokens, int64_t row_bytes, int64_t first_position,
                        int64_t capacity, void* ring) = 0;
  // out, q [rows, heads, head_dim]. The rings already hold the rows' own keys and values; capacity
  // is at least window + tokens - 1 (or every position when window is 0).
  virtual void Attention(const float* q, std::span<const AttentionSequence> sequences,
                         const AttentionShape& shape, float* out) = 0;
  // out [elems] = gelu_tanh(gate) * up.
  virtual void GeluMul(const float* gate, const float* up, int64_t elems, float* out) = 0;
  // x [elems] += y.
  virtual void Add(float* x, const float* y, int64_t elems) = 0;
  // The k largest of each row of logits [rows, vocab], best first; lowest id first on ties. out
  // [rows * k].
  virtual void TopLogits(const float* logits, int64_t rows, int64_t vocab, int k,
                         std::span<TopLogit> out) = 0;
};

struct BackendInfo {
  std::string name;         // what OpenBackend takes
  std::string description;  // what it needs
  bool usable = false;      // on this machine
};
std::vector<BackendInfo> ListBackends();

struct BackendOptions {
  // Multiplies quantized weights with float32 activations instead of rounding these to 8 bits:
  // slower, and what measurements of the weights alone want. Plain weights never round.
  bool float32_activations = false;
  // Of key-value caches: kF32, kF16 or kQ8_0 (blocks of 32 elements of a head).
  BlockType kv_type = BlockType::kF32;
  // Keeps weights in physical memory (mlock), so that none is read from disk again. Loading then
  // reads all of them.
  bool lock_weights = false;
};

// device: "auto" or "cpu" (the best this machine has), "cpu:avx2", "cpu:avx512", "cpu:generic",
// "reference". threads 0: all available cores. Errors: kInvalidArgument for an unknown name
// (listing the known ones) or type of cache, kDevice when this machine lacks it.
Result<std::unique_ptr<Backend>> OpenBackend(const std::string& device, int threads,
                                             const BackendOptions& options = {});

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_KERNELS_H_
