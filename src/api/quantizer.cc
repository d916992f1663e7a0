#include "dragoman/quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "api/calibration_request.h"
#include "api/model_path.h"
#include "api/vocabulary_request.h"
#include "base/json.h"
#include "base/progress.h"
#include "quantize/budget_plan.h"
#include "quantize/importance.h"
#include "quantize/quantize.h"

namespace dragoman::api {
namespace {

Result<ImportanceMatrix> Collect(const std::string& model, const CalibrationText& text,
                                 int64_t targets_per_sentence, const Machine& machine) {
  DRAGOMAN_ASSIGN_OR_RETURN(const OpenCalibration calibration,
                            OpenCalibrationOf(model, text, targets_per_sentence, machine));
  Progress progress("calibrate", calibration.set.requests.size(), "sentences");
  DRAGOMAN_ASSIGN_OR_RETURN(ImportanceMatrix matrix,
                            CollectImportance(*calibration.translator, calibration.set.requests,
                                              [&](size_t done, size_t) { progress.Update(done); }));
  matrix.datasets = {calibration.set.name};
  return matrix;
}

Report PlanReport(const QuantizePlan& plan) {
  std::string text =
      fmt::format("{}: {} tensors, {:.3f} bits per weight, file of {} bytes ({:.3f} GB)\n",
                  plan.recipe, plan.tensors.size(), plan.bits_per_weight, plan.file_bytes,
                  static_cast<double>(plan.file_bytes) / 1e9);
  if (plan.predicted_kl) {
    text +=
        fmt::format("predicted KL divergence {:.4f} nats a token, by tensor in the last column\n",
                    *plan.predicted_kl);
  }
  for (const auto& tensor : plan.tensors) {
    text += fmt::format("  {:<36} {:<6} {:>13}{}\n", tensor.name, TraitsOf(tensor.type).name,
                        tensor.size_bytes,
                        tensor.predicted_kl ? fmt::format("  {:.5f}", *tensor.predicted_kl) : "");
  }
  if (plan.vocabulary) text += DescribeVocabulary(*plan.vocabulary);
  return {DumpJson(ToJson(plan)), std::move(text), 0};
}

Report DoneReport(const QuantizeReport& report) {
  std::string text = fmt::format(
      "wrote {} ({} bytes, {:.3f} GB, {:.3f} bits per weight) in {:.1f} s\n", report.output_path,
      report.plan.file_bytes, static_cast<double>(report.plan.file_bytes) / 1e9,
      report.plan.bits_per_weight, report.seconds);
  if (report.plan.vocabulary) text += DescribeVocabulary(*report.plan.vocabulary);
  return {DumpJson(ToJson(report)), std::move(text), 0};
}

// What `quantize` is to write, once defaults are filled in: under a size limit and without a type,
// types are chosen per tensor and rounded by error feedback.
struct QuantizeJob {
  std::string model;
  std::optional<VocabularyOptions> vocabulary;  // to trim to
  const VocabularyOptions* trim() const { return vocabulary ? &*vocabulary : nullptr; }
  bool choose_types = false;
  bool feedback = false;
  std::optional<uint64_t> max_file_bytes;
  Recipe recipe;  // unless the types are still to be chosen
};

// File bytes that so many bits per weight allow.
Result<uint64_t> BytesOfBitsPerWeight(const QuantizeJob& job, double bits) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Recipe any, FindRecipe("q8_0"));
  DRAGOMAN_ASSIGN_OR_RETURN(const QuantizePlan plan, PlanQuantization(job.model, any, job.trim()));
  double weights = 0;
  for (const auto& tensor : plan.tensors) {
    double elems = 1;
    for (const uint64_t side : tensor.shape) elems *= static_cast<double>(side);
    weights += elems;
  }
  return static_cast<uint64_t>(std::floor(bits * weights / 8 + 1e-6));
}

bool ChoosesText(const CalibrationText& text) {
  const CalibrationText usual;
  return text.sources != usual.sources || text.from != usual.from ||
         text.languages != usual.languages || text.max_sentences != usual.max_sentences;
}

