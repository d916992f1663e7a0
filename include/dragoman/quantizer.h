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

struct CalibrateOptions {
  std::string model;    // empty: the bundled model
  std::string output;   // imatrix GGUF
  std::string sources;  // JSONL or plain text; empty: the calibration set that ships
  std::string from = "en";
  std::vector<std::string> languages;  // target languages; empty: the ten of the built-in suite
  int64_t max_sentences = 0;           // 0: all
  Machine machine;
};
// Importance of every input column, measured on the model's own translations.
Result<Report> Calibrate(const CalibrateOptions& options);

struct QuantizeOptions {
  std::string model;   // empty: the bundled model
  std::string output;  // GGUF to write; may be empty for a plan
  std::string type = "q4_k_m";
  std::string plan;        // JSON of a plan whose types win over those of `type`; empty: none
  std::string importance;  // imatrix GGUF; empty: none
  bool calibrate = false;  // measure the importance first
  // "rounding", or "gptq": error feedback on second moments measured on the calibration set.
  std::string method = "rounding";
  std::optional<uint64_t> max_size_bytes;
  // Keep only the vocabulary that these need: codes or English names; empty: all of it.
  std::vector<std::string> languages;
  std::vector<std::string> corpus;  // plain text files, all of whose characters are kept as well
  bool plan_only = false;           // say what would be written, exactly, and stop
  Machine machine;
};
// Writes the GGUF and OUTPUT.quantization_metadata.json. Also converts (types f16, bf16, f32).
Result<Report> Quantize(const QuantizeOptions& options);

// "2.0GB", "1900MB", "1.5GiB", "2000000000", "2000000000B" -> bytes. Errors: kInvalidArgument.
Result<uint64_t> ParseSize(const std::string& text);
// "Q4_K_M: ..." lines of every recipe.
std::string DescribeRecipes();

}  // namespace dragoman::api

#endif  // DRAGOMAN_QUANTIZER_H_
