#include "api/neural_scores.h"

#include <charconv>
#include <set>

#include "base/atomic_file.h"
#include "evaluate/segment_comparison.h"

namespace dragoman::api {
namespace {

// "NAME=REST" cut in two; neither half empty.
Result<std::pair<std::string, std::string>> CutAtEquals(const std::string& words,
                                                        const std::string& form) {
  const size_t at = words.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == words.size()) {
    return Fail(ErrorCode::kInvalidArgument, "expected " + form + ", found \"" + words + "\"",
                "compare");
  }
  return std::make_pair(words.substr(0, at), words.substr(at + 1));
}

}  // namespace

Result<std::vector<std::pair<std::string, double>>> ParseSegmentLimits(
    const std::vector<std::string>& limits) {
  std::vector<std::pair<std::string, double>> parsed;
  for (const std::string& words : limits) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto halves, CutAtEquals(words, "NAME=PERCENT"));
    const std::string& digits = halves.second;
    double limit = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), limit);
    if (error != std::errc() || end != digits.data() + digits.size() || !(limit > 0) ||
        limit > 100) {
      return Fail(ErrorCode::kInvalidArgument,
                  "expected a limit above 0 and up to 100 percent, found \"" + digits + "\"",
                  "--max-segment-loss");
    }
    parsed.emplace_back(halves.first, limit);
  }
  return parsed;
}

Result<void> ExportForNeuralMetrics(const CompareOptions& options, const BenchmarkResult& baseline,
                                    const BenchmarkResult& quantized) {
  if (options.export_comet.empty() && options.export_metricx.empty()) return {};
  DRAGOMAN_ASSIGN_OR_RETURN(const auto segments, NeuralSegmentsOf(baseline, quantized));
  for (const auto& [path, format] : {std::pair(options.export_comet, NeuralFormat::kComet),
                                     std::pair(options.export_metricx, NeuralFormat::kMetricX)}) {
    if (!path.empty())
      DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(path, FormatNeuralLines(format, segments)));
  }
  return {};
}

Result<std::vector<SegmentScores>> ReadNeuralScores(const CompareOptions& options,
                                                    const BenchmarkResult& baseline) {
  std::vector<SegmentScores> scores;
  std::set<std::string> names;
  for (const auto& [given, higher_is_better] :
       {std::pair(&options.segment_scores, true), std::pair(&options.segment_errors, false)}) {
    for (const std::string& words : *given) {
      DRAGOMAN_ASSIGN_OR_RETURN(const auto halves, CutAtEquals(words, "NAME=FILE"));
      if (!names.insert(halves.first).second) {
        return Fail(ErrorCode::kInvalidArgument, "two files are given for this metric",
                    halves.first);
      }
      DRAGOMAN_ASSIGN_OR_RETURN(
          SegmentScores one,
          ReadSegmentScoresOfRuns(halves.first, halves.second, higher_is_better, baseline));
      scores.push_back(std::move(one));
    }
  }
  return scores;
}

}  // namespace dragoman::api
