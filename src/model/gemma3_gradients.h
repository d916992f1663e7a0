// Gradients of a loss by every linear's output, every norm's weight and the embedded tokens: what
// quantization needs to know how much each rounding error matters to what the model says. No
// weight is changed here; there is no training.
//
// The pass is the one of gemma3_forward.cc on whole sequences at once, without a cache. Only each
// layer's input is kept; the rest is computed again on the way back (Chen et al. 2016), so memory
// is one layer's activations plus layers * rows * model_dim floats.
#ifndef DRAGOMAN_MODEL_GEMMA3_GRADIENTS_H_
#define DRAGOMAN_MODEL_GEMMA3_GRADIENTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3.h"

namespace dragoman {

// Sequences that begin with the same tokens, as rows one below the other: first the shared prefix,
// once, then what follows in each sequence. Every sequence sees the prefix and itself.
struct PackedSequences {
  std::vector<int32_t> tokens;
  int64_t prefix_rows = 0;
  std::vector<int64_t> sequence_rows;  // of each sequence, the prefix not counted
  std::vector<int64_t> asked_rows;     // whose logits are wanted, ascending

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

// A linear y = x W^T: x [rows, inputs] and the gradient of the loss by y, [rows, outputs].
struct LinearGradient {
  std::string_view tensor;  // canonical name; "token_embd.weight" for the tied output, whose rows
                            // are the asked ones
  int layer = -1;
  const float* x = nullptr;
  const float* by_output = nullptr;
  int64_t rows = 0, inputs = 0, outputs = 0;
};

struct GradientTaps {
  std::function<void(const LinearGradient&)> linear;
  // By a norm's weight [dim].
  std::function<void(std::string_view tensor, std::span<const float> by_weight)> norm;
  // By the scaled embeddings of all rows, [rows, model_dim].
  std::function<void(std::span<const int32_t> tokens, const float* by_embedded)> embedding;
};

class Gemma3Gradients {
 public:
  // `model` must outlive this and run on a CPU backend; taps set on it are not called.
  explicit Gemma3Gradients(Gemma3& model);
  ~Gemma3Gradients();

  // Logits of the asked rows, [asked, vocab], valid until the next call. Errors: kInvalidArgument
  // (rows that do not add up, a token outside the vocabulary, nothing asked for).
  Result<std::span<const float>> Forward(const PackedSequences& batch);

  // by_logits [asked, vocab]: the gradient of the loss by the logits of the last Forward, as often
  // as wanted. Taps are called from the output down to the embedding.
  void Backward(const float* by_logits, const GradientTaps& taps);

  // The same pass a layer at a time, for work that goes over all text layer by layer: x [rows,
  // model_dim] starts as what Embed returns, and each layer in turn makes it its output. `tap` sees
  // the input of every linear. Invalidates what Forward kept.
  Result<std::vector<float>> Embed(const PackedSequences& batch);
  Result<void> RunLayer(const PackedSequences& batch, int layer, std::vector<float>& x,
                        const LinearTap& tap);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_GEMMA3_GRADIENTS_H_
