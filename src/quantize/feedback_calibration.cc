#include "quantize/feedback_calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/process_stats.h"
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

int64_t PredictionsOfBatch(const Gemma3Config& config) {
  return std::clamp<int64_t>(kLogitsOfBatch / config.vocab, 1, kRowsOfBatch);
}

Result<void> CheckMemory(const Gemma3Config& config) {
  const uint64_t needed = FeedbackMemoryBytes(config);
  const uint64_t available = CurrentMachineMemory().available_bytes;
  if (available == 0 || available >= needed) return {};
  return Fail(ErrorCode::kIo,
              fmt::format("memory: calibrating and rounding by error feedback need {} bytes, {} "
                          "are available; rounding alone (--method rounding) needs far less",
                          needed, available));
}

}  // namespace

uint64_t FeedbackMemoryBytes(const Gemma3Config& config) {
  const int64_t heads_dim = config.heads * config.head_dim;
  const auto square = [](int64_t dim) { return static_cast<uint64_t>(dim * dim) * sizeof(float); };
  // Inputs of q, k and v; of the attention's output; of gate and up; of down.
  const uint64_t layer = 2 * square(config.model_dim) + square(heads_dim) + square(config.ffn_dim);
  const uint64_t widest = square(std::max({config.model_dim, heads_dim, config.ffn_dim}));
  const auto logits =
      static_cast<uint64_t>(PredictionsOfBatch(config) * config.vocab) * sizeof(float);
  constexpr uint64_t kRest = 300'000'000;
  return layer + 3 * widest + 4 * logits + kRest;
}

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
  DRAGOMAN_RETURN_IF_ERROR(CheckMemory(calibration->model().config()));
  calibration->dataset_ = set.name;
  if (!options.cache_folder.empty()) {
    const Checkpoint& checkpoint = calibration->model().checkpoint();
    DRAGOMAN_ASSIGN_OR_RETURN(calibration->key_, KeyOf(checkpoint, set));
    calibration->store_.emplace(options.cache_folder, calibration->key_);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const auto groups,
                            TranslateForCalibration(*calibration->translator_, set.requests,
                                                    report("translate"), calibration->store()));
  Gemma3& model = calibration->model();
  const int64_t asked = PredictionsOfBatch(model.config());
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
