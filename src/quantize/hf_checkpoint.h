// From a checkpoint to a quantized Hugging Face folder: GPTQ (AutoGPTQ's and GPTQModel's layout) or
// compressed-tensors (pack-quantized), as transformers and vLLM load them.
//
// Linear layers are rounded to uniform groups by error feedback; embedding and norms keep 16 bits.
// The folder holds everything that belongs to the model: shards, index, config.json, tokenizer.
#ifndef DRAGOMAN_QUANTIZE_HF_CHECKPOINT_H_
#define DRAGOMAN_QUANTIZE_HF_CHECKPOINT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "quantize/column_order.h"
#include "quantize/group_rounding.h"
#include "quantize/second_moments.h"
#include "quantize/vocabulary_options.h"

namespace dragoman {

enum class HfFormat { kGptq, kCompressedTensors };

struct HfQuantizeOptions {
  HfFormat format = HfFormat::kGptq;
  GroupFormat group;         // bits 2, 3, 4 or 8; compressed-tensors 4 or 8
  int64_t group_size = 128;  // 32, 64 or 128 inputs; -1: all of a row
  Reordering reordering = Reordering::kGroupAware;
  double damping = 0.01;  // of the Hessians, share of the mean diagonal, in (0, 1)
  GroupRoundingOptions rounding;
  SecondMoments* moments = nullptr;  // second moments of every linear's input
  // What the moments depend on. With it, finished linears are kept in OUTPUT.partial beside the
  // output, and a run continues from one that was killed. Empty: no journal.
  std::string moments_key;
  const VocabularyOptions* vocabulary = nullptr;  // to trim to
  uint64_t max_shard_bytes = 5'000'000'000;       // of tensors in a file, as transformers cuts
  std::optional<uint64_t> max_size_bytes;         // refuse a plan whose files are larger together
  int threads = 0;
  std::function<void(uint64_t done_bytes, uint64_t total_bytes, const std::string& tensor)>
      progress;
};
// Errors: kInvalidArgument naming the option, what is allowed and what was given.
Result<void> CheckHfOptions(const HfQuantizeOptions& options);

struct HfPlan {
  std::vector<std::string> files;  // of tensors, in order
  uint64_t file_bytes = 0;         // of those, exact
  uint64_t tensor_bytes = 0;
  double bits_per_weight = 0;                  // of all weights
  double linear_bits_per_weight = 0;           // of the rounded ones, scales and zeros included
  std::optional<VocabularyReport> vocabulary;  // what trimming does
};
// Reads headers only. Errors: as QuantizeToHf.
Result<HfPlan> PlanHf(const std::string& model_path, const HfQuantizeOptions& options);

struct HfLinearReport {
  std::string name;                 // canonical
  double relative_output_loss = 0;  // (w - q) H (w - q)^T over w H w^T, summed over the rows
  double seconds = 0;
};

struct HfQuantizeReport {
  HfPlan plan;
  std::vector<HfLinearReport> linears;
  std::string input_path, output_path;
  std::vector<std::pair<std::string, std::string>> input_sha256;   // file name, digest
  std::vector<std::pair<std::string, std::string>> output_sha256;  // every file of the folder
  int threads = 0;
  double seconds = 0;
};
// Output of dragoman quantize; no durations outside "run".
OrderedJson ToJson(const HfQuantizeReport& report, const HfQuantizeOptions& options);

// model_path: a folder of safetensors with config.json. output_folder: new or empty; it appears
// whole or not at all, with the same bytes for the same inputs, whatever the thread count. Memory:
// one linear and its Hessian's factor at a time, beside the Hessians; with moments that want blocks
// also 2 bytes for every weight of the linears rounded so far.
// Errors: those of CheckHfOptions, OpenCheckpoint, MapGemma3Tensors, TrimSource; kUnsupported for a
// source without config.json (GGUF) and for layers whose sides do not divide by group or word;
// kInvalidArgument for missing second moments, a larger size than allowed, an output in use; kIo.
Result<HfQuantizeReport> QuantizeToHf(const std::string& model_path,
                                      const std::string& output_folder,
                                      const HfQuantizeOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_HF_CHECKPOINT_H_
