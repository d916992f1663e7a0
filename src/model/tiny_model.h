// For tests: writes a complete Gemma 3 of a few thousand parameters with seeded random weights,
// whose window is a handful of positions, so that rings wrap and errors can be planted in
// milliseconds.
#ifndef DRAGOMAN_MODEL_TINY_MODEL_H_
#define DRAGOMAN_MODEL_TINY_MODEL_H_

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "formats/gguf.h"

namespace dragoman {

struct TinyTensor {
  std::string name;  // Hugging Face spelling
  std::vector<uint64_t> shape;
  std::vector<float> values;
};

struct TinyModel {
  Json config;
  std::vector<TinyTensor> tensors;
  TinyTensor& At(const std::string& name);
};

// 3 layers (local, local, global by layer_types), window 6, vocab 40, model_dim 32, 4 heads of 8
// over 2 kv heads.
TinyModel MakeTinyModel(uint64_t seed);
// config.json and model.safetensors in float32.
Result<void> WriteTinyModel(const TinyModel& model, const std::string& folder);
// The same model as a GGUF: canonical names, gemma3.* metadata, norms with their 1 added.
Result<void> WriteTinyGguf(const TinyModel& model, const std::string& path);

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_TINY_MODEL_H_
