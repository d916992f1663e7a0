#include "ship/compare_report.h"

#include <filesystem>
#include <utility>

#include "base/atomic_file.h"
#include "ship/comparison_evidence.h"
#include "ship/report_charts.h"

namespace dragoman {
namespace {

constexpr size_t kShownSentences = 8;

std::string NameOf(const BenchmarkResult& run) {
  const std::filesystem::path path(run.model_path);
  const std::string name = path.filename().string();
  return name.empty() ? path.parent_path().filename().string() : name;
}

Json SpeedOf(const BenchmarkResult& run) {
  return Json{{"device", run.device},
              {"activations", run.activations},
              {"latency_p50_ms", run.latency_p50_ms},
              {"latency_p90_ms", run.latency_p90_ms},
              {"latency_p99_ms", run.latency_p99_ms},
              {"first_token_p50_ms", run.first_token_p50_ms},
              {"first_token_p90_ms", run.first_token_p90_ms},
              {"first_token_p99_ms", run.first_token_p99_ms},
              {"tokens_per_second", run.tokens_per_second},
              {"peak_memory_bytes", run.peak_rss_bytes}};
}

}  // namespace

ReportData CompareReportData(const Comparison& comparison, const BenchmarkResult& baseline,
                             const BenchmarkResult& quantized) {
  ReportData data;
  data.model_name = NameOf(baseline);
  data.reasons = comparison.reasons;
  data.advice = comparison.advice;
  data.context.decision = DecisionName(comparison.decision);
  data.context.phases["compare"] = ComparisonEvidence(comparison);
  data.context.phases["baseline"] = SpeedOf(baseline);
  data.context.phases["evaluate"] = SpeedOf(quantized);
  data.context.phases["model"] = Json{{"text_bytes_16bit", baseline.model_bytes}};
  Json quantize = {{"recipe", NameOf(quantized)}, {"bytes", quantized.model_bytes}};
  if (quantized.model_bytes > 0) {
    quantize["ratio"] =
        static_cast<double>(baseline.model_bytes) / static_cast<double>(quantized.model_bytes);
  }
  const Json& compare = data.context.phases["compare"];
  data.context.ladder["rungs"] = Json::array({Json{{"recipe", NameOf(quantized)},
                                                   {"bytes", quantized.model_bytes},
                                                   {"decision", data.context.decision},
                                                   {"mean_bleu", compare["mean_bleu"]},
                                                   {"mean_chrf", compare["mean_chrf"]}}});
  data.context.phases["quantize"] = std::move(quantize);
  data.worst = FindWorstSentences(baseline, quantized, kShownSentences);
  data.baseline_latency_ms = LatencyQuantiles(baseline);
  data.build_latency_ms = LatencyQuantiles(quantized);
  data.hashes = {{"baseline: " + NameOf(baseline), baseline.model_sha256},
                 {"build: " + NameOf(quantized), quantized.model_sha256},
                 {"suite", baseline.suite_hash}};
  return data;
}

Result<void> WriteCompareReport(const std::string& folder, const Comparison& comparison,
                                const BenchmarkResult& baseline, const BenchmarkResult& quantized,
                                const Json& divergence) {
  ReportData data = CompareReportData(comparison, baseline, quantized);
  if (!divergence.empty()) data.context.phases["compare"]["divergence"] = divergence;
  data.chart_library = FindChartLibrary();
  DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(folder + "/report.html", RenderHtml(data)));
  return WriteFileAtomically(folder + "/QUANTIZATION_REPORT.md", RenderMarkdown(data));
}

}  // namespace dragoman
