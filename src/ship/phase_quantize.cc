// Phase quantize: the build of the current rung, loaded and tried before the phase says done (rows
// Q2, Q3, Q7, Q8).
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/progress.h"
#include "formats/gguf.h"
#include "model/verify.h"
#include "quantize/budget_plan.h"
#include "quantize/calibration_set.h"
#include "quantize/feedback_calibration.h"
#include "quantize/quantize.h"
#include "ship/phase.h"
#include "ship/quick_translation.h"

namespace dragoman {
namespace {

constexpr size_t kWorstTensors = 10;

Result<PhaseInputs> QuantizeInputs(ShipRun& run) {
  PhaseInputs inputs = {{"recipe", run.recipe.name},
                        {"refined", run.refined ? "yes" : "no"},
                        {"max_build_bytes", std::to_string(run.options.max_build_bytes)},
                        {"device", run.options.device}};
  DRAGOMAN_RETURN_IF_ERROR(AddModelInputs(run, run.options.model_path, &inputs));
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "importance", run.ImportancePath(), &inputs));
  return inputs;
}

std::string EquivalentCommand(const ShipRun& run, const QuantizeReport& report) {
  const std::string command =
      fmt::format("dragoman quantize {} -o {}", run.options.model_path, run.BuildPath());
  if (run.refined) {
    return fmt::format("{} --max-size {}", command, report.plan.file_bytes);
  }
  return fmt::format("{} --type {} --imatrix {}", command, run.recipe.name, run.ImportancePath());
}

// On a refined rung: a type for every tensor within the bytes that the rung's recipe would take,
// rounded by error feedback.
struct FeedbackJob {
  std::unique_ptr<FeedbackCalibration> calibration;
  QuantizePlan plan;
  Recipe recipe;
  uint64_t budget_bytes = 0;
};

Result<FeedbackJob> PrepareFeedback(const ShipRun& run) {
  FeedbackJob job;
  CalibrationOptions text;
  text.target_languages = run.options.target_languages;
  text.max_sentences = run.options.calibration_sentences;
  text.targets_per_sentence = kFeedbackTargets;
  DRAGOMAN_ASSIGN_OR_RETURN(const CalibrationSet set, LoadCalibrationSet(text));
  std::optional<Progress> progress;
  std::string current;
  const auto show = [&](const std::string& step, size_t done, size_t total) {
    if (step != current) progress.emplace(current = step, total, "steps");
    progress->Update(done);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(auto translator,
                            Translator::Open(run.options.model_path, run.options.device,
                                             run.options.threads, {.float32_activations = true}));
  FeedbackCalibrationOptions calibrate;
  calibrate.progress = show;
  calibrate.cache_folder = run.workspace->Path("cache");
  DRAGOMAN_ASSIGN_OR_RETURN(job.calibration,
                            FeedbackCalibration::Measure(std::move(translator), set, calibrate));
  DRAGOMAN_ASSIGN_OR_RETURN(const QuantizePlan stock,
                            PlanQuantization(run.options.model_path, run.recipe));
  BudgetOptions budget;
  budget.max_file_bytes = job.budget_bytes =
      std::min(stock.file_bytes, run.options.max_build_bytes);
  budget.store = job.calibration->store();
  budget.model = &job.calibration->model();
  budget.batches = job.calibration->batches();
  budget.threads = run.options.threads;
  budget.progress = [&](size_t done, size_t total, const std::string&) {
    show("choose types", done, total);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(BudgetPlan plan, PlanWithinBudget(run.options.model_path,
                                                              job.calibration->moments(), budget));
  job.recipe = std::move(plan.recipe);
  job.plan = std::move(plan.plan);
  return job;
}

Result<QuantizeReport> Round(ShipRun& run) {
  QuantizeOptions options;
  ImportanceMatrix importance;
  FeedbackJob feedback;
  if (run.refined) {
    DRAGOMAN_ASSIGN_OR_RETURN(feedback, PrepareFeedback(run));
    options.recipe = feedback.recipe;
    options.moments = &feedback.calibration->moments();
    options.moments_key = feedback.calibration->key();
    options.moments_dataset = feedback.calibration->dataset();
    options.max_size_bytes = feedback.budget_bytes;
  } else {
    DRAGOMAN_ASSIGN_OR_RETURN(importance, ReadImatrix(run.ImportancePath()));
    options.recipe = run.recipe;
    options.importance = &importance;
  }
  options.threads = run.options.threads;
  std::optional<Progress> progress;
  options.progress = [&](uint64_t done, uint64_t total, const std::string& tensor) {
    if (!progress) progress.emplace("quantize " + run.recipe.name, total, "bytes");
    progress->Update(done, tensor);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(QuantizeReport report,
                            Quantize(run.options.model_path, run.BuildPath(), options));
  if (run.refined) CopyPredictions(feedback.plan, report.plan);
  return report;
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
  work.measured = Json{
      {"recipe", run.recipe.name},
      {"method", report.method + " to " + (run.refined ? "types chosen within the size of " : "") +
                     run.recipe.name},
      {"device", "cpu"},
      {"command", EquivalentCommand(run, report)},
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
                             run.RungLabel(), HumanBytes(stamp.bytes), report.plan.bits_per_weight,
                             ratio, quick["text"].get<std::string>());
  return work;
}

}  // namespace

Phase QuantizePhase() { return {"quantize", false, true, QuantizeInputs, QuantizeWork}; }

}  // namespace dragoman
