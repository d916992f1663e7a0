#include "dragoman/quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "api/model_path.h"
#include "api/vocabulary_request.h"
#include "base/json.h"
#include "base/progress.h"
#include "quantize/calibration_set.h"
#include "quantize/hessian.h"
#include "quantize/importance.h"
#include "quantize/quantize.h"
#include "translate/translator.h"

namespace dragoman::api {
namespace {

// Where a trimmed model is to be good: its languages, but for the one of the calibration texts.
// Empty (the ten of the set) when no other is left.
std::vector<std::string> CalibrationTargets(const std::vector<Language>& kept,
                                            const std::string& from) {
  std::vector<std::string> targets;
  for (const Language& language : kept) {
    if (language.code != from) targets.push_back(language.code);
  }
  return targets;
}

// The calibration set and a translator of the model, together with what watches them.
struct Calibration {
  CalibrationSet set;
  std::unique_ptr<dragoman::Translator> translator;
};

Result<Calibration> OpenCalibration(const CalibrateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string model, ModelOrBundled(options.model));
  dragoman::CalibrationOptions room;
  room.sources_path = options.sources;
  room.source_language = options.from;
  room.max_sentences = options.max_sentences;
  Calibration calibration;
  DRAGOMAN_ASSIGN_OR_RETURN(
      calibration.translator,
      dragoman::Translator::Open(model, options.machine.device, options.machine.threads));
  room.target_languages =
      options.languages.empty()
          ? CalibrationTargets(calibration.translator->kept_languages().languages, options.from)
          : options.languages;
  DRAGOMAN_ASSIGN_OR_RETURN(calibration.set, LoadCalibrationSet(room));
  return calibration;
}

Result<ImportanceMatrix> Collect(const CalibrateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Calibration calibration, OpenCalibration(options));
  Progress progress("calibrate", calibration.set.requests.size(), "sentences");
  DRAGOMAN_ASSIGN_OR_RETURN(ImportanceMatrix matrix,
                            CollectImportance(*calibration.translator, calibration.set.requests,
                                              [&](size_t done, size_t) { progress.Update(done); }));
  matrix.datasets = {calibration.set.name};
  return matrix;
}

Result<HessianMap> CollectSecondMoments(const CalibrateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Calibration calibration, OpenCalibration(options));
  Progress progress("calibrate", calibration.set.requests.size(), "sentences");
  return CollectHessians(*calibration.translator, calibration.set.requests,
                         [&](size_t done, size_t) { progress.Update(done); });
}

Report PlanReport(const QuantizePlan& plan) {
  std::string text =
      fmt::format("{}: {} tensors, {:.3f} bits per weight, file of {} bytes ({:.3f} GB)\n",
                  plan.recipe, plan.tensors.size(), plan.bits_per_weight, plan.file_bytes,
                  static_cast<double>(plan.file_bytes) / 1e9);
  for (const auto& tensor : plan.tensors) {
    text += fmt::format("  {:<36} {:<6} {:>13}\n", tensor.name, TraitsOf(tensor.type).name,
                        tensor.size_bytes);
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

}  // namespace

Result<Report> Calibrate(const CalibrateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const ImportanceMatrix matrix, Collect(options));
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
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string model, ModelOrBundled(options.model));
  DRAGOMAN_ASSIGN_OR_RETURN(Recipe recipe, FindRecipe(options.type));
  if (!options.plan.empty()) DRAGOMAN_RETURN_IF_ERROR(AddOverridesFromPlan(options.plan, recipe));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::optional<VocabularyOptions> vocabulary,
                            ReadVocabularyRequest(options.languages, options.corpus));
  if (options.plan_only) {
    DRAGOMAN_ASSIGN_OR_RETURN(const QuantizePlan plan,
                              PlanQuantization(model, recipe, vocabulary ? &*vocabulary : nullptr));
    if (options.max_size_bytes && plan.file_bytes > *options.max_size_bytes) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} needs {} bytes, --max-size allows {}", recipe.name,
                              plan.file_bytes, *options.max_size_bytes),
                  model);
    }
    return PlanReport(plan);
  }
  if (options.output.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "an output file is needed (-o OUT.gguf), or --plan");
  }
  std::optional<ImportanceMatrix> importance;
  std::optional<HessianMap> hessians;
  if (!options.importance.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(importance, ReadImatrix(options.importance));
  } else if (options.calibrate || options.method == "gptq") {
    CalibrateOptions calibrate;
    calibrate.model = model;
    if (vocabulary) calibrate.languages = CalibrationTargets(vocabulary->languages, calibrate.from);
    calibrate.machine = options.machine;
    if (options.method == "gptq") {
      DRAGOMAN_ASSIGN_OR_RETURN(hessians, CollectSecondMoments(calibrate));
    } else {
      DRAGOMAN_ASSIGN_OR_RETURN(importance, Collect(calibrate));
    }
  }
  dragoman::QuantizeOptions room;
  room.recipe = recipe;
  room.importance = importance ? &*importance : nullptr;
  room.hessians = hessians ? &*hessians : nullptr;
  room.vocabulary = vocabulary ? &*vocabulary : nullptr;
  room.threads = options.machine.threads;
  room.max_size_bytes = options.max_size_bytes;
  std::optional<Progress> progress;
  room.progress = [&](uint64_t done, uint64_t total, const std::string& tensor) {
    if (!progress) progress.emplace(recipe.name, total, "bytes");
    progress->Update(done, tensor);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(const QuantizeReport report,
                            dragoman::Quantize(model, options.output, room));
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
