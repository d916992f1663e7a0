// The report of `dragoman monitor` as JSON (schemas/monitor.schema.json) and in words.
#include <fmt/format.h>

#include "evaluate/fault_comparison.h"
#include "evaluate/monitor.h"

namespace dragoman {
namespace {

OrderedJson ToJson(const Change& change) {
  return {{"value", change.value}, {"interval", {change.low, change.high}}};
}

OrderedJson ToJson(const Period& period) {
  OrderedJson json;
  json["records"] = period.records;
  json["rescored"] = period.rescored;
  json["first"] = period.first;
  json["last"] = period.last;
  json["agreement_chrf"] = period.agreement;
  json["identical_share"] = period.identical_share;
  json["down_votes"] = ToJson(period.down_votes);
  json["errors"] = ToJson(period.errors);
  json["latency_ms"] = {{"p50", period.latency_p50_ms},
                        {"p90", period.latency_p90_ms},
                        {"p99", period.latency_p99_ms}};
  return json;
}

std::string PeriodLine(const char* name, const Period& period) {
  std::string line = fmt::format(
      "  {:<5} {} requests, {} rescored: agreement {:.2f}, {:.1f} % the same text", name,
      period.records, period.rescored, period.agreement, 100 * period.identical_share);
  if (period.down_votes.of > 0) {
    line += fmt::format("; {} of {} votes against", period.down_votes.count, period.down_votes.of);
  }
  if (period.errors.count > 0) line += fmt::format("; {} errors", period.errors.count);
  if (period.latency_p50_ms > 0) {
    line += fmt::format("; latency p50 {:.0f}, p99 {:.0f} ms", period.latency_p50_ms,
                        period.latency_p99_ms);
  }
  if (!period.first.empty()) line += fmt::format("; {} to {}", period.first, period.last);
  return line + "\n";
}

}  // namespace

OrderedJson ToJson(const MonitorReport& report) {
  OrderedJson json;
  json["verdict"] = DriftName(report.verdict);
  json["exit_code"] = ExitCodeOf(report.verdict);
  json["reasons"] = report.reasons;
  json["signs"] = OrderedJson::array();
  for (const DriftSign& sign : report.signs) {
    json["signs"].push_back({{"name", sign.name},
                             {"chance", sign.chance},
                             {"adjusted", sign.adjusted},
                             {"shown", sign.adjusted <= report.options.level()}});
  }
  json["reference"] = ToJson(report.reference);
  json["recent"] = ToJson(report.recent);
  json["agreement_change"] = ToJson(report.agreement);
  json["down_votes_change"] = ToJson(report.down_votes);
  json["errors_change"] = ToJson(report.errors);
  json["corrections"] = {{"count", report.corrected},
                         {"production_chrf", report.production_chrf},
                         {"baseline_chrf", report.baseline_chrf},
                         {"change", ToJson(report.correction)}};
  json["faults"] = OrderedJson::array();
  for (const FaultComparison& fault : report.faults) json["faults"].push_back(ToJson(fault));
  json["method"] = {{"max_agreement_loss", report.options.max_agreement_loss},
                    {"max_samples", report.options.max_samples},
                    {"seed", report.options.seed},
                    {"confidence", report.options.confidence},
                    {"look", report.options.look},
                    {"level", report.options.level()}};
  return json;
}

std::string Describe(const MonitorReport& report) {
  std::string text = fmt::format("{}\n", DriftName(report.verdict));
  for (const std::string& reason : report.reasons) text += "  " + reason + "\n";
  if (report.options.look > 0) {
    text += fmt::format(
        "  look {} of this history: DRIFT by chance in at most {:.2g} % of such looks\n",
        report.options.look, 100 * report.options.level());
  }
  text += PeriodLine("then", report.reference) + PeriodLine("now", report.recent);
  if (report.corrected > 0) {
    text += fmt::format(
        "  {} corrections: production {:.2f}, baseline {:.2f} chrF ({:+.2f} [{:+.2f}, {:+.2f}])\n",
        report.corrected, report.production_chrf, report.baseline_chrf, report.correction.value,
        report.correction.low, report.correction.high);
  }
  for (const FaultComparison& fault : report.faults) {
    if (fault.only_baseline + fault.only_quantized == 0) continue;
    text += fmt::format("  {}: {} now, {} by the baseline on the same requests\n",
                        FaultName(fault.fault), fault.quantized.count, fault.baseline.count);
  }
  return text;
}

}  // namespace dragoman
