// Runs a suite through a model and records what came out: texts, scores, latency, speed, memory.
#ifndef DRAGOMAN_EVALUATE_BENCHMARK_H_
#define DRAGOMAN_EVALUATE_BENCHMARK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/suite.h"

namespace dragoman {

struct BenchmarkOptions {
  std::string device = "auto";
  int threads = 0;
  int max_batch = 32;
  // Predictions are appended here as they come, so that a killed run continues (same model, suite and decoding);
  // empty: none kept.
  std::string predictions_path;
};

struct PairScore {
  std::string pair;            // "en-de"
  int64_t samples = 0;
  double bleu = 0, chrf = 0, chrf_pp = 0;
  std::string bleu_signature;
  double empty_rate = 0, runaway_rate = 0, copy_rate = 0, wrong_script_rate = 0, repetition_rate = 0;
};

struct Prediction {
  std::string id, pair, source, reference, hypothesis, domain;
  double latency_ms = 0;
  int64_t new_tokens = 0;
  std::vector<std::string> warnings;
};

struct BenchmarkResult {
  std::string model_path, model_sha256, suite_hash, device;
  std::vector<PairScore> pairs;
  std::vector<Prediction> predictions;
  double mean_bleu = 0, mean_chrf = 0;
  double latency_p50_ms = 0, latency_p90_ms = 0, latency_p99_ms = 0;
  double tokens_per_second = 0, sentences_per_second = 0, seconds = 0, load_seconds = 0;
  uint64_t peak_rss_bytes = 0, model_bytes = 0;
};

// Errors: those of Translator and of reading the predictions file.
Result<BenchmarkResult> RunBenchmark(const std::string& model_path, const Suite& suite,
                                     const BenchmarkOptions& options);
// baseline_results.json / quantized_results.json (schemas/benchmark_results.schema.json).
OrderedJson ToJson(const BenchmarkResult& result);
Result<BenchmarkResult> ReadBenchmarkResult(const std::string& path);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_BENCHMARK_H_
