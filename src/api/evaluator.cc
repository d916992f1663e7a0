#include "dragoman/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "api/backend_options.h"
#include "api/model_path.h"
#include "api/neural_scores.h"
#include "api/sample_plan.h"
#include "api/speculation.h"
#include "base/json.h"
#include "evaluate/benchmark.h"
#include "evaluate/compare.h"
#include "evaluate/divergence.h"
#include "evaluate/gate.h"
#include "evaluate/import/language_text.h"
#include "evaluate/process_group.h"
#include "evaluate/sample_pilot.h"
#include "evaluate/speed.h"
#include "evaluate/suite.h"
#include "evaluate/suite_import.h"
#include "ship/compare_report.h"
#include "text/languages.h"

namespace dragoman::api {
namespace {

// A file is taken as it is, whatever languages its pairs have.
Result<Suite> LoadSuite(const std::string& path, dragoman::SuiteOptions options) {
  if (path.empty()) return BuiltInSuite(options);
  options.source_lang.clear();
  return ReadSuite(path, options);
}

Result<Suite> MakeSuite(const SuiteOptions& options, dragoman::SuiteOptions room) {
  if (options.inputs.empty()) {
    if (room.source_lang.empty()) room.source_lang = "en";
    return BuiltInSuite(room);
  }
  SuiteInput input;
  input.paths = options.inputs;
  DRAGOMAN_ASSIGN_OR_RETURN(input.format, SuiteFormatNamed(options.format));
  input.split = options.split;
  input.license = options.license;
  return ImportSuite(input, room);
}

// "en-de", "en:zh-Hant", "pt-BR-en": both halves have to be languages.
Result<std::pair<std::string, std::string>> SplitPair(const std::string& pair) {
  for (size_t at = 1; at + 1 < pair.size(); ++at) {
    if (pair[at] != '-' && pair[at] != ':') continue;
    auto from = pair.substr(0, at);
    auto to = pair.substr(at + 1);
    const bool sure = pair[at] == ':';
    if (sure || (FindLanguage(PromptCode(from)) && FindLanguage(PromptCode(to))))
      return std::make_pair(std::move(from), std::move(to));
  }
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("expected a pair of languages such as en-de or en:zh-Hant, found \"{}\"", pair),
      "--pairs");
}

std::map<std::string, int64_t> CountPairs(const Suite& suite) {
  std::map<std::string, int64_t> pairs;
  for (const auto& sample : suite.samples) pairs[sample.pair()] += sample.is_edge_case() ? 0 : 1;
  return pairs;
}

std::string SuiteText(const Suite& suite, const std::string& output) {
  int64_t scored = 0;
  std::string pairs;
  for (const auto& [pair, count] : CountPairs(suite)) {
    scored += count;
    pairs += fmt::format("  {:<10} {:>6}\n", pair, count);
  }
  std::string text =
      fmt::format("wrote {}: {} samples of {} ({}), licence {}\n{}", output, suite.samples.size(),
                  suite.name, suite.format, suite.license, pairs);
  const auto edges = static_cast<int64_t>(suite.samples.size()) - scored;
  if (edges > 0) text += fmt::format("  {} edge cases, checked but not scored\n", edges);
  if (suite.duplicates > 0)
    text += fmt::format("  {} left out: their source occurs before\n", suite.duplicates);
  if (suite.blanks > 0) text += fmt::format("  {} left out: blank in a language\n", suite.blanks);
  if (!suite.unknown_languages.empty()) {
    text += fmt::format("  {} languages left out, which the prompt does not know: {}\n",
                        suite.unknown_languages.size(), fmt::join(suite.unknown_languages, ", "));
  }
  if (suite.alternatives > 0) {
    text += fmt::format("  {} left out: another text of the segment in that language came first\n",
                        suite.alternatives);
  }
  return text;
}

std::string PairLines(const BenchmarkResult& result) {
  std::string text;
  for (const auto& pair : result.pairs) {
    text += fmt::format("  {:<8} {:>4} sentences  BLEU {:6.2f}  chrF {:6.2f}  chrF++ {:6.2f}\n",
                        pair.pair, pair.samples, pair.bleu, pair.chrf, pair.chrf_pp);
  }
  return text;
}

std::string SegmentMetricText(const SegmentMetricComparison& metric) {
  std::string text = fmt::format("  {} ({} is better), by another program:\n", metric.name,
                                 metric.higher_is_better ? "more" : "less");
  const auto line = [&text](const std::string& name, double baseline, double quantized,
                            const Delta& change) {
    text += fmt::format(
        "    {:<8} {:.4f} -> {:.4f}  change for the better {:+.4f} [{:+.4f}, "
        "{:+.4f}]: {}\n",
        name, baseline, quantized, change.points, change.points_low, change.points_high,
        ChangeShown(change));
  };
  for (const auto& pair : metric.pairs) line(pair.pair, pair.baseline, pair.quantized, pair.delta);
  line("mean", metric.baseline_mean, metric.quantized_mean, metric.mean);
  return text;
}

// What decided a pair: its line says so, because BLEU stands in it whether it could tell or not.
std::string BasisOf(const Comparison& comparison, const PairComparison& pair) {
  std::string basis = "undecided";
  for (const GateCheck& check : comparison.checks) {
    if (check.name == pair.pair + " loss" && check.shown) basis = "by " + check.basis;
  }
  if (pair.bleu_can_tell) return basis;
  return basis + fmt::format(" ({} sentences; BLEU alone needs {})", pair.samples,
                             RoughCount(pair.bleu_needs));
}

std::string ComparisonText(const Comparison& comparison) {
  std::string text = fmt::format("{}\n", DecisionName(comparison.decision));
  for (const auto& reason : comparison.reasons) text += "  " + reason + "\n";
  for (const auto& pair : comparison.pairs) {
    text += fmt::format(
        "  {:<8} BLEU {:6.2f} -> {:6.2f} ({:+.2f} [{:+.2f}, {:+.2f}], {:+.2f} % [{:+.2f}, "
        "{:+.2f}])  "
        "chrF {:6.2f} -> {:6.2f}  {}\n",
        pair.pair, pair.baseline_bleu, pair.quantized_bleu, pair.bleu.points, pair.bleu.points_low,
        pair.bleu.points_high, pair.bleu.percent, pair.bleu.percent_low, pair.bleu.percent_high,
        pair.baseline_chrf, pair.quantized_chrf, BasisOf(comparison, pair));
  }
  for (const auto& metric : comparison.segment_metrics) text += SegmentMetricText(metric);
  for (const auto& note : comparison.notes) text += "  note: " + note + "\n";
  for (const auto& advice : comparison.advice) text += "  advice: " + advice + "\n";
  return text;
}

struct BenchmarkInput {
  std::string model;
  Suite suite;  // with `auto`: all there is
  dragoman::BenchmarkOptions run;
};
Result<BenchmarkInput> LoadInput(const BenchmarkOptions& options, ProcessGroup* group) {
  BenchmarkInput input;
  DRAGOMAN_ASSIGN_OR_RETURN(input.model, ModelOrBundled(options.model));
  dragoman::SuiteOptions suite_options;
  suite_options.samples_per_language = options.auto_samples ? 0 : options.samples_per_language;
  DRAGOMAN_ASSIGN_OR_RETURN(input.suite, LoadSuite(options.suite, suite_options));
  DRAGOMAN_ASSIGN_OR_RETURN(input.run.speculate, ParseSpeculate(options.speculate));
  if (options.activations != "float32" && options.activations != "auto") {
    return Fail(ErrorCode::kInvalidArgument,
                "activations: expected float32 or auto, found " + options.activations);
  }
  input.run.float32_activations = options.activations == "float32";
  input.run.device = options.machine.device;
  input.run.threads = options.machine.threads;
  input.run.max_batch = options.max_batch;
  input.run.draft_path = options.draft;
  input.run.group = group;
  if (!options.output.empty()) input.run.predictions_path = options.output + ".predictions.jsonl";
  return input;
}

// What the pilot translated of the suite itself need not be translated again.
void ReusePilot(const std::string& pilot_path, const std::string& path) {
  std::error_code ec;
  if (!path.empty())
    std::filesystem::copy_file(pilot_path, path, std::filesystem::copy_options::skip_existing, ec);
}

// Chooses as many sentences as the gate needs, and says before anything else is translated where
// BLEU cannot decide.
Result<SamplePlan> ChooseByPower(const BenchmarkOptions& options, BenchmarkInput& input) {
  const bool reports = input.run.group == nullptr || input.run.group->rank() == 0;
  dragoman::BenchmarkOptions pilot_run = input.run;
  pilot_run.draft_path.clear();  // of the build, not of whatever the pilot is
  if (!options.output.empty()) pilot_run.predictions_path = options.output + ".pilot.jsonl";
  const std::string& pilot = options.pilot.empty() ? input.model : options.pilot;
  DRAGOMAN_ASSIGN_OR_RETURN(SamplePlan plan, PlanForSuite(input.suite, pilot, pilot_run));
  if (reports) SayBeforeTranslating(Format(plan));
  const std::string hash_of_all = input.suite.hash;
  dragoman::SuiteOptions suite_options;
  suite_options.samples_per_language = plan.samples_per_language;
  DRAGOMAN_ASSIGN_OR_RETURN(input.suite, LoadSuite(options.suite, suite_options));
  if (reports && input.suite.hash == hash_of_all)
    ReusePilot(pilot_run.predictions_path, input.run.predictions_path);
  return plan;
}

struct BenchmarkOutcome {
  BenchmarkResult result;
  std::optional<SamplePlan> plan;
};
// Alone, or as one process of a group: then only rank 0 has the whole outcome.
Result<BenchmarkOutcome> RunAs(ProcessGroup* group, const BenchmarkOptions& options) {
  Result<BenchmarkInput> input = LoadInput(options, group);
  if (group != nullptr) DRAGOMAN_RETURN_IF_ERROR(group->Agree(ErrorOf(input)));
  if (!input) return tl::unexpected(input.error());
  BenchmarkOutcome outcome;
  if (options.auto_samples) {
    DRAGOMAN_ASSIGN_OR_RETURN(outcome.plan, ChooseByPower(options, *input));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(outcome.result, RunBenchmark(input->model, input->suite, input->run));
  return outcome;
}

Result<Report> ReportOf(const Result<BenchmarkOutcome>& outcome, const BenchmarkOptions& options) {
  if (!outcome) return tl::unexpected(outcome.error());
  const BenchmarkResult& result = outcome->result;
  OrderedJson json = ToJson(result);
  std::string text;
  if (outcome->plan) {
    json["sample_plan"] = ToJson(*outcome->plan);
    text = Format(*outcome->plan);
  }
  if (!options.output.empty()) DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(options.output, json));
  text += PairLines(result);
  text += fmt::format(
      "mean BLEU {:.2f}, mean chrF {:.2f}; {:.1f} sentences/s, latency p50 {:.0f} ms{}\n",
      result.mean_bleu, result.mean_chrf, result.sentences_per_second, result.latency_p50_ms,
      result.first_token_p50_ms > 0
          ? fmt::format(", first token {:.0f} ms", result.first_token_p50_ms)
          : "");
  if (result.processes > 1) {
    text +=
        fmt::format("shared by {} processes; the speed is that of one of them\n", result.processes);
  }
  return Report{DumpJson(json), std::move(text), 0};
}

}  // namespace

