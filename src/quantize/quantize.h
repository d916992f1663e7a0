// From a checkpoint to a GGUF: plain conversion, and rounding to K-quants, plain or
// importance-weighted.
//
// Streams one tensor at a time: owned memory stays below the largest tensor plus 0.5 GB. Output
// appears atomically. The same inputs give the same bytes, whatever the thread count.
#ifndef DRAGOMAN_QUANTIZE_QUANTIZE_H_
#define DRAGOMAN_QUANTIZE_QUANTIZE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "quantize/importance.h"
#include "quantize/proxy_check.h"
#include "quantize/recipe.h"
#include "quantize/second_moments.h"
#include "quantize/vocabulary_options.h"

namespace dragoman {

struct PlannedTensor {
  std::string name;
  BlockType type = BlockType::kF32;
  std::vector<uint64_t> shape;
  uint64_t size_bytes = 0;
  std::optional<double> predicted_kl;  // nats per predicted token, where it was measured
};

struct QuantizePlan {
  std::string recipe;
  std::vector<PlannedTensor> tensors;
  uint64_t tensor_bytes = 0;
  uint64_t file_bytes = 0;  // exact, header and padding included
  double bits_per_weight = 0;
  std::optional<double> predicted_kl;          // sum over the tensors
  std::vector<ProxyGroup> proxy;               // what corrected the predictions; may be empty
  std::optional<VocabularyReport> vocabulary;  // of a trimmed one
};
// Reads headers and tokenizer only. The size is that of the file to the byte; recipe.calibrated
// says whether it will be made with calibration.
// `vocabulary`: trim it (null: keep all).
Result<QuantizePlan> PlanQuantization(const std::string& model_path, const Recipe& recipe,
                                      const VocabularyOptions* vocabulary = nullptr);
OrderedJson ToJson(const QuantizePlan& plan);

struct QuantizeOptions {
  Recipe recipe;
  const ImportanceMatrix* importance = nullptr;  // null: plain rounding
  // Second moments of the inputs: error feedback instead of rounding, for every tensor that has
  // them. Null: rounding.
  SecondMoments* moments = nullptr;
  // Hash of all that the moments depend on: the run keeps a journal (output_journal.h) beside the
  // output, and continues from one that a killed run left. Empty: no journal.
  std::string moments_key;
  std::string moments_dataset;  // name of the text they were measured on, for the record
  double damping = 0.01;        // of the Hessians, share of the mean diagonal
  const VocabularyOptions* vocabulary = nullptr;  // trim it; null: keep all
  int threads = 0;
  std::optional<uint64_t>
      max_size_bytes;  // refuse a plan that is larger (kInvalidArgument, saying what fits)
  // SHA-256 of every input and of the output. Unset: for quantized recipes, not for plain
  // conversions (whose speed is the disk's).
  std::optional<bool> hash_files;
  std::function<void(uint64_t done_bytes, uint64_t total_bytes, const std::string& tensor)>
      progress;
};

struct QuantizedTensorReport {
  std::string name;
  BlockType type = BlockType::kF32;
  double mean_squared_error = 0;  // against the source, unweighted
  double relative_rmse = 0;       // sqrt(mse / mean square of the source)
  double seconds = 0;
  // With error feedback: mean (w - q) H (w - q)^T over w H w^T, of what the layer computes.
  std::optional<double> relative_output_loss;
};

struct QuantizeReport {
  QuantizePlan plan;
  std::string input_path;
  std::vector<QuantizedTensorReport> tensors;
  std::string method;  // "conversion", "plain rounding", "importance-weighted rounding",
                       // "error feedback"
  std::vector<std::string> importance_datasets;  // empty without importance
  std::string importance_hash;
  std::string instruction_set;  // that the search ran with; no influence on the output
  int threads = 0;
  std::string output_path;
  std::string output_sha256;
  std::vector<std::pair<std::string, std::string>> input_sha256;  // file name, digest
  double seconds = 0;
  uint64_t peak_anonymous_bytes = 0;
};
// quantization_metadata.json (row Q7); no durations in the part that must be reproducible.
OrderedJson ToJson(const QuantizeReport& report);

// Checks disk space, quantizes, writes `output_path`, checks that it opens and has the planned
// size. Errors: kInvalidArgument, kCorruptFile, kIo (space needed against free), kUnsupported.
Result<QuantizeReport> Quantize(const std::string& model_path, const std::string& output_path,
                                const QuantizeOptions& options);

// Rounds one row set: `values` [rows, cols] float32 to blocks of `type`; `importance` [cols] or
// empty. cols must be a multiple of the block. The vector search (Highway) behind it equals its
// scalar twin bit for bit.
void QuantizeRows(BlockType type, const float* values, int64_t rows, int64_t cols,
                  std::span<const float> importance, std::byte* out);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_QUANTIZE_H_
