#include "quantize/feedback_calibration.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/sha256.h"
#include "quantize/calibration_pass.h"

namespace dragoman {
namespace {

constexpr int64_t kRowsOfBatch = 1024;
constexpr int64_t kLogitsOfBatch = int64_t{32} << 20;  // 128 MiB, held a few times over

// Changes whenever the same model and text would give other numbers.
constexpr char kVersion[] = "feedback calibration 1";

// What a checkpoint's tensor files do not hold.
Result<std::string> CompanionDigests(const Checkpoint& checkpoint) {
  std::string digests;
  const auto folder = std::filesystem::path(checkpoint.files().front()).parent_path();
  for (const char* name : {"config.json", "tokenizer.json", "generation_config.json"}) {
    const std::string path = (folder / name).string();
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) continue;
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string digest, Sha256OfFile(path));
    digests += digest + "\n";
  }
  return digests;
}

Result<std::string> KeyOf(const Checkpoint& checkpoint, const CalibrationSet& set) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string work, CalibrationKey(checkpoint, set.requests));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string companions, CompanionDigests(checkpoint));
  return Sha256Hex(std::string(kVersion) + "\n" + work + "\n" + companions);
}

}  // namespace

Result<std::unique_ptr<FeedbackCalibration>> FeedbackCalibration::Measure(
    std::unique_ptr<Translator> translator, const CalibrationSet& set,
    const FeedbackCalibrationOptions& options) {
  const auto report = [&](const char* step) {
    return [&options, step](size_t done, size_t total) {
      if (options.progress) options.progress(step, done, total);
    };
  };
  auto calibration = std::make_unique<FeedbackCalibration>();
  calibration->translator_ = std::move(translator);
  calibration->dataset_ = set.name;
  if (!options.cache_folder.empty()) {
    const Checkpoint& checkpoint = calibration->model().checkpoint();
    DRAGOMAN_ASSIGN_OR_RETURN(calibration->key_, KeyOf(checkpoint, set));
    calibration->store_.emplace(options.cache_folder, calibration->key_);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(
      const auto groups, TranslateForCalibration(*calibration->translator_, set.requests,
                                                 report("translate"), calibration->store()));
  Gemma3& model = calibration->model();
  const int64_t asked = std::clamp<int64_t>(kLogitsOfBatch / model.config().vocab, 1, kRowsOfBatch);
  calibration->batches_ = PackSequences(groups, kRowsOfBatch, asked);
  SensitivityOptions sensitivity;
  sensitivity.store = calibration->store();
  DRAGOMAN_ASSIGN_OR_RETURN(
      calibration->sensitivities_,
      MeasureSensitivities(model, calibration->batches_, sensitivity, report("sensitivity")));
  calibration->moments_ = std::make_unique<LayerwiseMoments>(
      model, calibration->batches_, calibration->sensitivities_, options.sequential);
  return calibration;
}

}  // namespace dragoman
