// How fast a model runs here: prefill, decode alone and in batches, whole sentences; each beside
// the limit that the machine sets.
#ifndef DRAGOMAN_EVALUATE_SPEED_H_
#define DRAGOMAN_EVALUATE_SPEED_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/speed_limits.h"

namespace dragoman {

struct SpeedOptions {
  std::string device = "auto";
  int threads = 0;
  BackendOptions backend;
  int prefill_tokens = 512;        // 0: skip
  int decode_tokens = 64;          // 0: skip
  std::vector<int> batches = {1};  // sequences decoded in step
  int context_tokens = 0;          // room that every sequence's cache has at least
  int sentences = 0;               // of the built-in suite, spread over its pairs; 0: skip
  int sentence_batch = 32;         // of these decoded in step
  int repetitions = 3;
};

// A figure measured `repetitions` times.
struct SpeedFigure {
  std::string name;               // "prefill_512", "decode_b8", "suite_b32"
  std::string unit = "tokens/s";  // of all sequences together, or "sentences/s"
  double median = 0, min = 0, max = 0;
  SpeedLimit limit;         // what the machine, measured just before and after, allows
  double others_share = 0;  // of the machine's processors that went to other programs meanwhile
  uint64_t kv_bytes = 0, scratch_bytes = 0, peak_rss_bytes = 0, anonymous_bytes = 0;

  double share_of_limit() const { return limit.per_second > 0 ? median / limit.per_second : 0; }
};

// Seconds from nothing to the logits of one token.
struct LoadTimes {
  double model = 0, tokenizer = 0, first_token = 0;  // tokenizer 0: the checkpoint has none
  double total() const { return model + tokenizer + first_token; }
};

struct SpeedReport {
  std::string model_path, device;
  int threads = 0;
  LoadTimes load_seconds;
  std::vector<SpeedFigure> figures;
  std::vector<MachineCeiling> ceilings;  // before the first figure and after each
  uint64_t weight_bytes = 0;             // read by a step of decoding
  ModelMemory memory;                    // after the first token
  BlockType kv_type = BlockType::kF32;
  uint64_t peak_rss_bytes = 0, anonymous_bytes = 0;
};

// Decodes greedily with the argmax of every step, each sequence after its own prompt of 32 tokens;
// prefill asks for the last token's logits only. Token ids are seeded ordinary pieces. Sentences go
// through the translator as `translate` does it. Every figure is warmed up before it is measured.
// Errors: those of Gemma3::Load and, with sentences, of Translator::Open.
Result<SpeedReport> MeasureSpeed(const std::string& model_path, const SpeedOptions& options);

// schemas/bench.schema.json
OrderedJson ToJson(const SpeedReport& report);
// A table for people.
std::string ToText(const SpeedReport& report);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SPEED_H_