Result<QuantizeJob> PlanJob(const QuantizeOptions& options) {
  QuantizeJob job;
  DRAGOMAN_ASSIGN_OR_RETURN(job.model, ModelOrBundled(options.model));
  DRAGOMAN_ASSIGN_OR_RETURN(job.vocabulary,
                            ReadVocabularyRequest(options.languages, options.corpus));
  job.max_file_bytes = options.max_size_bytes;
  if (options.max_bits_per_weight) {
    DRAGOMAN_ASSIGN_OR_RETURN(job.max_file_bytes,
                              BytesOfBitsPerWeight(job, *options.max_bits_per_weight));
  }
  job.choose_types = job.max_file_bytes && options.type.empty() && options.plan.empty();
  job.feedback = options.method == "gptq" || (options.method.empty() && job.choose_types);
  if (job.choose_types && !job.feedback) {
    return Fail(ErrorCode::kInvalidArgument,
                "choosing types under --max-size needs second moments: expected --method gptq or a "
                "--type, found --method " +
                    options.method);
  }
  if (job.feedback && !options.importance.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "an importance matrix has no second moments: expected --imatrix or --method gptq, "
                "found both");
  }
  if (ChoosesText(options.text) && !job.feedback && !options.calibrate) {
    return Fail(ErrorCode::kInvalidArgument,
                "calibration text is given, but nothing calibrates: expected --method gptq or "
                "--calibrate with --sources, --from, --to and --max-sentences");
  }
  if (job.choose_types) return job;
  DRAGOMAN_ASSIGN_OR_RETURN(job.recipe, FindRecipe(options.type.empty() ? "q4_k_m" : options.type));
  job.recipe.calibrated = options.calibrate || job.feedback || !options.importance.empty();
  if (!options.plan.empty()) {
    DRAGOMAN_RETURN_IF_ERROR(AddOverridesFromPlan(options.plan, job.recipe));
  }
  return job;
}

// The languages of the job: those asked for, else those a trimmed vocabulary keeps, else the ten.
CalibrationText TextOf(const QuantizeJob& job, const QuantizeOptions& options) {
  CalibrationText text = options.text;
  if (job.vocabulary && text.languages.empty()) {
    text.languages = CalibrationTargets(job.vocabulary->languages, text.from);
  }
  return text;
}

Result<QuantizePlan> ChooseTypesFor(QuantizeJob& job, FeedbackCalibration& calibration,
                                    int threads) {
  BudgetOptions budget;
  budget.max_file_bytes = *job.max_file_bytes;
  budget.vocabulary = job.trim();
  budget.store = calibration.store();
  budget.model = &calibration.model();
  budget.batches = calibration.batches();
  budget.threads = threads;
  std::optional<Progress> progress;
  budget.progress = [&](size_t done, size_t total, const std::string& tensor) {
    if (!progress) progress.emplace("choose types", total, "tensors");
    progress->Update(done, tensor);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(BudgetPlan plan,
                            PlanWithinBudget(job.model, calibration.moments(), budget));
  job.recipe = std::move(plan.recipe);
  return std::move(plan.plan);
}

}  // namespace

Result<Report> Calibrate(const CalibrateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string model, ModelOrBundled(options.model));
  DRAGOMAN_ASSIGN_OR_RETURN(
      const ImportanceMatrix matrix,
      Collect(model, options.text, options.targets_per_sentence, options.machine));
  DRAGOMAN_RETURN_IF_ERROR(WriteImatrix(options.output, matrix));
  uint64_t tokens = 0;
  for (const auto& [name, entry] : matrix.entries) tokens = std::max(tokens, entry.tokens);
  OrderedJson json;
  json["schema"] = "dragoman.calibration/1";
  json["output"] = options.output;
  json["entries"] = matrix.entries.size();
  json["tokens"] = tokens;
  json["hash"] = matrix.hash;
  return Report{DumpJson(json),
                fmt::format("wrote {}: {} tensors, {} tokens\n", options.output,
                            matrix.entries.size(), tokens),
                0};
}

