// Gemma 3: weights and the forward pass, written only in calls through kernels.h.
#ifndef DRAGOMAN_MODEL_GEMMA3_H_
#define DRAGOMAN_MODEL_GEMMA3_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "kernels/kernels.h"
#include "model/gemma3_config.h"
#include "model/gemma3_tensors.h"
#include "model/kv_cache.h"

namespace dragoman {

// New tokens of one sequence in a forward call.
struct SequenceChunk {
  KvCache* cache = nullptr;
  std::span<const int32_t> tokens;  // at most cache->max_chunk_tokens()
  bool all_logits = false;          // logits of every row instead of the last only
  bool no_logits = false;           // none at all (a prefix being filled)
};

// What a linear layer multiplies: x [rows, dim] float32, in host memory.
struct LinearInput {
  std::string_view tensor;  // canonical name of the weight; "token_embd.weight" for the tied output
  int layer = -1;
  const float* x = nullptr;
  int64_t rows = 0;
  int64_t dim = 0;
};
using LinearTap = std::function<void(const LinearInput&)>;

// Where the bytes are. What is mapped is shared and counts as resident only where it was touched.
struct ModelMemory {
  uint64_t weights_mapped_bytes = 0;
  uint64_t weights_owned_bytes = 0;  // norms; matrices whose file holds them in another layout
  uint64_t scratch_bytes = 0;        // activations, logits, what the backend needs besides
};

class Gemma3 {
 public:
  // Maps the checkpoint and checks it against its config. `backend` must outlive the model. Weights
  // stay in the mapped files. Errors: as OpenCheckpoint, ParseGemma3Config, MapGemma3Tensors;
  // kOutOfMemory.
  static Result<std::unique_ptr<Gemma3>> Load(const std::string& path, Backend& backend);
  ~Gemma3();

  const Gemma3Config& config() const;
  const Checkpoint& checkpoint() const;
  Backend& backend();
  // Backend memory held for activations and logits.
  uint64_t activation_bytes() const;
  ModelMemory memory() const;

  // Runs all chunks as one batch, stores keys and values, advances the caches. Returns logits
  // [rows, vocab] in backend memory, valid until the next call: chunk by chunk in order, one row
  // for the last token of each, every row where all_logits, none where no_logits. Errors:
  // kInvalidArgument (a token outside the vocabulary, a sequence past its cache), kOutOfMemory.
  struct Logits {
    const float* data = nullptr;
    int64_t rows = 0;
    int64_t vocab = 0;
  };
  Result<Logits> Forward(std::span<const SequenceChunk> chunks);

  // A matrix by its canonical name (rows 0 when there is none), and another in its place, of the
  // same shape: how a quantizer tries what it has written. `bytes` must outlive the model.
  WeightMatrix matrix(std::string_view tensor) const;
  Result<void> ReplaceMatrix(std::string_view tensor, BlockType type,
                             std::span<const std::byte> bytes);
  std::vector<std::string> matrix_names() const;

  // Called with the input of every linear until replaced by null. Same q,k,v input: one call
  // each.
  void SetTap(LinearTap tap);
  // Called after each layer with the residual stream [rows, model_dim]; layer -1 is the scaled
  // embedding, layer `layers` the final norm's output. For tests and divergence reports.
  using ResidualTap = std::function<void(int layer, const float* x, int64_t rows, int64_t dim)>;
  void SetResidualTap(ResidualTap tap);

  struct State;  // gemma3_state.h, private to this room
  State& state() { return *state_; }

 private:
  explicit Gemma3(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_GEMMA3_H_
