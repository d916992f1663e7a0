// The report of a run: one self-contained HTML page, and the same in short as Markdown (row E7).
#ifndef DRAGOMAN_SHIP_REPORT_H_
#define DRAGOMAN_SHIP_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "evaluate/benchmark.h"
#include "ship/checklist.h"

namespace dragoman {

// A sentence that the build translates worse than the 16-bit model, by chrF of the one sentence.
struct WorseSentence {
  std::string id, pair, source, reference, baseline, quantized;
  double baseline_chrf = 0, quantized_chrf = 0;
};
// The `count` largest drops, ties by id; only sentences with a reference and different outputs.
std::vector<WorseSentence> FindWorstSentences(const BenchmarkResult& baseline,
                                              const BenchmarkResult& quantized, size_t count);

struct ReportData {
  ChecklistContext context;  // what every phase measured
  EvaluatedChecklist checklist;
  std::vector<std::string> reasons, advice;
  std::vector<WorseSentence> worst;
  std::vector<std::pair<std::string, std::string>> hashes;  // file, SHA-256
  std::string model_name, finished;                         // UTC of the newest evidence
  std::vector<double> baseline_latency_ms, build_latency_ms;  // 101 quantiles each, or none
  std::string chart_library;  // ECharts' text (report_charts.h); empty: drawings only
};

std::string RenderHtml(const ReportData& data);
std::string RenderMarkdown(const ReportData& data);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_REPORT_H_
