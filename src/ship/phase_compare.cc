// Phase compare: the build against the 16-bit model; the decision (rows E3-E6).
#include <fmt/format.h>

#include "evaluate/benchmark.h"
#include "evaluate/compare.h"
#include "evaluate/divergence.h"
#include "evaluate/suite.h"
#include "ship/comparison_evidence.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

// Sentences a language for the token-level divergence: thousands of positions, a few seconds on two
// cores.
constexpr int64_t kDivergenceSamples = 8;

Result<PhaseInputs> CompareInputs(ShipRun& run) {
  PhaseInputs inputs;
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "baseline_results", run.BaselinePath(), &inputs));
  DRAGOMAN_RETURN_IF_ERROR(
      AddFileInput(run, "quantized_results", run.RungPath("quantized_results.json"), &inputs));
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "baseline_model", run.WidePath(), &inputs));
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "build", run.BuildPath(), &inputs));
  return inputs;
}

// Also writes divergence.json beside the comparison.
Result<Divergence> Diverge(ShipRun& run, const std::string& path) {
  SuiteOptions some;
  some.source_lang.clear();
  some.include_edge_cases = false;
  some.samples_per_language = kDivergenceSamples;
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, ReadSuite(run.SuitePath(), some));
  DivergenceOptions options;
  options.device = run.options.device;
  options.threads = run.options.threads;
  DRAGOMAN_ASSIGN_OR_RETURN(const Divergence divergence,
                            MeasureDivergence(run.WidePath(), run.BuildPath(), suite, options));
  DRAGOMAN_RETURN_IF_ERROR(
      WriteJsonFile(path, OrderedJson{{"schema", "dragoman.divergence/1"},
                                      {"reference", run.workspace->Relative(run.WidePath())},
                                      {"candidate", run.workspace->Relative(run.BuildPath())},
                                      {"suite_hash", suite.hash},
                                      {"divergence", ToJson(divergence)}}));
  return divergence;
}

Result<PhaseWork> CompareWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult baseline,
                            ReadBenchmarkResult(run.BaselinePath()));
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult quantized,
                            ReadBenchmarkResult(run.RungPath("quantized_results.json")));
  const GateOptions gate;
  DRAGOMAN_ASSIGN_OR_RETURN(const Comparison comparison, Compare(baseline, quantized, gate));
  const std::string divergence_path = run.RungPath("divergence.json");
  DRAGOMAN_ASSIGN_OR_RETURN(const Divergence divergence, Diverge(run, divergence_path));
  const std::string path = run.RungPath("comparison.json");
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(path, ToJson(comparison, baseline, quantized)));

  PhaseWork work;
  work.measured = ComparisonEvidence(comparison);
  work.measured["path"] = run.workspace->Relative(path);
  work.measured["divergence"] = Json(ToJson(divergence));
  work.outputs = {path, divergence_path};
  work.summary = fmt::format("{}; mean BLEU {:+.2f} % [{:+.2f}, {:+.2f}], mean KL {:.4f}",
                             DecisionName(comparison.decision), comparison.mean_bleu.percent,
                             comparison.mean_bleu.percent_low, comparison.mean_bleu.percent_high,
                             divergence.mean_kl);
  return work;
}

}  // namespace

Phase ComparePhase() { return {"compare", false, true, CompareInputs, CompareWork}; }

}  // namespace dragoman
