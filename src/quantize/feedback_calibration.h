// All that error feedback needs to know of a model: the calibration text with the model's own
// translations, what of it matters, and second moments of every linear's input.
#ifndef DRAGOMAN_QUANTIZE_FEEDBACK_CALIBRATION_H_
#define DRAGOMAN_QUANTIZE_FEEDBACK_CALIBRATION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "quantize/calibration_set.h"
#include "quantize/calibration_store.h"
#include "quantize/layerwise_moments.h"
#include "quantize/output_sensitivity.h"
#include "translate/translator.h"

namespace dragoman {

struct FeedbackCalibrationOptions {
  bool sequential = false;  // see LayerwiseMoments
  // Keeps what is measured in CACHE/calibration/KEY, the key made of model and text, and does
  // not measure again what is there. Empty: keeps nothing.
  std::string cache_folder;
  // Steps one after the other: "translate" in sentences, "sensitivity" in batches.
  std::function<void(const std::string& step, size_t done, size_t total)> progress;
};

// What calibrating and rounding with a model of these shapes owns at most, beside its mapped file:
// the second moments of a layer's inputs, three squares of the widest input (factor, damped
// moments, work), logits of a batch with their gradients, and 0.3 GB for the rest. For
// TranslateGemma 4B 2.6 GB; 2.4 GB were measured.
uint64_t FeedbackMemoryBytes(const Gemma3Config& config);

class FeedbackCalibration {
 public:
  // Errors: those of TranslateForCalibration and MeasureSensitivities; kIo, also when the machine
  // has less memory free than FeedbackMemoryBytes.
  static Result<std::unique_ptr<FeedbackCalibration>> Measure(
      std::unique_ptr<Translator> translator, const CalibrationSet& set,
      const FeedbackCalibrationOptions& options);

  SecondMoments& moments() { return *moments_; }
  Gemma3& model() { return translator_->model(); }
  const std::vector<PackedSequences>& batches() const { return batches_; }
  // What all of it depends on: SHA-256 over the model's files and the text. Empty without a cache.
  const std::string& key() const { return key_; }
  const std::string& dataset() const { return dataset_; }  // name of the text
  const CalibrationStore* store() const { return store_ ? &*store_ : nullptr; }

 private:
  std::unique_ptr<Translator> translator_;
  std::string key_, dataset_;
  std::optional<CalibrationStore> store_;
  std::vector<PackedSequences> batches_;
  Sensitivities sensitivities_;
  std::unique_ptr<LayerwiseMoments> moments_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_FEEDBACK_CALIBRATION_H_
