// How fast a model runs here: prefill and decode, alone and in batches.
#ifndef DRAGOMAN_EVALUATE_SPEED_H_
#define DRAGOMAN_EVALUATE_SPEED_H_

#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

struct SpeedOptions {
  std::string device = "auto";
  int threads = 0;
  int prefill_tokens = 512;        // 0: skip
  int decode_tokens = 64;          // 0: skip
  std::vector<int> batches = {1};  // sequences decoded in step
  int repetitions = 3;
};

// A figure measured `repetitions` times, in tokens per second over all sequences.
struct SpeedFigure {
  std::string name;  // "prefill_512", "decode_b8"
  double median = 0, min = 0, max = 0;
};

struct SpeedReport {
  std::string model_path, device;
  int threads = 0;
  double load_seconds = 0;  // open to the logits of one token
  std::vector<SpeedFigure> figures;
  double read_gb_per_s = 0,
         f32_gflop_per_s = 0;  // the machine's own ceilings, measured in the same run
  uint64_t weight_bytes = 0;   // read per decoded token
  uint64_t peak_rss_bytes = 0, anonymous_bytes = 0;
};

// Decodes greedily with the argmax of every step, each sequence after its own prompt of 32 tokens;
// prefill asks for the last token's logits only. Token ids are seeded ordinary pieces. Errors:
// those of Gemma3::Load.
Result<SpeedReport> MeasureSpeed(const std::string& model_path, const SpeedOptions& options);
OrderedJson ToJson(const SpeedReport& report);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SPEED_H_
