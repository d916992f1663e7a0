// Proof: suites, benchmark runs, comparison and decision, divergence, scoring of any text, speed.
#ifndef DRAGOMAN_EVALUATOR_H_
#define DRAGOMAN_EVALUATOR_H_

#include <cstdint>
#include <optional>
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
  // As many as the gate needs by the variance of the baseline: its results JSON, or the model,
  // which then translates a pilot (empty: the bundled one).
  bool auto_samples = false;
  std::string pilot;
  Machine machine;
};
Result<Report> WriteSuite(const SuiteOptions& options);

struct BenchmarkOptions {
  std::string model;   // empty: the bundled model
  std::string suite;   // suite JSON or JSONL; empty: the built-in suite
  std::string output;  // results JSON to write
  int64_t samples_per_language = 0;
  // As many as the gate needs by the variance of the baseline: its results JSON, or a model, which
  // then translates a pilot (empty: the model itself). The same pilot gives every build the same
  // sentences.
  bool auto_samples = false;
  std::string pilot;
  int max_batch = 32;
  std::string speculate = "auto";  // as TranslateOptions::speculate
  std::string draft;               // a smaller build with the same vocabulary; empty: none
  // "float32": the weights are judged, the same on every machine. "auto": as the engine translates,
  // which rounds activations to 8 bits where the machine has integer products.
  std::string activations = "float32";
  Machine machine;
};
// Predictions are kept beside the output, so that a killed run continues.
Result<Report> Benchmark(const BenchmarkOptions& options);

struct CompareOptions {
  std::string baseline;    // results JSON
  std::string quantized;   // results JSON
  std::string output;      // comparison JSON to write; may be empty
  std::string report;      // folder for report.html and QUANTIZATION_REPORT.md; may be empty
  std::string divergence;  // JSON of Divergence, for the report; may be empty
  double max_mean_loss_percent = 1.0;
  double max_pair_loss_percent = 2.0;
  double max_high_resource_loss_percent = 0.8;
  // Further groups of languages: "NAME=LOSS:en,sv,da" or "NAME=LOSS/PAIR_LOSS:en,sv,da", percent.
  std::vector<std::string> groups;
  // A neural metric that runs elsewhere: JSON lines of both builds' sentences to write for it, and
  // its answers, "NAME=FILE" (of errors less is better). They inform; a limit, "NAME=PERCENT" of
  // the baseline's mean, makes one gate as well.
  std::string export_comet, export_metricx;
  std::vector<std::string> segment_scores, segment_errors, max_segment_losses;
};
// exit_code is the decision's: 0 GO, 3 RECONSIDER, 4 FALLBACK.
Result<Report> Compare(const CompareOptions& options);

struct DivergenceOptions {
  std::string reference;  // model
  std::string candidate;  // model
  std::string suite;      // JSONL or suite JSON; empty: the built-in suite
  int64_t max_samples = 0;
  std::string output;  // JSON to write; may be empty
  Machine machine;
};
Result<Report> Divergence(const DivergenceOptions& options);

// Sentences of several systems against references, without a model.
struct ScoreOptions {
  std::vector<std::string> hypotheses;  // text files, a sentence a line; the first is the baseline
  std::vector<std::string> references;  // the same; more files are more references
  bool tabbed_references = false;       // one file, the references of a line separated by tabs
  std::string source;                   // only exports need it
  std::string language;  // "ja" or "en-ja": picks the BLEU tokenizer as sacreBLEU does
  std::vector<std::string> metrics = {"bleu", "chrf", "chrf++"};  // and "ter"

  // BLEU. tokenizer: 13a, zh, char, intl, none, ja-mecab, ko-mecab, flores101, flores200 or
  // spBLEU-1K; empty: by language. tokenizer_data: the SentencePiece model or MeCab's folder.
  std::string tokenizer, tokenizer_data;
  std::string smooth_method = "exp";   // exp, floor, add-k, none
  std::optional<double> smooth_value;  // of floor and add-k
  int bleu_max_order = 4;
  bool bleu_effective_order = false, bleu_lowercase = false;

  int chrf_char_order = 6, chrf_word_order = 0, chrf_beta = 2;
  bool chrf_lowercase = false, chrf_whitespace = false, chrf_eps_smoothing = false;

  bool ter_normalized = false, ter_no_punct = false, ter_asian_support = false,
       ter_case_sensitive = false;

  bool confidence = false;  // bootstrap interval of each score
  int confidence_draws = 1000;
  std::string test;    // "bootstrap" or "randomisation": of each system against the first
  int test_draws = 0;  // 0: as sacreBLEU, 1,000 or 10,000
  uint64_t seed = 12345;
  bool sentence_level = false;  // a score for each sentence too; BLEU with the effective order
  int decimals = 2;             // of the text

  // Scores of a neural metric, "NAME=FILE"; of errors less is better.
  std::vector<std::string> segment_scores, segment_errors;
  // Files to write for such a metric, besides the scores.
  std::string export_comet, export_metricx;
  // JSON lines of the counts behind every score: system, metric and a row for each sentence.
  std::string export_statistics;
};
// BLEU, chrF, TER with signatures, intervals and p-values, equal to sacreBLEU's.
Result<Report> Score(const ScoreOptions& options);

struct MonitorOptions {
  std::string log;        // JSONL of production (schemas/feedback.schema.json)
  std::string reference;  // JSONL from the time of release; empty: the earlier half of the log
  std::string baseline;   // model to rescore with; empty: the bundled model
  std::string output;     // report JSON to write; the baseline's translations are kept beside it
  std::string history;    // JSONL of earlier looks, to which this one is added; empty: the only look
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
  std::vector<int> batches = {1, 4, 8, 16, 64};
  int context_tokens = 0;   // room of every sequence's cache, at least
  int sentences = 0;        // of the built-in suite, translated; 0: skip
  int sentence_batch = 32;  // of these decoded in step
  int repetitions = 3;
  Machine machine;
};
// Each figure comes beside the limit that bandwidth and arithmetic of this machine set, measured in
// the same run.
Result<Report> MeasureSpeed(const SpeedOptions& options);

}  // namespace dragoman::api

#endif  // DRAGOMAN_EVALUATOR_H_
