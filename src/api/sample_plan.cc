#include "api/sample_plan.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "api/model_path.h"
#include "evaluate/benchmark.h"

namespace dragoman::api {
namespace {

bool IsResultsFile(const std::string& path) {
  return path.size() > 5 && path.compare(path.size() - 5, 5, ".json") == 0;
}

// The first sentences of each pair, without edge cases: they are not scored.
Suite PilotOf(const Suite& whole) {
  Suite pilot = whole;
  pilot.samples.clear();
  std::map<std::string, int64_t> taken;
  for (const SuiteSample& sample : whole.samples) {
    if (!sample.is_edge_case() && ++taken[sample.pair()] <= kPilotSentences)
      pilot.samples.push_back(sample);
  }
  return pilot;
}

Result<BenchmarkResult> RunPilot(const Suite& whole, const std::string& model,
                                 const Machine& machine) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string path, ModelOrBundled(model));
  dragoman::BenchmarkOptions options;
  options.device = machine.device;
  options.threads = machine.threads;
  return RunBenchmark(path, PilotOf(whole), options);
}

}  // namespace

Result<SamplePlan> PlanForSuite(const Suite& whole, const std::string& pilot,
                                const Machine& machine) {
  std::map<std::string, int64_t> available;
  for (const SuiteSample& sample : whole.samples) {
    if (!sample.is_edge_case()) ++available[sample.pair()];
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult result, IsResultsFile(pilot)
                                                              ? ReadBenchmarkResult(pilot)
                                                              : RunPilot(whole, pilot, machine));
  std::vector<PilotPair> pairs;
  for (PilotPair& pair : PilotPairsOf(result, available)) {
    if (available.erase(pair.pair) > 0) pairs.push_back(std::move(pair));
  }
  if (!available.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected translations of every pair of the suite, found none of {}",
                            available.begin()->first),
                pilot);
  }
  return PlanSamples(pairs, {});
}

}  // namespace dragoman::api
