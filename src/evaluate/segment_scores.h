// Scores per sentence that another program gave, mostly a neural metric that runs elsewhere: what
// that program needs is written as JSON lines, what it answers is read back into the same
// statistics.
#ifndef DRAGOMAN_EVALUATE_SEGMENT_SCORES_H_
#define DRAGOMAN_EVALUATE_SEGMENT_SCORES_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "evaluate/metrics/metric.h"
#include "evaluate/significance.h"

namespace dragoman {

struct SegmentScores {
  std::string name;                          // "COMET"
  bool higher_is_better = true;              // not so for MetricX, which counts errors
  std::vector<std::vector<double>> systems;  // a score a sentence, of each system
};

// One line each: what a sentence of a system is called in files that go out and come back.
struct SegmentName {
  std::string system;
  std::string pair;  // may be empty
  std::string id;
};

// The keys of a line: COMET's predict takes src, mt, ref; MetricX's takes source, hypothesis,
// reference. Both keep further keys, so each line also names system, pair and id.
enum class NeuralFormat { kComet, kMetricX };
struct NeuralSegment {
  SegmentName name;
  std::string source, hypothesis, reference;
};
std::string FormatNeuralLines(NeuralFormat format, std::span<const NeuralSegment> segments);

// Reads the score of every name, in their order, from one of
// - JSON lines: `score`, `prediction` (MetricX), `COMET` or the metric's own name, together with
// the
//   keys that FormatNeuralLines wrote, in any order; without those keys, lines in the names' order;
// - the file of comet-score --to_json: an object with a list for each system, in the names' order;
// - plain numbers, one a line, in the names' order.
// Errors: kCorruptFile with the line; kInvalidArgument when a sentence lacks its score.
Result<std::vector<double>> ParseSegmentScores(std::string_view text, const std::string& where,
                                               const std::string& metric,
                                               std::span<const SegmentName> names);

// The mean over sentences as a Metric, for resampling and tests; Count is not to be called.
std::unique_ptr<Metric> MakeMeanMetric(const std::string& name, bool higher_is_better);
StatsTable TableOfScores(std::span<const double> scores);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SEGMENT_SCORES_H_
