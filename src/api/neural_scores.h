// Options of `compare` about metrics that run elsewhere, from words to files and scores.
#ifndef DRAGOMAN_API_NEURAL_SCORES_H_
#define DRAGOMAN_API_NEURAL_SCORES_H_

#include <string>
#include <utility>
#include <vector>

#include "dragoman/evaluator.h"
#include "evaluate/benchmark.h"
#include "evaluate/segment_scores.h"

namespace dragoman::api {

// "COMET=1.5" each. Errors: kInvalidArgument.
Result<std::vector<std::pair<std::string, double>>> ParseSegmentLimits(
    const std::vector<std::string>& limits);
// Writes what was asked for. Errors: kInvalidArgument (the runs differ), kIo.
Result<void> ExportForNeuralMetrics(const CompareOptions& options, const BenchmarkResult& baseline,
                                    const BenchmarkResult& quantized);
// Errors: those of reading; kInvalidArgument when a name is given twice.
Result<std::vector<SegmentScores>> ReadNeuralScores(const CompareOptions& options,
                                                    const BenchmarkResult& baseline);

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_NEURAL_SCORES_H_
