// All that error feedback needs to know of a model: the calibration text with the model's own
// translations, what of it matters, and second moments of every linear's input.
#ifndef DRAGOMAN_QUANTIZE_FEEDBACK_CALIBRATION_H_
#define DRAGOMAN_QUANTIZE_FEEDBACK_CALIBRATION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "quantize/calibration_set.h"
#include "quantize/layerwise_moments.h"
#include "quantize/output_sensitivity.h"
#include "translate/translator.h"

namespace dragoman {

struct FeedbackCalibrationOptions {
  bool sequential = false;  // see LayerwiseMoments
  // Steps one after the other: "translate" in sentences, "sensitivity" in batches.
  std::function<void(const std::string& step, size_t done, size_t total)> progress;
};

class FeedbackCalibration {
 public:
  // Errors: those of TranslateForCalibration and MeasureSensitivities.
  static Result<std::unique_ptr<FeedbackCalibration>> Measure(
      std::unique_ptr<Translator> translator, const CalibrationSet& set,
      const FeedbackCalibrationOptions& options);

  SecondMoments& moments() { return *moments_; }
  Gemma3& model() { return translator_->model(); }
  const std::vector<PackedSequences>& batches() const { return batches_; }

 private:
  std::unique_ptr<Translator> translator_;
  std::vector<PackedSequences> batches_;
  Sensitivities sensitivities_;
  std::unique_ptr<LayerwiseMoments> moments_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_FEEDBACK_CALIBRATION_H_
