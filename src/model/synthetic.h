// Synthetic checkpoints: the exact tensor shapes of a Gemma 3 text model with seeded random
// weights, written as a Hugging Face folder. They stand in for the gated models wherever size,
// speed and memory are measured; their translations mean nothing.
#ifndef DRAGOMAN_MODEL_SYNTHETIC_H_
#define DRAGOMAN_MODEL_SYNTHETIC_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "formats/gguf.h"

namespace dragoman {

struct SyntheticShape {
  std::string_view name;
  uint64_t vocab, model_dim, ffn_dim, layers, heads, kv_heads, head_dim;
  uint64_t sliding_window, context_length;
  double rope_factor;  // linear scaling of the global layers; 0: none
};

// translategemma-4b, gemma3-1b, gemma3-270m, tiny.
std::span<const SyntheticShape> SyntheticShapes();
// Null when there is none of that name.
const SyntheticShape* FindSyntheticShape(std::string_view name);

struct SyntheticOptions {
  SyntheticShape shape{};
  uint64_t seed = 1;
  int threads = 0;  // 0: all cores
  std::string
      tokenizer_path;  // tokenizer.json to copy, with its neighbours of the same model; empty: none
  uint64_t max_shard_bytes = 2'000'000'000;
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
};

struct SyntheticSummary {
  bool already_there = false;  // the folder held the same checkpoint, complete; nothing was written
  uint64_t parameters = 0;
  uint64_t tensor_bytes = 0;
  std::vector<std::string> files;  // names inside the folder
  double seconds = 0;
};

// Writes config.json, generation_config.json, the tokenizer if given, shards and their index, and
// last synthetic.json, which says how the checkpoint was made and that it is complete. A folder
// whose writing was cut short is continued shard by shard. Memory: under 100 MB beside the page
// cache. Weights: BF16, normal with standard deviation 0.02 times a log-normal scale per row (sigma
// 0.35); one in 1000 is an outlier 4 to 12 times as large. Every row has its own seed, so bytes
// depend on shape and seed alone, not on threads or shards. Norms w (used as 1 + w) are normal with
// standard deviation 0.2. Errors: kInvalidArgument (the folder holds something else), kNotFound,
// kIo.
Result<SyntheticSummary> WriteSyntheticCheckpoint(const std::string& folder,
                                                  const SyntheticOptions& options);

// The pieces, for tests: all tensors in order (Hugging Face names) and config.json.
std::vector<GgufTensorPlan> SyntheticTensors(const SyntheticShape& shape);
OrderedJson SyntheticConfig(const SyntheticShape& shape);

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_SYNTHETIC_H_