Result<Report> WriteSuite(const SuiteOptions& options) {
  dragoman::SuiteOptions room;
  room.source_lang = options.from;
  room.target_langs = options.languages;
  for (const std::string& pair : options.pairs) {
    DRAGOMAN_ASSIGN_OR_RETURN(auto direction, SplitPair(pair));
    room.pairs.push_back(std::move(direction));
  }
  room.samples_per_language = options.samples_per_language;
  room.seed = options.seed;
  room.include_edge_cases = options.include_edge_cases;
  room.add_builtin_edge_cases = options.add_builtin_edge_cases;
  std::optional<SamplePlan> plan;
  if (options.auto_samples) {
    room.samples_per_language = 0;
    DRAGOMAN_ASSIGN_OR_RETURN(const Suite whole, MakeSuite(options, room));
    dragoman::BenchmarkOptions run;
    run.device = options.machine.device;
    run.threads = options.machine.threads;
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string pilot, ModelOrBundled(options.pilot));
    DRAGOMAN_ASSIGN_OR_RETURN(plan, PlanForSuite(whole, pilot, run));
    room.samples_per_language = plan->samples_per_language;
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, MakeSuite(options, room));
  DRAGOMAN_RETURN_IF_ERROR(dragoman::WriteSuite(options.output, suite));
  OrderedJson json;
  json["schema"] = "dragoman.suite_written/1";
  json["output"] = options.output;
  json["name"] = suite.name;
  json["format"] = suite.format;
  json["license"] = suite.license;
  json["samples"] = suite.samples.size();
  json["language_pairs"] = CountPairs(suite);
  json["duplicates_left_out"] = suite.duplicates;
  json["blanks_left_out"] = suite.blanks;
  json["alternatives_left_out"] = suite.alternatives;
  json["languages_left_out"] = suite.unknown_languages;
  json["hash"] = suite.hash;
  if (plan) json["plan"] = ToJson(*plan);
  return Report{DumpJson(json), (plan ? Format(*plan) : "") + SuiteText(suite, options.output), 0};
}

