// What a loaded Gemma3 holds: weights, activation buffers, taps. Private to this room.
#ifndef DRAGOMAN_MODEL_GEMMA3_STATE_H_
#define DRAGOMAN_MODEL_GEMMA3_STATE_H_

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/gemma3.h"

namespace dragoman {

// A float32 array in backend memory that grows on demand; its contents do not survive growing.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Backend& backend) : backend_(&backend) {}
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void SetBackend(Backend& backend) { backend_ = &backend; }
  Backend& backend() const { return *backend_; }
  Result<float*> Ensure(int64_t elems);
  void Swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(elems_, other.elems_);
  }
  float* data() const { return data_; }
  uint64_t size_bytes() const { return static_cast<uint64_t>(elems_) * sizeof(float); }

 private:
  Backend* backend_ = nullptr;
  float* data_ = nullptr;
  int64_t elems_ = 0;
};

struct Gemma3Layer {
  explicit Gemma3Layer(Backend& backend)
      : attn_norm(backend),
        q_norm(backend),
        k_norm(backend),
        post_attn_norm(backend),
        ffn_norm(backend),
        post_ffn_norm(backend) {}
  WeightMatrix q;            // [heads * head_dim, model_dim]
  WeightMatrix k, v;         // [kv_heads * head_dim, model_dim]
  WeightMatrix attn_output;  // [model_dim, heads * head_dim]
  WeightMatrix gate, up;     // [ffn_dim, model_dim]
  WeightMatrix down;         // [model_dim, ffn_dim]
  Buffer attn_norm;          // [model_dim], as all norms but the next two
  Buffer q_norm, k_norm;     // [head_dim]
  Buffer post_attn_norm, ffn_norm, post_ffn_norm;
};

struct Gemma3Weights {
  WeightMatrix embedding;  // [vocab, model_dim]
  WeightMatrix output;     // [vocab, model_dim]; the embedding again when tied
  Buffer output_norm;      // [model_dim]
  std::deque<Gemma3Layer> layers;
};

// One row per token of the batch.
struct Gemma3Activations {
  Buffer x;             // [rows, model_dim] residual stream
  Buffer normed;        // [rows, model_dim] input of a block, then its output
  Buffer block_output;  // [rows, model_dim]
  Buffer q, attention;  // [rows, heads * head_dim]
  Buffer k, v;          // [rows, kv_heads * head_dim]
  Buffer gate, up;      // [rows, ffn_dim]
  Buffer logits;        // [rows asked, vocab]

  std::array<Buffer*, 10> All() {
    return {&x, &normed, &block_output, &q, &attention, &k, &v, &gate, &up, &logits};
  }
};

struct Gemma3::State {
  State(Backend& backend_in, std::unique_ptr<Checkpoint> checkpoint_in, Gemma3Config config_in);

  Backend& backend;
  std::unique_ptr<Checkpoint> checkpoint;
  Gemma3Config config;
  Gemma3Weights weights;
  Gemma3Activations activations;
  // By canonical name. A tied output is the embedding's matrix once more.
  std::map<std::string, WeightMatrix*, std::less<>> matrices;
  LinearTap tap;
  ResidualTap residual_tap;
  std::vector<float> tap_copy;  // host copy handed to taps
};

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_GEMMA3_STATE_H_