Result<Report> Quantize(const QuantizeOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(QuantizeJob job, PlanJob(options));
  if (!options.plan_only && options.output.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "an output file is needed (-o OUT.gguf), or --plan");
  }
  if (options.plan_only && !job.choose_types) {
    DRAGOMAN_ASSIGN_OR_RETURN(const QuantizePlan plan,
                              PlanQuantization(job.model, job.recipe, job.trim()));
    if (job.max_file_bytes && plan.file_bytes > *job.max_file_bytes) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} needs {} bytes, --max-size allows {}", job.recipe.name,
                              plan.file_bytes, *job.max_file_bytes),
                  job.model);
    }
    return PlanReport(plan);
  }
  std::optional<ImportanceMatrix> importance;
  std::unique_ptr<FeedbackCalibration> feedback;
  if (job.feedback) {
    DRAGOMAN_ASSIGN_OR_RETURN(feedback,
                              MeasureFeedback({job.model, TextOf(job, options), options.sequential,
                                               options.cache_folder, options.machine}));
  } else if (!options.importance.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(importance, ReadImatrix(options.importance));
  } else if (options.calibrate) {
    DRAGOMAN_ASSIGN_OR_RETURN(importance,
                              Collect(job.model, TextOf(job, options), 1, options.machine));
  }
  std::optional<QuantizePlan> chosen;
  if (job.choose_types) {
    DRAGOMAN_ASSIGN_OR_RETURN(chosen, ChooseTypesFor(job, *feedback, options.machine.threads));
    if (options.plan_only) return PlanReport(*chosen);
  }
  dragoman::QuantizeOptions room;
  room.recipe = job.recipe;
  room.importance = importance ? &*importance : nullptr;
  if (feedback) {
    room.moments = &feedback->moments();
    room.moments_key = feedback->key();
    room.moments_dataset = feedback->dataset();
  }
  room.vocabulary = job.trim();
  room.threads = options.machine.threads;
  room.max_size_bytes = job.max_file_bytes;
  std::optional<Progress> progress;
  room.progress = [&](uint64_t done, uint64_t total, const std::string& tensor) {
    if (!progress)
      progress.emplace(job.choose_types ? "quantize" : job.recipe.name, total, "bytes");
    progress->Update(done, tensor);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(QuantizeReport report,
                            dragoman::Quantize(job.model, options.output, room));
  if (chosen) CopyPredictions(*chosen, report.plan);
  if (progress) progress->Finish();
  Report done = DoneReport(report);
  DRAGOMAN_RETURN_IF_ERROR(
      WriteJsonFile(options.output + ".quantization_metadata.json", dragoman::ToJson(report)));
  return done;
}

Result<uint64_t> ParseSize(const std::string& text) {
  const char* begin = text.c_str();
  char* end = nullptr;
  const double number = std::strtod(begin, &end);
  std::string unit(end);
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  const double scale = unit.empty() || unit == "b" ? 1
                       : unit == "kb"              ? 1e3
                       : unit == "mb"              ? 1e6
                       : unit == "gb"              ? 1e9
                       : unit == "mib"             ? 1048576.0
                       : unit == "gib"             ? 1073741824.0
                                                   : 0;
  const double bytes = number * scale;
  const bool digit_first =
      std::isdigit(static_cast<unsigned char>(text.empty() ? 'x' : text[0])) != 0;
  if (!digit_first || end == begin || scale == 0 || !(bytes >= 1 && bytes < 9e18)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "expected a size such as 2.0GB, 1900MB, 1.5GiB or 2000000000, found \"" + text + "\"");
  }
  return static_cast<uint64_t>(std::floor(bytes + 1e-6));
}

Result<SizeLimit> ParseSizeLimit(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit(end);
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  SizeLimit limit;
  if (unit == "bpw" && number > 0 && number <= 32) {
    limit.bits_per_weight = number;
    return limit;
  }
  DRAGOMAN_ASSIGN_OR_RETURN(limit.bytes, ParseSize(text));
  return limit;
}

std::string DescribeRecipes() {
  std::string text;
  for (const auto& recipe : AllRecipes()) {
    std::string name = recipe.name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    text += fmt::format("  {:<8} {}\n", name, recipe.description);
  }
  return text;
}

}  // namespace dragoman::api
