// Monitor: the log read, the baseline run on the same requests, the verdict.
#include "evaluate/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/model_path.h"
#include "base/atomic_file.h"
#include "base/json.h"
#include "dragoman/evaluator.h"
#include "evaluate/benchmark.h"

namespace dragoman::api {
namespace {

Result<std::vector<FeedbackRecord>> ReadLog(const std::string& path) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 30;
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
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

}  // namespace

Result<Report> Monitor(const MonitorOptions& options) {
  dragoman::MonitorOptions room;
  room.max_agreement_loss = options.max_agreement_loss;
  room.max_samples = options.max_samples;
  room.seed = options.seed;
  Rescored reference, recent;
  DRAGOMAN_ASSIGN_OR_RETURN(recent.records, ReadLog(options.log));
  if (options.reference.empty()) {
    SplitByTime(std::exchange(recent.records, {}), reference.records, recent.records);
  } else {
    DRAGOMAN_ASSIGN_OR_RETURN(reference.records, ReadLog(options.reference));
  }
  reference.chosen = ChooseRecords(reference.records, room);
  recent.chosen = ChooseRecords(recent.records, room);
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string model, ModelOrBundled(options.baseline));
  BenchmarkResult baseline;
  DRAGOMAN_ASSIGN_OR_RETURN(reference.baseline,
                            Translate(options, model, reference.chosen, "reference", baseline));
  DRAGOMAN_ASSIGN_OR_RETURN(recent.baseline,
                            Translate(options, model, recent.chosen, "recent", baseline));
  DRAGOMAN_ASSIGN_OR_RETURN(const MonitorReport report, JudgeDrift(reference, recent, room));
  OrderedJson json;
  json["schema"] = "dragoman.monitor/1";
  json["baseline"] = {{"path", model}, {"sha256", baseline.model_sha256}};
  json["log"] = options.log;
  json["reference_log"] = options.reference;
  const OrderedJson body = ToJson(report);
  for (const auto& item : body.items()) json[item.key()] = item.value();
  if (!options.output.empty()) DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(options.output, json));
  return Report{DumpJson(json), Describe(report), ExitCodeOf(report.verdict)};
}

}  // namespace dragoman::api
