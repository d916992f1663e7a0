#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "api/calibration_request.h"
#include "api/model_path.h"
#include "api/vocabulary_request.h"
#include "base/atomic_folder.h"
#include "base/json.h"
#include "base/progress.h"
#include "dragoman/quantizer.h"
#include "quantize/hf_checkpoint.h"

namespace dragoman::api {
namespace {

Result<HfQuantizeOptions> RoomOptions(const QuantizeHfOptions& options) {
  HfQuantizeOptions room;
  if (options.format != "gptq" && options.format != "compressed-tensors") {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--format: expected gptq or compressed-tensors, found {}", options.format));
  }
  room.format = options.format == "gptq" ? HfFormat::kGptq : HfFormat::kCompressedTensors;
  room.group = {options.bits, options.symmetric};
  room.group_size = options.group_size;
  room.damping = options.damping;
  room.max_shard_bytes = options.max_shard_bytes;
  room.max_size_bytes = options.max_size_bytes;
  room.threads = options.machine.threads;
  for (const Reordering reordering :
       {Reordering::kNone, Reordering::kGroupAware, Reordering::kActivation}) {
    if (NameOf(reordering) != options.reordering) continue;
    room.reordering = reordering;
    DRAGOMAN_RETURN_IF_ERROR(CheckHfOptions(room));
    return room;
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("reordering: expected none, group-aware or act-order, found {}",
                          options.reordering));
}

std::string SizeText(const HfPlan& plan) {
  return fmt::format("{} bytes, {:.3f} GB, {:.3f} bits per weight, {:.3f} in the linears",
                     plan.file_bytes, static_cast<double>(plan.file_bytes) / 1e9,
                     plan.bits_per_weight, plan.linear_bits_per_weight);
}

Report HfPlanReport(const HfPlan& plan, const QuantizeHfOptions& options) {
  OrderedJson json;
  json["schema"] = "dragoman.hf_plan/1";
  json["format"] = options.format;
  json["files"] = plan.files;
  json["file_bytes"] = plan.file_bytes;
  json["tensor_bytes"] = plan.tensor_bytes;
  json["bits_per_weight"] = plan.bits_per_weight;
  json["linear_bits_per_weight"] = plan.linear_bits_per_weight;
  if (plan.vocabulary) json["vocabulary"] = ToJson(*plan.vocabulary);
  std::string text =
      fmt::format("{}: {} in {} file(s)\n", options.format, SizeText(plan), plan.files.size());
  if (plan.vocabulary) text += DescribeVocabulary(*plan.vocabulary);
  return {DumpJson(json), std::move(text), 0};
}

}  // namespace

Result<Report> QuantizeHf(const QuantizeHfOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(HfQuantizeOptions room, RoomOptions(options));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string model, ModelOrBundled(options.model));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::optional<VocabularyOptions> vocabulary,
                            ReadVocabularyRequest(options.languages, options.corpus));
  room.vocabulary = vocabulary ? &*vocabulary : nullptr;
  CalibrationText calibration_text = options.text;
  if (vocabulary && calibration_text.languages.empty()) {
    calibration_text.languages = CalibrationTargets(vocabulary->languages, calibration_text.from);
  }
  // Also without --plan: what cannot be written is better known before the calibration.
  DRAGOMAN_ASSIGN_OR_RETURN(const HfPlan plan, PlanHf(model, room));
  if (options.plan_only) return HfPlanReport(plan, options);
  if (options.output.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "an output folder is needed (-o FOLDER), or --plan");
  }
  DRAGOMAN_RETURN_IF_ERROR(CheckOutputFolder(options.output));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto calibration,
                            MeasureFeedback({model, calibration_text, options.sequential,
                                             options.cache_folder, options.machine}));
  room.moments = &calibration->moments();
  room.moments_key = calibration->key();
  std::optional<Progress> progress;
  room.progress = [&](uint64_t done, uint64_t total, const std::string& tensor) {
    if (!progress) progress.emplace(options.format, total, "bytes");
    progress->Update(done, tensor);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(const HfQuantizeReport report,
                            QuantizeToHf(model, options.output, room));
  if (progress) progress->Finish();
  const OrderedJson json = ToJson(report, room);
  std::string beside = options.output;
  while (beside.size() > 1 && beside.back() == '/') beside.pop_back();
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(beside + ".quantization_metadata.json", json));
  std::string text = fmt::format("wrote {} ({}) in {:.1f} s\n", options.output,
                                 SizeText(report.plan), report.seconds);
  if (report.plan.vocabulary) text += DescribeVocabulary(*report.plan.vocabulary);
  return Report{DumpJson(json), std::move(text), 0};
}

}  // namespace dragoman::api
