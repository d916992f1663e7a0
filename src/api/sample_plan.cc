#include "api/sample_plan.h"

#include "evaluate/sample_pilot.h"

namespace dragoman::api {
namespace {

bool IsResultsFile(const std::string& path) {
  return path.size() > 5 && path.compare(path.size() - 5, 5, ".json") == 0;
}

}  // namespace

Result<SamplePlan> PlanForSuite(const Suite& whole, const std::string& pilot,
                                const dragoman::BenchmarkOptions& run) {
  if (!IsResultsFile(pilot)) return PlanByPilot(whole, pilot, run);
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult results, ReadBenchmarkResult(pilot));
  return PlanByResults(whole, results, pilot);
}

}  // namespace dragoman::api