Result<Report> Benchmark(const BenchmarkOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::unique_ptr<ProcessGroup> group, JoinProcessGroup());
  if (group == nullptr) return ReportOf(RunAs(nullptr, options), options);
  const Result<BenchmarkOutcome> outcome = RunAs(group.get(), options);
  // An error that all know of: rank 0 says it, and all end in order. Any other ends this process
  // alone, and mpirun ends the others.
  const bool in_order = outcome || group->failed_together();
  if (in_order) DRAGOMAN_RETURN_IF_ERROR(group->Leave());
  if (in_order && group->rank() != 0) return Report{};
  return ReportOf(outcome, options);
}

namespace {

Result<Json> ReadDivergence(const std::string& path) {
  if (path.empty()) return Json::object();
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  const auto found = json.is_object() ? json.find("divergence") : json.end();
  if (found == json.end() || !found->is_object() ||
      json.value("schema", Json()) != "dragoman.divergence/1") {
    return Fail(ErrorCode::kCorruptFile,
                "expected what compare --divergence writes (schema dragoman.divergence/1)", path);
  }
  for (const auto& item : found->items()) {
    const Json& value = item.value();
    bool good = value.is_number() || item.key() == "activations";
    if (value.is_array()) {
      good =
          std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_number(); });
    }
    if (!good)
      return Fail(ErrorCode::kCorruptFile, "expected numbers in \"" + item.key() + "\"", path);
  }
  const auto interval = found->find("mean_kl_interval");
  if (interval != found->end() && (!interval->is_array() || interval->size() != 2))
    return Fail(ErrorCode::kCorruptFile, "expected two numbers in \"mean_kl_interval\"", path);
  return *found;
}

}  // namespace

