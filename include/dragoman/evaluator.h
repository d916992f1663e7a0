// Proof: suites, benchmark runs, comparison and decision, divergence, scoring of any text, speed.
#ifndef DRAGOMAN_EVALUATOR_H_
#define DRAGOMAN_EVALUATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::api {

struct SuiteOptions {
  std::vector<std::string> inputs;     // files, a folder, or LANG=FILE; none: the built-in suite
  std::string format = "auto";         // jsonl, flores, ntrex, plain, tsv, sgm, wmt-xml, tmx
  std::string split = "devtest";       // of FLORES
  std::string license;                 // to state; empty: what the format implies
  std::string output;                  // JSON to write
  std::string from;                    // empty: English, or whatever whole pairs come from
  std::vector<std::string> languages;  // targets; empty: all
  std::vector<std::string> pairs;      // "de-en", "en:zh-Hant"; instead of from and languages
  int64_t samples_per_language = 0;    // 0: all
  uint64_t seed = 12345;
  bool include_edge_cases = true;       // those of the input itself
  bool add_builtin_edge_cases = false;  // and those that ship, to an imported suite
};
Result<Report> WriteSuite(const SuiteOptions& options);

struct BenchmarkOptions {
  std::string model;   // empty: the bundled model
  std::string suite;   // suite JSON or JSONL; empty: the built-in suite
  std::string output;  // results JSON to write
  int64_t samples_per_language = 0;
  int max_batch = 32;
  Machine machine;
};
// Predictions are kept beside the output, so that a killed run continues.
Result<Report> Benchmark(const BenchmarkOptions& options);

struct CompareOptions {
  std::string baseline;   // results JSON
  std::string quantized;  // results JSON
  std::string output;     // comparison JSON to write; may be empty
  std::string report;     // folder for report.html and QUANTIZATION_REPORT.md; may be empty
  double max_mean_loss_percent = 1.0;
  double max_pair_loss_percent = 2.0;
};
// exit_code is the decision's: 0 GO, 3 RECONSIDER, 4 FALLBACK.
Result<Report> Compare(const CompareOptions& options);

struct DivergenceOptions {
  std::string reference;  // model
  std::string candidate;  // model
  std::string suite;      // JSONL or suite JSON; empty: the built-in suite
  int64_t max_samples = 0;
  Machine machine;
};
Result<Report> Divergence(const DivergenceOptions& options);

struct ScoreOptions {
  std::string hypotheses;       // text file, a sentence a line
  std::string references;       // the same
  std::string target_language;  // picks the BLEU tokenizer as sacreBLEU does; may be empty
  std::string tokenizer;        // "13a", "zh", "char", "none"; empty: by language
};
// BLEU, chrF and chrF++ with signatures, equal to sacreBLEU's.
Result<Report> Score(const ScoreOptions& options);

struct MonitorOptions {
  std::string log;        // JSONL of production (schemas/feedback.schema.json)
  std::string reference;  // JSONL from the time of release; empty: the earlier half of the log
  std::string baseline;   // model to rescore with; empty: the bundled model
  std::string output;     // report JSON to write; the baseline's translations are kept beside it
  double max_agreement_loss = 2.0;  // points of chrF
  int64_t max_samples = 500;        // rescored of each period; 0: all
  uint64_t seed = 12345;
  int max_batch = 32;
  Machine machine;
};
// Rescores sampled production requests against the baseline. exit_code: 0 no drift, 3 undecided,
// 4 drift.
Result<Report> Monitor(const MonitorOptions& options);

struct SpeedOptions {
  std::string model;         // empty: the bundled model
  int prefill_tokens = 512;  // 0: skip
  int decode_tokens = 64;    // 0: skip
  std::vector<int> batches = {1};
  int repetitions = 3;
  Machine machine;
};
Result<Report> MeasureSpeed(const SpeedOptions& options);

}  // namespace dragoman::api

#endif  // DRAGOMAN_EVALUATOR_H_
