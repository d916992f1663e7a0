// Phase quantize: the build of the current rung, loaded and tried before the phase says done (rows
// Q2, Q3, Q7, Q8).
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "base/progress.h"
#include "formats/gguf.h"
#include "model/verify.h"
#include "quantize/quantize.h"
#include "ship/phase.h"
#include "ship/quick_translation.h"

namespace dragoman {
namespace {

constexpr size_t kWorstTensors = 10;

Result<PhaseInputs> QuantizeInputs(ShipRun& run) {
  PhaseInputs inputs = {{"recipe", run.recipe.name},
                        {"max_build_bytes", std::to_string(run.options.max_build_bytes)},
                        {"device", run.options.device}};
  DRAGOMAN_RETURN_IF_ERROR(AddModelInputs(run, run.options.model_path, &inputs));
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "importance", run.ImportancePath(), &inputs));
  return inputs;
}

std::string EquivalentCommand(const ShipRun& run) {
  return fmt::format("dragoman quantize {} -o {} --type {} --importance {}", run.options.model_path,
                     run.BuildPath(), run.Rung(), run.ImportancePath());
}

Result<QuantizeReport> Round(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const ImportanceMatrix importance, ReadImatrix(run.ImportancePath()));
  QuantizeOptions options;
  options.recipe = run.recipe;
  options.importance = &importance;
  options.threads = run.options.threads;
  std::optional<Progress> progress;
  options.progress = [&](uint64_t done, uint64_t total, const std::string& tensor) {
    if (!progress) progress.emplace("quantize " + run.recipe.name, total, "bytes");
    progress->Update(done, tensor);
  };
  return Quantize(run.options.model_path, run.BuildPath(), options);
}

// The tensors that lost most, for the report.
Json WorstTensors(const QuantizeReport& report) {
  std::vector<QuantizedTensorReport> tensors = report.tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.relative_rmse > b.relative_rmse; });
  tensors.resize(std::min(tensors.size(), kWorstTensors));
  Json list = Json::array();
  for (const auto& tensor : tensors) {
    list.push_back(Json{{"name", tensor.name},
                        {"type", TraitsOf(tensor.type).name},
                        {"relative_rmse", tensor.relative_rmse},
                        {"mean_squared_error", tensor.mean_squared_error}});
  }
  return list;
}

// Which of the checkpoint's companion files live on as metadata of the GGUF.
Result<Json> EmbeddedParts(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile gguf, GgufFile::Open(path));
  const std::string* architecture = gguf.FindString("general.architecture");
  const auto* pieces = gguf.FindStrings("tokenizer.ggml.tokens");
  const auto end_id = gguf.FindUnsigned("tokenizer.ggml.eos_token_id");
  return Json{
      {"config", architecture == nullptr ? "" : "general.architecture = " + *architecture},
      {"tokenizer",
       pieces == nullptr ? "" : fmt::format("{} pieces in tokenizer.ggml.tokens", pieces->size())},
      {"generation_config",
       end_id ? fmt::format("end token {} in tokenizer.ggml.eos_token_id", *end_id) : ""}};
}

Result<PhaseWork> QuantizeWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const QuantizeReport report, Round(run));
  const std::string metadata_path = run.BuildPath() + ".quantization_metadata.json";
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(metadata_path, ToJson(report)));
  DRAGOMAN_ASSIGN_OR_RETURN(const VerifyReport verified,
                            VerifyModel(run.BuildPath(), run.options.threads));
  DRAGOMAN_ASSIGN_OR_RETURN(const Json embedded, EmbeddedParts(run.BuildPath()));
  const std::string target =
      run.options.target_languages.empty() ? "es" : run.options.target_languages[0];
  DRAGOMAN_ASSIGN_OR_RETURN(const Json quick, QuickTranslation(run.BuildPath(), run.options.device,
                                                               run.options.threads, target));
  DRAGOMAN_ASSIGN_OR_RETURN(const FileStamp stamp, StampOf(run.BuildPath()));

  const uint64_t wide = run.Measured("model").value("text_bytes_16bit", uint64_t{0});
  const double ratio =
      stamp.bytes > 0 ? static_cast<double>(wide) / static_cast<double>(stamp.bytes) : 0;
  const bool fits = stamp.bytes <= run.options.max_build_bytes;
  if (!fits)
    LogWarning("the build has {} bytes, the budget is {}", stamp.bytes,
               run.options.max_build_bytes);

  PhaseWork work;
  work.measured = Json{{"recipe", run.recipe.name},
                       {"method", "importance-weighted rounding to " + run.recipe.name},
                       {"device", "cpu"},
                       {"command", EquivalentCommand(run)},
                       {"path", run.workspace->Relative(run.BuildPath())},
                       {"metadata_path", run.workspace->Relative(metadata_path)},
                       {"bytes", stamp.bytes},
                       {"max_bytes", run.options.max_build_bytes},
                       {"fits", fits},
                       {"ratio", ratio},
                       {"bits_per_weight", report.plan.bits_per_weight},
                       {"sha256", report.output_sha256},
                       {"seconds", report.seconds},
                       {"peak_anonymous_bytes", report.peak_anonymous_bytes},
                       {"verified_bytes", verified.scanned_bytes},
                       {"tensors", report.tensors.size()},
                       {"worst_tensors", WorstTensors(report)},
                       {"embedded", embedded},
                       {"quick_translation", quick}};
  work.outputs = {run.BuildPath(), metadata_path};
  work.summary = fmt::format("{}: {}, {:.2f} bits a weight, {:.2f}x smaller than 16 bits; \"{}\"",
                             run.recipe.name, HumanBytes(stamp.bytes), report.plan.bits_per_weight,
                             ratio, quick["text"].get<std::string>());
  return work;
}

}  // namespace

Phase QuantizePhase() { return {"quantize", false, true, QuantizeInputs, QuantizeWork}; }

}  // namespace dragoman
