// Two runs by metrics that other programs compute (COMET, MetricX): the sentences that go out, and
// the scores that come back, in the statistics of the comparison.
#ifndef DRAGOMAN_EVALUATE_SEGMENT_COMPARISON_H_
#define DRAGOMAN_EVALUATE_SEGMENT_COMPARISON_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "evaluate/benchmark.h"
#include "evaluate/compare.h"
#include "evaluate/segment_scores.h"

namespace dragoman {

// What the two systems are called in files that go out and come back.
inline constexpr const char* kBaselineSystem = "baseline";
inline constexpr const char* kQuantizedSystem = "quantized";

// Every scored sentence, without edge cases, in the baseline's order: all of the baseline, then all
// of the quantized build.
std::vector<SegmentName> SegmentNamesOf(const BenchmarkResult& baseline);
// The same with their texts. Errors: kInvalidArgument when the build lacks a sentence.
Result<std::vector<NeuralSegment>> NeuralSegmentsOf(const BenchmarkResult& baseline,
                                                    const BenchmarkResult& quantized);
// Scores of these sentences from a file (ParseSegmentScores). Errors: those of reading; a name that
// is not made of letters, digits, space and "-_.+" is kInvalidArgument.
Result<SegmentScores> ReadSegmentScoresOfRuns(const std::string& name, const std::string& path,
                                              bool higher_is_better,
                                              const BenchmarkResult& baseline);

// Paired bootstrap of the means, over the draws that BLEU and chrF get. Errors: kInvalidArgument
// when the scores are not one for each name.
Result<std::vector<SegmentMetricComparison>> CompareSegmentScores(
    const BenchmarkResult& baseline, std::span<const SegmentScores> metrics,
    const GateOptions& options);

// A check for each metric with a limit: GO when the whole interval of the mean's loss, one more
// sentence lost whole reckoned with, lies under it; else RECONSIDER, also where the baseline's mean
// lies less than four standard errors above 0. Errors: kInvalidArgument when a limit names no
// metric, or the baseline's mean is not above 0, where a percentage of it means nothing.
Result<std::vector<GateCheck>> JudgeSegmentMetrics(std::span<const SegmentMetricComparison> metrics,
                                                   const GateOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SEGMENT_COMPARISON_H_
