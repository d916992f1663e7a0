// Phases baseline and evaluate: the suite through the 16-bit model, and through the build.
// Predictions are kept as they come, so that a killed run continues with the next sentence.
#include <fmt/format.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "evaluate/benchmark.h"
#include "evaluate/sample_pilot.h"
#include "evaluate/suite.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

Result<PhaseInputs> InputsFor(ShipRun& run, const std::string& model_path) {
  PhaseInputs inputs = {{"device", run.options.device},
                        {"threads", std::to_string(run.options.threads)}};
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "model", model_path, &inputs));
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "suite", run.SuitePath(), &inputs));
  return inputs;
}

Json PairJson(const PairScore& pair) {
  return Json{{"pair", pair.pair},
              {"samples", pair.samples},
              {"bleu", pair.bleu},
              {"chrf", pair.chrf},
              {"chrf_pp", pair.chrf_pp},
              {"bleu_signature", pair.bleu_signature},
              {"copy_rate", pair.copy_rate},
              {"empty_rate", pair.empty_rate},
              {"repetition_rate", pair.repetition_rate},
              {"runaway_rate", pair.runaway_rate},
              {"wrong_script_rate", pair.wrong_script_rate}};
}

Result<PhaseWork> Benchmark(ShipRun& run, const std::string& model_path,
                            const std::string& results_path, const std::string& predictions_path) {
  SuiteOptions everything;
  everything.source_lang.clear();
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, ReadSuite(run.SuitePath(), everything));
  BenchmarkOptions options;
  options.device = run.options.device;
  options.threads = run.options.threads;
  options.predictions_path = predictions_path;
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(predictions_path).parent_path(), ec);
  // A forced run measures again; what was translated before would answer in no time.
  if (run.options.force) std::filesystem::remove(predictions_path, ec);
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult result, RunBenchmark(model_path, suite, options));
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(results_path, ToJson(result)));
  DRAGOMAN_RETURN_IF_ERROR(ReadBenchmarkResult(results_path));

  PhaseWork work;
  Json pairs = Json::array();
  for (const PairScore& pair : result.pairs) pairs.push_back(PairJson(pair));
  work.measured = Json{{"path", run.workspace->Relative(results_path)},
                       {"model", run.workspace->Relative(model_path)},
                       {"device", result.device},
                       {"activations", result.activations},
                       {"suite_samples", suite.samples.size()},
                       {"samples", result.predictions.size()},
                       {"mean_bleu", result.mean_bleu},
                       {"mean_chrf", result.mean_chrf},
                       {"latency_p50_ms", result.latency_p50_ms},
                       {"latency_p90_ms", result.latency_p90_ms},
                       {"latency_p99_ms", result.latency_p99_ms},
                       {"first_token_p50_ms", result.first_token_p50_ms},
                       {"first_token_p90_ms", result.first_token_p90_ms},
                       {"first_token_p99_ms", result.first_token_p99_ms},
                       {"tokens_per_second", result.tokens_per_second},
                       {"sentences_per_second", result.sentences_per_second},
                       {"translation_seconds", result.seconds},
                       {"load_seconds", result.load_seconds},
                       {"peak_memory_bytes", result.peak_rss_bytes},
                       {"model_bytes", result.model_bytes},
                       {"pairs", std::move(pairs)}};
  work.outputs = {results_path};
  work.summary =
      fmt::format("BLEU {:.2f}, chrF {:.2f} over {} pairs; {:.1f} sentences/s", result.mean_bleu,
                  result.mean_chrf, result.pairs.size(), result.sentences_per_second);
  return work;
}

// Before a build has translated anything: which checks BLEU will be able to decide on this suite.
Result<SamplePlan> PlanByBaseline(ShipRun& run) {
  SuiteOptions everything;
  everything.source_lang.clear();
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, ReadSuite(run.SuitePath(), everything));
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult baseline,
                            ReadBenchmarkResult(run.BaselinePath()));
  return PlanByResults(suite, baseline, run.BaselinePath());
}

Result<PhaseInputs> BaselineInputs(ShipRun& run) { return InputsFor(run, run.WidePath()); }
Result<PhaseWork> BaselineWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(PhaseWork work, Benchmark(run, run.WidePath(), run.BaselinePath(),
                                                      run.BaselinePredictionsPath()));
  DRAGOMAN_ASSIGN_OR_RETURN(const SamplePlan plan, PlanByBaseline(run));
  SayBeforeTranslating(FormatUnreached(plan));
  work.measured["sample_plan"] = Json(ToJson(plan));
  return work;
}

Result<PhaseInputs> EvaluateInputs(ShipRun& run) { return InputsFor(run, run.BuildPath()); }
Result<PhaseWork> EvaluateWork(ShipRun& run) {
  return Benchmark(run, run.BuildPath(), run.RungPath("quantized_results.json"),
                   run.RungPath("predictions.jsonl"));
}

}  // namespace

Phase BaselinePhase() { return {"baseline", false, false, BaselineInputs, BaselineWork}; }
Phase EvaluatePhase() { return {"evaluate", false, true, EvaluateInputs, EvaluateWork}; }

}  // namespace dragoman
