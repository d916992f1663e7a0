#include "evaluate/sample_pilot.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "base/log.h"
#include "evaluate/process_group.h"

namespace dragoman {
namespace {

// Only rank 0 has the pilot's results; all need to know how many sentences it chose.
Result<SamplePlan> TellAll(ProcessGroup& group, Result<SamplePlan> of_rank_0) {
  DRAGOMAN_RETURN_IF_ERROR(group.Agree(ErrorOf(of_rank_0)));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string told,
                            group.Broadcast(std::to_string(of_rank_0->samples_per_language)));
  std::from_chars(told.data(), told.data() + told.size(), of_rank_0->samples_per_language);
  return of_rank_0;
}

}  // namespace

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

Result<SamplePlan> PlanByResults(const Suite& whole, const BenchmarkResult& pilot,
                                 const std::string& where) {
  std::map<std::string, int64_t> available;
  for (const SuiteSample& sample : whole.samples) {
    if (!sample.is_edge_case()) ++available[sample.pair()];
  }
  std::vector<PilotPair> pairs;
  for (PilotPair& pair : PilotPairsOf(pilot, available)) {
    if (available.erase(pair.pair) > 0) pairs.push_back(std::move(pair));
  }
  if (!available.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected translations of every pair of the suite, found none of {}",
                            available.begin()->first),
                where);
  }
  return PlanSamples(pairs, {});
}

void SayBeforeTranslating(const std::string& lines) {
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) LogInfo("{}", line);
}

Result<SamplePlan> PlanByPilot(const Suite& whole, const std::string& model_path,
                               const BenchmarkOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult pilot,
                            RunBenchmark(model_path, PilotOf(whole), options));
  if (options.group == nullptr) return PlanByResults(whole, pilot, model_path);
  const bool knows = options.group->rank() == 0;
  return TellAll(*options.group, knows ? PlanByResults(whole, pilot, model_path) : SamplePlan{});
}

}  // namespace dragoman
