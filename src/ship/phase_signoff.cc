// Phase signoff: the checklist filled in, the report, and a look for credentials (rows S2, S4).
// Runs every time, for it costs little and sums up the others.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/atomic_file.h"
#include "evaluate/benchmark.h"
#include "ship/checklist.h"
#include "ship/phase.h"
#include "ship/report.h"
#include "ship/report_charts.h"
#include "ship/secrets.h"

namespace dragoman {
namespace {

constexpr size_t kWorstSentences = 8;

Result<PhaseInputs> SignoffInputs(ShipRun& run) {
  PhaseInputs inputs;
  for (const auto& [name, evidence] : run.evidence) inputs.emplace_back(name, evidence.input_hash);
  return inputs;
}

Result<ChecklistContext> MakeContext(const ShipRun& run) {
  ChecklistContext context;
  for (const auto& [name, evidence] : run.evidence) {
    Json phase = evidence.measured;
    phase["_seconds"] = evidence.seconds;
    phase["_cpu_seconds"] = evidence.cpu_seconds;
    phase["_started"] = evidence.started;
    phase["_finished"] = evidence.finished;
    phase["_peak_memory_bytes"] = evidence.peak_memory_bytes;
    phase["_summary"] = evidence.summary;
    context.phases[name] = std::move(phase);
  }
  context.phases["signoff"] = Json::object();
  context.workspace = run.workspace->folder();
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string checklist, ChecklistTemplatePath());
  context.program_data = std::filesystem::path(checklist).parent_path().parent_path().string();
  context.ladder = run.ladder;
  const FinalDecision final = DecideAtLast(run);
  if (final.decision) context.decision = DecisionName(*final.decision);
  DRAGOMAN_ASSIGN_OR_RETURN(
      context.secrets,
      FindSecretInFolders({run.Path("logs"), run.Path("eval"), run.Path("evidence"),
                           run.Path("models/package"), run.Path("state")}));
  return context;
}

Result<ReportData> MakeReport(ShipRun& run, const ChecklistContext& context,
                              EvaluatedChecklist checklist) {
  ReportData data;
  data.context = context;
  data.checklist = std::move(checklist);
  FinalDecision final = DecideAtLast(run);
  data.reasons = std::move(final.reasons);
  data.advice = std::move(final.advice);
  data.model_name = run.options.model_name;
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult baseline,
                            ReadBenchmarkResult(run.BaselinePath()));
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult quantized,
                            ReadBenchmarkResult(run.RungPath("quantized_results.json")));
  data.baseline_latency_ms = LatencyQuantiles(baseline);
  data.build_latency_ms = LatencyQuantiles(quantized);
  data.chart_library = FindChartLibrary();
  data.worst = FindWorstSentences(baseline, quantized, kWorstSentences);
  for (const auto& [name, evidence] : run.evidence) {
    data.finished = std::max(data.finished, evidence.finished);
    for (const EvidenceOutput& output : evidence.outputs) {
      if (output.path.find("/shards/") == std::string::npos)
        data.hashes.emplace_back(output.path, output.sha256);
    }
  }
  std::sort(data.hashes.begin(), data.hashes.end());
  return data;
}

Result<PhaseWork> SignoffWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const ChecklistTemplate checklist, LoadChecklistTemplate());
  DRAGOMAN_ASSIGN_OR_RETURN(const ChecklistContext context, MakeContext(run));
  DRAGOMAN_ASSIGN_OR_RETURN(EvaluatedChecklist evaluated, EvaluateChecklist(checklist, context));
  const std::string markdown = ToMarkdown(evaluated, context);
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(run.Path("checklist.json"), ToJson(evaluated, context)));
  DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(run.Path("CHECKLIST.md"), markdown));

  PhaseWork work;
  work.measured = Json{{"done", evaluated.done},
                       {"failed", evaluated.failed},
                       {"not_applicable", evaluated.not_applicable},
                       {"decision", context.decision},
                       {"secrets", context.secrets},
                       {"ladder", run.ladder}};
  work.summary = fmt::format("{} boxes done, {} failed, {} not applicable", evaluated.done,
                             evaluated.failed, evaluated.not_applicable);
  DRAGOMAN_ASSIGN_OR_RETURN(const ReportData data, MakeReport(run, context, std::move(evaluated)));
  DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(run.Path("report.html"), RenderHtml(data)));
  DRAGOMAN_RETURN_IF_ERROR(
      WriteFileAtomically(run.Path("eval/QUANTIZATION_REPORT.md"), RenderMarkdown(data)));
  work.outputs = {run.Path("checklist.json"), run.Path("CHECKLIST.md"), run.Path("report.html"),
                  run.Path("eval/QUANTIZATION_REPORT.md")};
  return work;
}

}  // namespace

Phase SignoffPhase() { return {"signoff", true, false, SignoffInputs, SignoffWork}; }

}  // namespace dragoman
