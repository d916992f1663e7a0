// comparison.json: schemas/comparison.schema.json.
#include <cmath>
#include <cstdint>

#include "evaluate/compare.h"
#include "evaluate/fault_comparison.h"
#include "evaluate/gate.h"
#include "evaluate/sample_size.h"

namespace dragoman {
namespace {

OrderedJson ToJson(const Delta& delta) {
  OrderedJson json;
  json["points"] = delta.points;
  json["points_interval"] = {delta.points_low, delta.points_high};
  json["percent"] = delta.percent;
  json["percent_interval"] = {delta.percent_low, delta.percent_high};
  json["percent_error"] = delta.percent_error;
  json["loss_skewness"] = delta.loss_skewness;
  json["heaviest_sentence_percent"] = delta.heaviest_percent;
  return json;
}

OrderedJson ToJson(const PairComparison& pair) {
  OrderedJson json;
  json["pair"] = pair.pair;
  json["samples"] = pair.samples;
  json["baseline"] = {{"bleu", pair.baseline_bleu}, {"chrf", pair.baseline_chrf}};
  json["quantized"] = {{"bleu", pair.quantized_bleu}, {"chrf", pair.quantized_chrf}};
  json["bleu_delta"] = ToJson(pair.bleu);
  json["chrf_delta"] = ToJson(pair.chrf);
  json["identical_share"] = pair.identical_share;
  json["differing_outputs"] = pair.differing;
  json["bleu_can_tell"] = pair.bleu_can_tell;
  json["bleu_needs_sentences"] = std::ceil(pair.bleu_needs);
  json["weak_for_this_model"] = pair.weak;
  return json;
}

// Percentages of a mean that is not above 0 mean nothing.
OrderedJson ChangeOf(const Delta& delta, double baseline) {
  OrderedJson json = ToJson(delta);
  for (const char* key : {"loss_skewness", "heaviest_sentence_percent"}) json.erase(key);
  if (baseline <= 0) {
    for (const char* key : {"percent", "percent_interval", "percent_error"}) json.erase(key);
  }
  json["shown"] = ChangeShown(delta);
  return json;
}

OrderedJson ToJson(const SegmentMetricComparison& metric) {
  OrderedJson json;
  json["name"] = metric.name;
  json["higher_is_better"] = metric.higher_is_better;
  json["samples"] = metric.samples;
  json["baseline_mean"] = metric.baseline_mean;
  json["quantized_mean"] = metric.quantized_mean;
  json["change"] = ChangeOf(metric.mean, metric.baseline_mean);
  json["language_pairs"] = OrderedJson::array();
  for (const SegmentMetricPair& pair : metric.pairs) {
    json["language_pairs"].push_back({{"pair", pair.pair},
                                      {"samples", pair.samples},
                                      {"baseline", pair.baseline},
                                      {"quantized", pair.quantized},
                                      {"change", ChangeOf(pair.delta, pair.baseline)}});
  }
  return json;
}

OrderedJson ToJson(const GateCheck& check) {
  OrderedJson json;
  json["name"] = check.name;
  json["verdict"] = DecisionName(check.verdict);
  json["shown"] = check.shown;
  json["basis"] = check.basis;
  json["limit_percent"] = check.limit_percent;
  json["delta"] = ToJson(check.delta);
  json["reason"] = check.reason;
  return json;
}

OrderedJson Summary(const BenchmarkResult& run) {
  OrderedJson json;
  json["path"] = run.model_path;
  json["sha256"] = run.model_sha256;
  json["bytes"] = run.model_bytes;
  json["device"] = run.device;
  json["tokens_per_second"] = run.tokens_per_second;
  json["latency_p50_ms"] = run.latency_p50_ms;
  json["peak_rss_bytes"] = run.peak_rss_bytes;
  return json;
}

OrderedJson Method(const GateOptions& options) {
  OrderedJson json;
  json["interval"] = "paired bootstrap over sentences, normal with its standard error";
  json["draws"] = options.bootstrap_draws;
  json["seed"] = options.seed;
  json["confidence"] = options.confidence;
  json["max_mean_loss_percent"] = options.max_mean_loss_percent;
  json["max_pair_loss_percent"] = options.max_pair_loss_percent;
  json["max_high_resource_loss_percent"] = options.max_high_resource_loss_percent;
  json["fallback_loss_percent"] = options.fallback_loss_percent;
  json["high_resource"] = options.high_resource;
  json["groups"] = OrderedJson::array();
  for (const MarginGroup& group : options.groups) {
    json["groups"].push_back({{"name", group.name},
                              {"languages", group.languages},
                              {"max_loss_percent", group.max_loss_percent},
                              {"max_pair_loss_percent", group.max_pair_loss_percent}});
  }
  for (const auto& [name, limit] : options.max_segment_loss_percent)
    json["max_segment_loss_percent"][name] = limit;
  json["correction"] = "Holm over the pairs";
  json["pairing_gain"] = kPairingGain;
  json["power"] = kPower;
  json["chrf_margin_share"] = kChrfMarginShare;
  json["fewest_sentences"] = kFewestSentences;
  return json;
}

}  // namespace

OrderedJson ToJson(const Comparison& comparison, const BenchmarkResult& baseline,
                   const BenchmarkResult& quantized) {
  OrderedJson json;
  json["schema"] = "dragoman.comparison/1";
  json["decision"] = DecisionName(comparison.decision);
  json["exit_code"] = ExitCodeOf(comparison.decision);
  OrderedJson overall;
  overall["mean_bleu_delta_percent"] = comparison.mean_bleu.percent;
  overall["acceptable"] = comparison.decision == Decision::kGo;
  overall["decision"] = DecisionName(comparison.decision);
  overall["samples"] = comparison.samples;
  overall["identical_share"] = comparison.identical_share;
  overall["baseline_mean_bleu"] = comparison.baseline_mean_bleu;
  overall["quantized_mean_bleu"] = comparison.quantized_mean_bleu;
  overall["bleu_delta"] = ToJson(comparison.mean_bleu);
  overall["baseline_mean_chrf"] = comparison.baseline_mean_chrf;
  overall["quantized_mean_chrf"] = comparison.quantized_mean_chrf;
  overall["mean_chrf_delta_percent"] = comparison.mean_chrf.percent;
  overall["chrf_delta"] = ToJson(comparison.mean_chrf);
  overall["mean_of_pair_bleu_deltas_percent"] = comparison.mean_of_pair_bleu_percents;
  if (baseline.model_bytes > 0 && quantized.model_bytes > 0) {
    overall["size_ratio"] =
        static_cast<double>(baseline.model_bytes) / static_cast<double>(quantized.model_bytes);
  }
  if (baseline.tokens_per_second > 0) {
    overall["speedup"] = quantized.tokens_per_second / baseline.tokens_per_second;
  }
  json["overall_comparison"] = overall;
  json["reasons"] = comparison.reasons;
  json["advice"] = comparison.advice;
  json["notes"] = comparison.notes;
  json["checks"] = OrderedJson::array();
  for (const auto& check : comparison.checks) json["checks"].push_back(ToJson(check));
  json["faults"] = OrderedJson::array();
  for (const auto& fault : comparison.faults) json["faults"].push_back(ToJson(fault));
  if (!comparison.segment_metrics.empty()) {
    json["segment_metrics"] = OrderedJson::array();
    for (const auto& metric : comparison.segment_metrics)
      json["segment_metrics"].push_back(ToJson(metric));
  }
  json["language_pairs"] = OrderedJson::array();
  for (const auto& pair : comparison.pairs) json["language_pairs"].push_back(ToJson(pair));
  json["baseline"] = Summary(baseline);
  json["quantized"] = Summary(quantized);
  json["suite_hash"] = baseline.suite_hash;
  json["method"] = Method(comparison.options);
  return json;
}

}  // namespace dragoman
