// Phase model: is the checkpoint whole, what is in it, does it translate, what does it take? (rows
// M2-M6)
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "base/process_stats.h"
#include "base/progress.h"
#include "formats/checkpoint.h"
#include "model/verify.h"
#include "ship/phase.h"
#include "ship/quick_translation.h"
#include "text/tokenizer.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

Result<PhaseInputs> ModelInputs(ShipRun& run) {
  PhaseInputs inputs = {{"device", run.options.device},
                        {"threads", std::to_string(run.options.threads)}};
  DRAGOMAN_RETURN_IF_ERROR(AddModelInputs(run, run.options.model_path, &inputs));
  return inputs;
}

Result<VerifyReport> VerifyWithProgress(const ShipRun& run) {
  std::optional<Progress> progress;
  return VerifyModel(run.options.model_path, run.options.threads,
                     [&](uint64_t done, uint64_t total) {
                       if (!progress) progress.emplace("verify", total, "bytes");
                       progress->Update(done);
                     });
}

Result<Json> LoadTokenizer(const std::string& model_path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const auto checkpoint, OpenCheckpoint(model_path));
  const Stopwatch watch;
  DRAGOMAN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::ForCheckpoint(*checkpoint));
  return Json{
      {"pieces", tokenizer->vocab_size()},
      {"load_seconds", watch.Seconds()},
      {"end_ids", std::vector<int32_t>(tokenizer->end_ids().begin(), tokenizer->end_ids().end())}};
}

Result<Json> ListFiles(const ShipRun& run, uint64_t* total_bytes) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                            ModelFiles(run.options.model_path));
  Json list = Json::array();
  for (const std::string& file : files) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string sha256, run.hashes->HashOf(file));
    DRAGOMAN_ASSIGN_OR_RETURN(const FileStamp stamp, StampOf(file));
    *total_bytes += stamp.bytes;
    list.push_back(Json{
        {"name", fs::path(file).filename().string()}, {"bytes", stamp.bytes}, {"sha256", sha256}});
  }
  return list;
}

Result<PhaseWork> ModelWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const VerifyReport report, VerifyWithProgress(run));
  DRAGOMAN_ASSIGN_OR_RETURN(Json tokenizer, LoadTokenizer(run.options.model_path));
  const std::string target =
      run.options.target_languages.empty() ? "es" : run.options.target_languages[0];
  DRAGOMAN_ASSIGN_OR_RETURN(
      const Json quick,
      QuickTranslation(run.options.model_path, run.options.device, run.options.threads, target));
  uint64_t bytes_on_disk = 0;
  DRAGOMAN_ASSIGN_OR_RETURN(Json files, ListFiles(run, &bytes_on_disk));

  PhaseWork work;
  Json& measured = work.measured;
  const ModelSummary& summary = report.summary;
  measured["path"] = run.options.model_path;
  measured["source"] = run.bundled_model ? "bundled" : "local";
  measured["inspect"] = Json(ToJson(summary));
  measured["container"] = summary.container;
  measured["parameters"] = summary.parameters;
  measured["tensor_bytes"] = summary.tensor_bytes;
  measured["text_bytes_16bit"] = summary.parameters * 2;
  measured["bytes_on_disk"] = bytes_on_disk;
  measured["files"] = std::move(files);
  measured["missing"] = summary.missing_companions;
  measured["verify"] = Json{{"scanned_bytes", report.scanned_bytes},
                            {"seconds", report.seconds},
                            {"gb_per_second", report.gb_per_second()}};
  measured["tokenizer"] = std::move(tokenizer);
  measured["quick_translation"] = quick;
  measured["memory_available_bytes"] = CurrentMachineMemory().available_bytes;
  work.summary = fmt::format("{} parameters, {} finite; \"{}\" -> \"{}\"", summary.parameters,
                             HumanBytes(report.scanned_bytes), quick["source"].get<std::string>(),
                             quick["text"].get<std::string>());
  return work;
}

}  // namespace

Phase ModelPhase() { return {"model", false, false, ModelInputs, ModelWork}; }

}  // namespace dragoman
