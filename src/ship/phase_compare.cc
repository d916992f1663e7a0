// Phase compare: the build against the 16-bit model; the decision (rows E3-E6).
#include <fmt/format.h>

#include "evaluate/benchmark.h"
#include "evaluate/compare.h"
#include "evaluate/divergence.h"
#include "evaluate/suite.h"
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

Json DeltaJson(const Delta& delta) {
  return Json{{"points", delta.points},
              {"percent", delta.percent},
              {"percent_low", delta.percent_low},
              {"percent_high", delta.percent_high}};
}

Json ChecksJson(const Comparison& comparison) {
  Json list = Json::array();
  for (const GateCheck& check : comparison.checks) {
    list.push_back(Json{{"name", check.name},
                        {"limit_percent", check.limit_percent},
                        {"delta", DeltaJson(check.delta)},
                        {"verdict", DecisionName(check.verdict)},
                        {"shown", check.shown},
                        {"basis", check.basis},
                        {"reason", check.reason}});
  }
  return list;
}

Json PairsJson(const Comparison& comparison) {
  Json list = Json::array();
  for (const PairComparison& pair : comparison.pairs) {
    list.push_back(Json{{"pair", pair.pair},
                        {"samples", pair.samples},
                        {"baseline_bleu", pair.baseline_bleu},
                        {"quantized_bleu", pair.quantized_bleu},
                        {"baseline_chrf", pair.baseline_chrf},
                        {"quantized_chrf", pair.quantized_chrf},
                        {"bleu", DeltaJson(pair.bleu)},
                        {"chrf", DeltaJson(pair.chrf)},
                        {"identical_share", pair.identical_share},
                        {"bleu_can_tell", pair.bleu_can_tell}});
  }
  return list;
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
  work.measured =
      Json{{"path", run.workspace->Relative(path)},
           {"decision", DecisionName(comparison.decision)},
           {"reasons", comparison.reasons},
           {"advice", comparison.advice},
           {"confidence", gate.confidence},
           {"limits", Json{{"max_mean_loss_percent", gate.max_mean_loss_percent},
                           {"max_pair_loss_percent", gate.max_pair_loss_percent},
                           {"max_high_resource_loss_percent", gate.max_high_resource_loss_percent},
                           {"fallback_loss_percent", gate.fallback_loss_percent}}},
           {"mean_bleu", DeltaJson(comparison.mean_bleu)},
           {"mean_chrf", DeltaJson(comparison.mean_chrf)},
           {"checks", ChecksJson(comparison)},
           {"pairs", PairsJson(comparison)},
           {"divergence", Json(ToJson(divergence))}};
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
