// Phase suite: the sentences that decide, written once and used by every later phase (row E1).
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/shared_data.h"
#include "evaluate/sample_pilot.h"
#include "evaluate/suite.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

Result<PhaseInputs> SuiteInputs(ShipRun& run) {
  PhaseInputs inputs = {{"samples_per_language", std::to_string(run.options.samples_per_language)}};
  for (const std::string& code : run.options.target_languages)
    inputs.emplace_back("language", code);
  for (const char* name : {"data/suite/builtin.jsonl", "data/suite/edge_cases.jsonl"}) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string path, FindSharedData(name));
    DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, name, path, &inputs));
  }
  if (run.options.auto_samples) {
    inputs.emplace_back("samples_per_language", "auto");
    DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "baseline_model", run.WidePath(), &inputs));
  }
  return inputs;
}

// As many sentences as the gate needs; where the suite has too few, it says so before the rest is
// translated. What the pilot translated serves the baseline's run when all sentences are taken.
Result<SamplePlan> PlanSuite(ShipRun& run, const SuiteOptions& all) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite whole, BuiltInSuite(all));
  BenchmarkOptions pilot;
  pilot.device = run.options.device;
  pilot.threads = run.options.threads;
  pilot.predictions_path = run.Path("eval/pilot_predictions.jsonl");
  DRAGOMAN_ASSIGN_OR_RETURN(SamplePlan plan, PlanByPilot(whole, run.WidePath(), pilot));
  SayBeforeTranslating(Format(plan));
  std::error_code ec;
  std::filesystem::copy_file(pilot.predictions_path, run.BaselinePredictionsPath(),
                             std::filesystem::copy_options::skip_existing, ec);
  return plan;
}

Result<PhaseWork> SuiteWork(ShipRun& run) {
  SuiteOptions options;
  options.target_langs = run.options.target_languages;
  options.samples_per_language = run.options.samples_per_language;
  Json plan;
  if (run.options.auto_samples) {
    DRAGOMAN_ASSIGN_OR_RETURN(const SamplePlan chosen, PlanSuite(run, options));
    options.samples_per_language = chosen.samples_per_language;
    plan = Json(ToJson(chosen));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, BuiltInSuite(options));
  DRAGOMAN_RETURN_IF_ERROR(WriteSuite(run.SuitePath(), suite));

  std::set<std::string> languages;
  std::map<std::string, int64_t> pairs;
  std::map<std::string, int64_t> domains;
  int64_t edge_cases = 0;
  for (const SuiteSample& sample : suite.samples) {
    languages.insert({sample.source_lang, sample.target_lang});
    ++pairs[sample.pair()];
    ++domains[sample.domain];
    edge_cases += sample.is_edge_case() ? 1 : 0;
  }
  PhaseWork work;
  work.measured = Json{{"path", run.workspace->Relative(run.SuitePath())},
                       {"name", suite.name},
                       {"license", suite.license},
                       {"hash", suite.hash},
                       {"samples", suite.samples.size()},
                       {"edge_cases", edge_cases},
                       {"languages", languages},
                       {"pairs", pairs},
                       {"domains", domains}};
  if (!plan.is_null()) work.measured["sample_plan"] = std::move(plan);
  work.outputs = {run.SuitePath()};
  work.summary = fmt::format("{} samples ({} edge cases) for {} pairs", suite.samples.size(),
                             edge_cases, pairs.size());
  return work;
}

}  // namespace

Phase SuitePhase() { return {"suite", false, false, SuiteInputs, SuiteWork}; }

}  // namespace dragoman
