// From checkpoint to build: convert, calibrate, quantize.
#ifndef DRAGOMAN_QUANTIZER_H_
#define DRAGOMAN_QUANTIZER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::api {

// What text a calibration runs on.
struct CalibrationText {
  // JSONL, a suite, TSV (first column) or plain text; empty: the calibration set that ships.
  std::string sources;
  std::string from = "en";
  std::vector<std::string> languages;  // target languages; empty: the ten of the built-in suite
  int64_t max_sentences = 0;           // 0: all
};

struct CalibrateOptions {
  std::string model;   // empty: the bundled model
  std::string output;  // imatrix GGUF
  CalibrationText text;
  int64_t targets_per_sentence = 1;  // languages that each sentence goes to; 0: all
  Machine machine;
};
// Importance of every input column, measured on the model's own translations.
Result<Report> Calibrate(const CalibrateOptions& options);

struct QuantizeOptions {
  std::string model;   // empty: the bundled model
  std::string output;  // GGUF to write; may be empty for a plan
  // A recipe. Empty: q4_k_m, or, under a limit of size, a type for every tensor, chosen to lose
  // least.
  std::string type;
  std::string plan;        // JSON of a plan whose types win over those of `type`; empty: none
  std::string importance;  // imatrix GGUF; empty: none
  bool calibrate = false;  // measure the importance first
  // "rounding", or "gptq": error feedback on second moments measured on the calibration set.
  // Empty: gptq where types are chosen, else rounding.
  std::string method;
  // With gptq: each layer's second moments behind the layers already quantized.
  bool sequential = false;
  CalibrationText text;  // of --calibrate and gptq
  // Where gptq keeps what it measures of a model and a text, for the next run or the same one after
  // a kill. Unset: the user's cache (DRAGOMAN_CACHE, XDG_CACHE_HOME/dragoman or ~/.cache/dragoman);
  // empty: nowhere.
  std::optional<std::string> cache_folder;
  std::optional<uint64_t> max_size_bytes;     // of the file, a hard limit
  std::optional<double> max_bits_per_weight;  // likewise, of the whole file
  // Keep only the vocabulary that these need: codes or English names; empty: all of it.
  std::vector<std::string> languages;
  std::vector<std::string> corpus;  // plain text files, all of whose characters are kept as well
  bool plan_only = false;           // say what would be written, exactly, and stop
  Machine machine;
};
// Writes the GGUF and OUTPUT.quantization_metadata.json. Also converts (types f16, bf16, f32).
Result<Report> Quantize(const QuantizeOptions& options);

// A quantized Hugging Face checkpoint: GPTQ, or compressed-tensors (pack-quantized).
struct QuantizeHfOptions {
  std::string model;            // folder of safetensors with config.json; empty: the bundled model
  std::string output;           // folder to write, new or empty; may be empty for a plan
  std::string format = "gptq";  // or "compressed-tensors"
  int bits = 4;                 // 2, 3, 4 or 8; compressed-tensors 4 or 8
  int64_t group_size = 128;     // 32, 64 or 128 inputs share a scale; -1: all of a row
  bool symmetric = true;
  // "group-aware": in order of importance, groups stay as they lie; "act-order": groups are cut
  // from that order, the file needs g_idx; "none".
  std::string reordering = "group-aware";
  double damping = 0.01;               // of the second moments, share of the mean diagonal
  std::vector<std::string> languages;  // keep only the vocabulary of these; empty: all of it
  std::vector<std::string> corpus;     // files whose characters are kept as well
  bool sequential = false;  // see QuantizeOptions; holds 2 bytes for every weight rounded so far
  CalibrationText text;
  std::optional<std::string> cache_folder;  // see QuantizeOptions
  uint64_t max_shard_bytes = 5'000'000'000;
  std::optional<uint64_t> max_size_bytes;
  bool plan_only = false;
  Machine machine;
};
// Calibrates, writes the folder and OUTPUT.quantization_metadata.json beside it. Errors:
// kInvalidArgument, kUnsupported, kCorruptFile, kNotFound, kIo.
Result<Report> QuantizeHf(const QuantizeHfOptions& options);

// "2.0GB", "1900MB", "1.5GiB", "2000000000", "2000000000B" -> bytes. Errors: kInvalidArgument.
Result<uint64_t> ParseSize(const std::string& text);
// A size, or bits per weight: "4.1bpw". One of the two is set.
struct SizeLimit {
  std::optional<uint64_t> bytes;
  std::optional<double> bits_per_weight;
};
Result<SizeLimit> ParseSizeLimit(const std::string& text);
// "Q4_K_M: ..." lines of every recipe.
std::string DescribeRecipes();

}  // namespace dragoman::api

#endif  // DRAGOMAN_QUANTIZER_H_
