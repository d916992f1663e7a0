#include "api/calibration_request.h"

#include <utility>
#include <vector>

#include "api/step_progress.h"
#include "quantize/calibration_store.h"

namespace dragoman::api {

std::vector<std::string> CalibrationTargets(const std::vector<Language>& kept,
                                            const std::string& from) {
  std::vector<std::string> targets;
  for (const Language& language : kept) {
    if (language.code != from) targets.push_back(language.code);
  }
  return targets;
}

Result<OpenCalibration> OpenCalibrationOf(const std::string& model, const CalibrationText& text,
                                          int64_t targets_per_sentence, const Machine& machine) {
  OpenCalibration calibration;
  DRAGOMAN_ASSIGN_OR_RETURN(calibration.translator,
                            dragoman::Translator::Open(model, machine.device, machine.threads,
                                                       {.float32_activations = true}));
  dragoman::CalibrationOptions room;
  room.sources_path = text.sources;
  room.source_language = text.from;
  room.max_sentences = text.max_sentences;
  room.targets_per_sentence = targets_per_sentence;
  room.target_languages =
      text.languages.empty()
          ? CalibrationTargets(calibration.translator->kept_languages().languages, text.from)
          : text.languages;
  DRAGOMAN_ASSIGN_OR_RETURN(calibration.set, LoadCalibrationSet(room));
  return calibration;
}

Result<std::unique_ptr<FeedbackCalibration>> MeasureFeedback(const FeedbackRequest& request) {
  DRAGOMAN_ASSIGN_OR_RETURN(
      OpenCalibration open,
      OpenCalibrationOf(request.model, request.text, kFeedbackTargets, request.machine));
  FeedbackCalibrationOptions room;
  room.sequential = request.sequential;
  room.cache_folder = request.cache_folder.value_or(DefaultCacheFolder());
  StepProgress steps;
  room.progress = [&](const std::string& step, size_t done, size_t total) {
    steps.Update(step, done, total);
  };
  return FeedbackCalibration::Measure(std::move(open.translator), open.set, room);
}

}  // namespace dragoman::api