Result<Report> Compare(const CompareOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult baseline, ReadBenchmarkResult(options.baseline));
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult quantized,
                            ReadBenchmarkResult(options.quantized));
  GateOptions gate;
  gate.max_mean_loss_percent = options.max_mean_loss_percent;
  gate.max_pair_loss_percent = options.max_pair_loss_percent;
  gate.max_high_resource_loss_percent = options.max_high_resource_loss_percent;
  for (const std::string& words : options.groups) {
    DRAGOMAN_ASSIGN_OR_RETURN(MarginGroup group, ParseMarginGroup(words));
    gate.groups.push_back(std::move(group));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(gate.max_segment_loss_percent,
                            ParseSegmentLimits(options.max_segment_losses));
  DRAGOMAN_RETURN_IF_ERROR(CheckLimits(gate));
  DRAGOMAN_RETURN_IF_ERROR(ExportForNeuralMetrics(options, baseline, quantized));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<SegmentScores> scores,
                            ReadNeuralScores(options, baseline));
  DRAGOMAN_ASSIGN_OR_RETURN(const Comparison comparison,
                            dragoman::Compare(baseline, quantized, gate, scores));
  const OrderedJson json = ToJson(comparison, baseline, quantized);
  if (!options.output.empty()) DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(options.output, json));
  DRAGOMAN_ASSIGN_OR_RETURN(const Json divergence, ReadDivergence(options.divergence));
  if (!options.report.empty()) {
    DRAGOMAN_RETURN_IF_ERROR(
        WriteCompareReport(options.report, comparison, baseline, quantized, divergence));
  }
  return Report{DumpJson(json), ComparisonText(comparison), ExitCodeOf(comparison.decision)};
}

Result<Report> Divergence(const DivergenceOptions& options) {
  dragoman::SuiteOptions suite_options;
  suite_options.include_edge_cases = false;
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, LoadSuite(options.suite, suite_options));
  dragoman::DivergenceOptions room;
  room.device = options.machine.device;
  room.threads = options.machine.threads;
  room.max_samples = options.max_samples;
  DRAGOMAN_ASSIGN_OR_RETURN(const dragoman::Divergence divergence,
                            MeasureDivergence(options.reference, options.candidate, suite, room));
  OrderedJson json;
  json["schema"] = "dragoman.divergence/1";
  json["reference"] = options.reference;
  json["candidate"] = options.candidate;
  json["suite_hash"] = suite.hash;
  json["divergence"] = ToJson(divergence);
  if (!options.output.empty()) DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(options.output, json));
  std::string text = fmt::format(
      "{} tokens: mean KL {:.5f} [{:.5f}, {:.5f}], median {:.5f}, 99 % {:.4f}, max {:.3f}; top-1 "
      "agreement "
      "{:.2f} %\n",
      divergence.tokens, divergence.mean_kl, divergence.mean_kl_low, divergence.mean_kl_high,
      divergence.median_kl, divergence.p99_kl, divergence.max_kl, divergence.top1_agreement * 100);
  return Report{DumpJson(json), std::move(text), 0};
}

Result<Report> MeasureSpeed(const SpeedOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string model, ModelOrBundled(options.model));
  dragoman::SpeedOptions room;
  room.device = options.machine.device;
  room.threads = options.machine.threads;
  room.prefill_tokens = options.prefill_tokens;
  room.decode_tokens = options.decode_tokens;
  DRAGOMAN_ASSIGN_OR_RETURN(room.backend, BackendOptionsOf(options.machine));
  room.batches = options.batches;
  room.context_tokens = options.context_tokens;
  room.sentences = options.sentences;
  room.sentence_batch = options.sentence_batch;
  room.repetitions = options.repetitions;
  DRAGOMAN_ASSIGN_OR_RETURN(const SpeedReport report, dragoman::MeasureSpeed(model, room));
  return Report{DumpJson(ToJson(report)), ToText(report), 0};
}

}  // namespace dragoman::api
