#include "quantize/feedback_calibration.h"

#include <algorithm>
#include <utility>

#include "quantize/calibration_pass.h"

namespace dragoman {
namespace {

constexpr int64_t kRowsOfBatch = 1024;
constexpr int64_t kLogitsOfBatch = int64_t{8} << 20;  // 32 MiB, held a few times over

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
  DRAGOMAN_ASSIGN_OR_RETURN(
      const auto groups,
      TranslateForCalibration(*calibration->translator_, set.requests, report("translate")));
  Gemma3& model = calibration->model();
  const int64_t asked = std::clamp<int64_t>(kLogitsOfBatch / model.config().vocab, 1, kRowsOfBatch);
  calibration->batches_ = PackSequences(groups, kRowsOfBatch, asked);
  DRAGOMAN_ASSIGN_OR_RETURN(
      calibration->sensitivities_,
      MeasureSensitivities(model, calibration->batches_, {}, report("sensitivity")));
  calibration->moments_ = std::make_unique<LayerwiseMoments>(
      model, calibration->batches_, calibration->sensitivities_, options.sequential);
  return calibration;
}

}  // namespace dragoman
