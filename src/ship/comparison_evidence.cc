#include "ship/comparison_evidence.h"

#include <utility>

#include "evaluate/fault_comparison.h"

namespace dragoman {
namespace {

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

Json ScoreRowJson(double baseline, double quantized, const Delta& change) {
  return Json{{"baseline", baseline},
              {"quantized", quantized},
              {"change", Json{{"points", change.points},
                              {"points_low", change.points_low},
                              {"points_high", change.points_high}}},
              {"shown", ChangeShown(change)}};
}

Json SegmentMetricsJson(const Comparison& comparison) {
  Json list = Json::array();
  for (const SegmentMetricComparison& metric : comparison.segment_metrics) {
    Json pairs = Json::array();
    for (const SegmentMetricPair& pair : metric.pairs) {
      pairs.push_back(ScoreRowJson(pair.baseline, pair.quantized, pair.delta));
      pairs.back()["pair"] = pair.pair;
    }
    list.push_back(
        Json{{"name", metric.name},
             {"higher_is_better", metric.higher_is_better},
             {"mean", ScoreRowJson(metric.baseline_mean, metric.quantized_mean, metric.mean)},
             {"pairs", std::move(pairs)}});
  }
  return list;
}

}  // namespace

Json ComparisonEvidence(const Comparison& comparison) {
  const GateOptions& gate = comparison.options;
  Json faults = Json::array();
  for (const FaultComparison& fault : comparison.faults) faults.push_back(Json(ToJson(fault)));
  Json evidence{
      {"decision", DecisionName(comparison.decision)},
      {"notes", comparison.notes},
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
      {"faults", std::move(faults)},
      {"pairs", PairsJson(comparison)}};
  if (!comparison.segment_metrics.empty())
    evidence["segment_metrics"] = SegmentMetricsJson(comparison);
  return evidence;
}

}  // namespace dragoman
