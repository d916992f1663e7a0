// Monitor: the log read, the baseline run on the same requests, the verdict.
#include "evaluate/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "api/model_path.h"
#include "base/atomic_file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "dragoman/evaluator.h"
#include "evaluate/benchmark.h"
#include "evaluate/look_history.h"

namespace dragoman::api {
namespace {

// `evidence` takes in what was read.
Result<std::vector<FeedbackRecord>> ReadLog(const std::string& path, Sha256& evidence) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 30;
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  evidence.Update(Sha256Hex(text));
  DRAGOMAN_ASSIGN_OR_RETURN(std::vector<FeedbackRecord> records, ParseFeedback(text, path));
  if (records.empty())
    return Fail(ErrorCode::kInvalidArgument, "expected records of requests, found none", path);
  return records;
}

// The baseline's translations of what was chosen, kept so that a second run has them.
Result<std::vector<Prediction>> Translate(const MonitorOptions& options, const std::string& model,
                                          const std::vector<FeedbackRecord>& chosen,
                                          const std::string& name, BenchmarkResult& baseline) {
  dragoman::BenchmarkOptions room;
  room.device = options.machine.device;
  room.threads = options.machine.threads;
  room.max_batch = options.max_batch;
  room.float32_activations = false;  // as production translates
  if (!options.output.empty())
    room.predictions_path = fmt::format("{}.{}.predictions.jsonl", options.output, name);
  if (chosen.empty()) return std::vector<Prediction>();
  DRAGOMAN_ASSIGN_OR_RETURN(baseline, RunBenchmark(model, SuiteOf(chosen, name), room));
  return std::move(baseline.predictions);
}

Result<std::vector<Look>> ReadHistory(const std::string& path) {
  std::error_code failure;
  const bool there = std::filesystem::exists(path, failure);
  if (failure) {
    constexpr size_t kShown = 200;  // of a name that may be too long for any file
    return Fail(ErrorCode::kIo,
                fmt::format("expected a file of looks or none, found {}", failure.message()),
                path.size() <= kShown ? path : path.substr(0, kShown) + "...");
  }
  if (!there) return std::vector<Look>();
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseLooks(text, path);
}

// Written only where the look is a new one.
Result<void> KeepLook(const std::string& path, std::vector<Look> looks, const MonitorReport& report,
                      const std::string& evidence) {
  if (report.options.look <= static_cast<int64_t>(looks.size())) return {};
  looks.push_back({evidence, DriftName(report.verdict)});
  return WriteFileAtomically(path, FormatLooks(looks));
}

}  // namespace

Result<Report> Monitor(const MonitorOptions& options) {
  dragoman::MonitorOptions room;
  room.max_agreement_loss = options.max_agreement_loss;
  room.max_samples = options.max_samples;
  room.seed = options.seed;
  DRAGOMAN_RETURN_IF_ERROR(CheckAgreementLimit(room));
  Sha256 evidence_hash;
  std::vector<Look> looks;
  if (!options.history.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(looks, ReadHistory(options.history));
  }
  Rescored reference, recent;
  DRAGOMAN_ASSIGN_OR_RETURN(recent.records, ReadLog(options.log, evidence_hash));
  if (options.reference.empty()) {
    SplitByTime(std::exchange(recent.records, {}), reference.records, recent.records);
  } else {
    DRAGOMAN_ASSIGN_OR_RETURN(reference.records, ReadLog(options.reference, evidence_hash));
  }
  reference.chosen = ChooseRecords(reference.records, room);
  recent.chosen = ChooseRecords(recent.records, room);
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string model, ModelOrBundled(options.baseline));
  BenchmarkResult baseline;
  DRAGOMAN_ASSIGN_OR_RETURN(reference.baseline,
                            Translate(options, model, reference.chosen, "reference", baseline));
  DRAGOMAN_ASSIGN_OR_RETURN(recent.baseline,
                            Translate(options, model, recent.chosen, "recent", baseline));
  evidence_hash.Update(fmt::format("{} {} {} {}", baseline.model_sha256, room.max_agreement_loss,
                                   room.max_samples, room.seed));
  const std::string evidence = evidence_hash.HexDigest();
  if (!options.history.empty()) room.look = NumberOfLook(looks, evidence);
  DRAGOMAN_ASSIGN_OR_RETURN(const MonitorReport report, JudgeDrift(reference, recent, room));
  OrderedJson json;
  json["schema"] = "dragoman.monitor/1";
  json["baseline"] = {{"path", model}, {"sha256", baseline.model_sha256}};
  json["log"] = options.log;
  json["reference_log"] = options.reference;
  const OrderedJson body = ToJson(report);
  for (const auto& item : body.items()) json[item.key()] = item.value();
  if (!options.output.empty()) DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(options.output, json));
  if (!options.history.empty()) {
    DRAGOMAN_RETURN_IF_ERROR(KeepLook(options.history, std::move(looks), report, evidence));
  }
  return Report{DumpJson(json), Describe(report), ExitCodeOf(report.verdict)};
}

}  // namespace dragoman::api
