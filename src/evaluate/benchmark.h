// Runs a suite through a model and records what came out: texts, scores, latency, speed, memory.
#ifndef DRAGOMAN_EVALUATE_BENCHMARK_H_
#define DRAGOMAN_EVALUATE_BENCHMARK_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/rate.h"
#include "evaluate/suite.h"
#include "translate/translator.h"

namespace dragoman {

class ProcessGroup;

struct BenchmarkOptions {
  std::string device = "auto";
  int threads = 0;
  int max_batch = 32;
  Speculate speculate = Speculate::kAuto;  // speed only: predictions are the same
  std::string draft_path;                  // a smaller build to guess with; empty: none
  // Judges the weights alone, the same on every machine: a product does not round its activations
  // to 8 bits (docs/numerics.md). False: as the engine translates otherwise.
  bool float32_activations = true;
  // Predictions are appended here as they come, so that a killed run continues (same model, suite
  // and decoding); empty: none kept.
  std::string predictions_path;
  // Processes that share the run (process_group.h); null: alone. Every process calls with the same
  // suite and model; rank 0 gets the whole result, the others only know that all went well.
  ProcessGroup* group = nullptr;
};

struct FaultRate {
  std::string fault;  // FaultKey of checks.h
  Rate rate;
};

struct PairScore {
  std::string pair;     // "en-de"
  int64_t samples = 0;  // scored: edge cases are checked, not scored
  int64_t checked = 0;  // scored and edge cases; what the rates below count over
  double bleu = 0, chrf = 0, chrf_pp = 0;
  std::string bleu_signature;
  double empty_rate = 0, runaway_rate = 0, copy_rate = 0, wrong_script_rate = 0,
         repetition_rate = 0;
  int64_t kept_items = 0;         // numbers, addresses and marked stretches in the sources
  double kept_rate = 1;           // share of them found in the outputs
  std::vector<FaultRate> faults;  // every fault that could happen in an output
};

struct Prediction {
  std::string id, pair, source, reference, hypothesis, domain;
  std::string source_lang, target_lang;
  double latency_ms = 0;      // to the last token
  double first_token_ms = 0;  // 0: not measured
  int64_t new_tokens = 0;
  std::vector<std::string> warnings;
  bool length_limit = false;      // ended by the limit, not by an end token
  double seconds = 0;             // its share of the time its batch took
  std::vector<std::string> keep;  // stretches of the source that must stand in the hypothesis
  bool is_edge_case() const { return domain.rfind("edge:", 0) == 0; }
};

struct BenchmarkResult {
  std::string model_path, model_sha256, suite_hash, device;
  std::string activations;  // "float32", or "8 bits" where the engine rounds them; empty: unknown
  std::vector<PairScore> pairs;
  std::vector<Prediction> predictions;
  double mean_bleu = 0, mean_chrf = 0;
  double latency_p50_ms = 0, latency_p90_ms = 0, latency_p99_ms = 0;
  double first_token_p50_ms = 0, first_token_p90_ms = 0, first_token_p99_ms = 0;
  double tokens_per_second = 0, sentences_per_second = 0, seconds = 0, load_seconds = 0;
  uint64_t peak_rss_bytes = 0, model_bytes = 0;  // of the largest process
  int processes = 1;  // that shared the run; `seconds` are their sum, speeds are of one of them
  SpeculationCounts speculation;  // of this process in this run; not read back
};

// Errors: those of Translator and of reading the predictions file.
Result<BenchmarkResult> RunBenchmark(const std::string& model_path, const Suite& suite,
                                     const BenchmarkOptions& options);
// Fills pairs and every figure that follows from the predictions: scores, rates, latencies, speed.
void ScorePredictions(BenchmarkResult& result);

// What RunBenchmark does with any translator: translates what the predictions file does not hold
// yet, chunk by chunk, and scores all. `identity` names model, suite and decoding; a file of
// another identity is begun anew. With a group, shared_run.h says how.
using TranslateChunk =
    std::function<Result<std::vector<Translation>>(std::span<const TranslationRequest>)>;
Result<void> TranslateSuite(const Suite& suite, const BenchmarkOptions& options,
                            const OrderedJson& identity, const TranslateChunk& translate,
                            BenchmarkResult& result);

// SHA-256 over the model's files (tensors, config, tokenizer), each by name and digest.
Result<std::string> HashModel(const std::string& path, uint64_t* total_bytes);

// baseline_results.json / quantized_results.json (schemas/benchmark_results.schema.json).
OrderedJson ToJson(const BenchmarkResult& result);
Result<BenchmarkResult> ReadBenchmarkResult(const std::string& path);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_BENCHMARK_H_
