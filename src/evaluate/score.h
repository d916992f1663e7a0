// Scores of any translations, without a model: several systems against the same references, with
// intervals, paired tests and sentence scores. What the command `score` is made of.
#ifndef DRAGOMAN_EVALUATE_SCORE_H_
#define DRAGOMAN_EVALUATE_SCORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/metrics/metric.h"
#include "evaluate/segment_scores.h"
#include "evaluate/significance.h"

namespace dragoman {

struct ScoreTexts {
  std::vector<std::string> names;                    // of the systems
  std::vector<std::vector<std::string>> hypotheses;  // of each system, a line a sentence
  std::vector<std::vector<std::string>> references;  // of each sentence, at least one
  std::vector<std::string> sources;                  // empty, or a line a sentence
  size_t sentences() const { return references.size(); }
};

struct ScorePlan {
  bool confidence = false;  // bootstrap interval of each score
  int confidence_draws = kDefaultBootstrapDraws;
  std::optional<PairedTest> test;  // of each system against the first
  int test_draws = kDefaultBootstrapDraws;
  uint64_t seed = kDefaultSeed;
  bool sentences = false;
};

struct SystemScore {
  double score = 0;
  std::string details;  // what sacreBLEU prints behind the score
  std::optional<Resampled> interval;
  std::optional<double> p_value;  // none for the first system
  std::vector<double> sentences;  // when asked for
};

struct MetricReport {
  std::string name, signature;
  bool higher_is_better = true;
  std::vector<SystemScore> systems;  // in the order of the names
};

struct ScoreReport {
  std::vector<std::string> names;
  size_t sentences = 0;
  int references = 1;  // of each sentence; 0: their number varies
  ScorePlan plan;
  std::vector<MetricReport> metrics;
};

// `outside`: scores that another program gave to these sentences, reported and tested as the
// metrics are. Errors: kInvalidArgument (a test of fewer than two systems).
Result<ScoreReport> ScoreSystems(const ScoreTexts& texts,
                                 std::span<const std::unique_ptr<Metric>> metrics,
                                 std::span<const SegmentScores> outside, const ScorePlan& plan);

// A line for each system and metric: {"system", "metric", "rows"}, a row of counts a sentence
// (metric.h).
std::string FormatStatistics(const ScoreTexts& texts,
                             std::span<const std::unique_ptr<Metric>> metrics);

// schemas/score.schema.json
OrderedJson ToJson(const ScoreReport& report);
// For people, with `decimals` digits: a block a metric, or a table when there are several systems.
// Sentence scores are tab-separated lines.
std::string Format(const ScoreReport& report, int decimals);

// Reading: a sentence a line, "\n" or "\r\n". Of `paths` the first names the count that the others
// must have. `tabbed`: each line of the only reference file holds a sentence's references,
// separated by tabs. Errors: those of ReadFile; kInvalidArgument with the file whose lines are too
// few or many.
struct ScoreFiles {
  std::vector<std::string> hypotheses, references;
  std::string source;  // may be empty
  bool tabbed = false;
};
Result<ScoreTexts> ReadScoreTexts(const ScoreFiles& files);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SCORE_H_
