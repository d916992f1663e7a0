// Calibration of the public API: from its options to the room's.
#ifndef DRAGOMAN_API_CALIBRATION_REQUEST_H_
#define DRAGOMAN_API_CALIBRATION_REQUEST_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dragoman/quantizer.h"
#include "dragoman/result.h"
#include "quantize/calibration_set.h"
#include "quantize/feedback_calibration.h"
#include "translate/translator.h"

namespace dragoman::api {

// Where a trimmed model is to be good: its languages, but for the one of the calibration texts.
// Empty (the ten of the set) when no other is left.
std::vector<std::string> CalibrationTargets(const std::vector<Language>& kept,
                                            const std::string& from);

// The calibration text and a translator of the model that is to translate it.
struct OpenCalibration {
  CalibrationSet set;
  std::unique_ptr<dragoman::Translator> translator;
};
// Without target languages, a trimmed model is asked for those it has.
Result<OpenCalibration> OpenCalibrationOf(const std::string& model, const CalibrationText& text,
                                          int64_t targets_per_sentence, const Machine& machine);

struct FeedbackRequest {
  std::string model;
  CalibrationText text;
  bool sequential = false;
  std::optional<std::string> cache_folder;
  Machine machine;
};
// Measures what error feedback needs, telling its progress.
Result<std::unique_ptr<FeedbackCalibration>> MeasureFeedback(const FeedbackRequest& request);

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_CALIBRATION_REQUEST_H_
