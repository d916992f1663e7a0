// The results file of a benchmark run: schemas/benchmark_results.schema.json.
#include <fmt/format.h>

#include <cmath>

#include "evaluate/benchmark.h"
#include "evaluate/metrics/chrf.h"
#include "evaluate/predictions_file.h"

namespace dragoman {
namespace {

constexpr const char* kSchema = "dragoman.benchmark_results/1";
constexpr size_t kMaxPredictions = 4'000'000;

OrderedJson ToJson(const PairScore& pair) {
  OrderedJson json;
  json["pair"] = pair.pair;
  json["samples"] = pair.samples;
  json["bleu"] = pair.bleu;
  json["bleu_signature"] = pair.bleu_signature;
  json["chrf"] = pair.chrf;
  json["chrf_pp"] = pair.chrf_pp;
  OrderedJson checks;
  checks["checked"] = pair.checked;
  checks["empty_rate"] = pair.empty_rate;
  checks["runaway_rate"] = pair.runaway_rate;
  checks["copy_rate"] = pair.copy_rate;
  checks["wrong_script_rate"] = pair.wrong_script_rate;
  checks["repetition_rate"] = pair.repetition_rate;
  checks["kept_items"] = pair.kept_items;
  checks["kept_rate"] = pair.kept_rate;
  checks["faults"] = OrderedJson::object();
  for (const FaultRate& fault : pair.faults) checks["faults"][fault.fault] = ToJson(fault.rate);
  json["checks"] = checks;
  return json;
}

// A member of a nested object, or an error that names it.
Result<Json> Member(const Json& json, const char* outer, const char* inner,
                    const std::string& where) {
  const auto object = json.find(outer);
  if (object != json.end() && object->is_object()) {
    const auto member = object->find(inner);
    if (member != object->end()) return *member;
  }
  return Fail(ErrorCode::kCorruptFile, fmt::format("expected a member \"{}.{}\"", outer, inner),
              where);
}

Result<double> NumberMember(const Json& json, const char* outer, const char* inner,
                            const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json value, Member(json, outer, inner, where));
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected a number in \"{}.{}\"", outer, inner), where);
  }
  return value.get<double>();
}

Result<std::string> TextMember(const Json& json, const char* outer, const char* inner,
                               const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json value, Member(json, outer, inner, where));
  if (!value.is_string()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected a string in \"{}.{}\"", outer, inner), where);
  }
  return value.get<std::string>();
}

Result<uint64_t> BytesMember(const Json& json, const char* outer, const char* inner,
                             const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const double value, NumberMember(json, outer, inner, where));
  if (value < 0 || value > 1e18) {
    return Fail(ErrorCode::kCorruptFile, fmt::format("\"{}.{}\" is out of range", outer, inner),
                where);
  }
  return static_cast<uint64_t>(value);
}

}  // namespace

OrderedJson ToJson(const BenchmarkResult& result) {
  OrderedJson json;
  json["schema"] = kSchema;
  json["program"] = DRAGOMAN_VERSION;
  json["model"] = {
      {"path", result.model_path}, {"sha256", result.model_sha256}, {"bytes", result.model_bytes}};
  int64_t scored = 0;
  for (const auto& pair : result.pairs) scored += pair.samples;
  json["suite"] = {{"hash", result.suite_hash},
                   {"samples", result.predictions.size()},
                   {"scored_samples", scored},
                   {"edge_cases", static_cast<int64_t>(result.predictions.size()) - scored}};
  json["overall"] = {{"mean_bleu", result.mean_bleu},
                     {"mean_chrf", result.mean_chrf},
                     {"chrf_signature", ChrfSignature({})},
                     {"chrf_pp_signature", ChrfSignature({.word_order = 2})}};
  json["language_pairs"] = OrderedJson::array();
  for (const auto& pair : result.pairs) json["language_pairs"].push_back(ToJson(pair));
  json["performance"] = {{"device", result.device},
                         {"activations", result.activations},
                         {"load_seconds", result.load_seconds},
                         {"seconds", result.seconds},
                         {"latency_p50_ms", result.latency_p50_ms},
                         {"latency_p90_ms", result.latency_p90_ms},
                         {"latency_p99_ms", result.latency_p99_ms},
                         {"first_token_p50_ms", result.first_token_p50_ms},
                         {"first_token_p90_ms", result.first_token_p90_ms},
                         {"first_token_p99_ms", result.first_token_p99_ms},
                         {"tokens_per_second", result.tokens_per_second},
                         {"sentences_per_second", result.sentences_per_second},
                         {"peak_rss_bytes", result.peak_rss_bytes},
                         {"processes", result.processes}};
  if (result.speculation.steps > 0) json["performance"]["speculation"] = ToJson(result.speculation);
  json["predictions"] = OrderedJson::array();
  for (const auto& prediction : result.predictions)
    json["predictions"].push_back(ToJson(prediction));
  return json;
}

// Scores are computed again from the predictions, so that a file edited by hand cannot disagree
// with itself.
Result<BenchmarkResult> ReadBenchmarkResult(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path, uint64_t{4} << 30));
  if (!json.is_object() || json.value("schema", Json()) != kSchema) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected a JSON object with schema \"{}\"", kSchema), path);
  }
  BenchmarkResult result;
  DRAGOMAN_ASSIGN_OR_RETURN(result.model_path, TextMember(json, "model", "path", path));
  DRAGOMAN_ASSIGN_OR_RETURN(result.model_sha256, TextMember(json, "model", "sha256", path));
  DRAGOMAN_ASSIGN_OR_RETURN(result.model_bytes, BytesMember(json, "model", "bytes", path));
  DRAGOMAN_ASSIGN_OR_RETURN(result.suite_hash, TextMember(json, "suite", "hash", path));
  DRAGOMAN_ASSIGN_OR_RETURN(result.device, TextMember(json, "performance", "device", path));
  if (json["performance"].contains("activations")) {
    DRAGOMAN_ASSIGN_OR_RETURN(result.activations,
                              TextMember(json, "performance", "activations", path));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(result.load_seconds,
                            NumberMember(json, "performance", "load_seconds", path));
  DRAGOMAN_ASSIGN_OR_RETURN(result.peak_rss_bytes,
                            BytesMember(json, "performance", "peak_rss_bytes", path));
  const auto predictions = json.find("predictions");
  if (predictions == json.end() || !predictions->is_array() ||
      predictions->size() > kMaxPredictions) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected a list \"predictions\" of at most {}", kMaxPredictions),
                path);
  }
  for (size_t i = 0; i < predictions->size(); ++i) {
    DRAGOMAN_ASSIGN_OR_RETURN(
        Prediction prediction,
        ParsePrediction((*predictions)[i], fmt::format("{}: prediction {}", path, i)));
    result.predictions.push_back(std::move(prediction));
  }
  ScorePredictions(result);
  return result;
}

}  // namespace dragoman
