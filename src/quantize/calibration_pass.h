// Runs calibration text through a model, so that a tap sees what every linear layer multiplies.
#ifndef DRAGOMAN_QUANTIZE_CALIBRATION_PASS_H_
#define DRAGOMAN_QUANTIZE_CALIBRATION_PASS_H_

#include <functional>
#include <span>
#include <string>

#include "dragoman/result.h"
#include "model/gemma3.h"
#include "translate/translator.h"

namespace dragoman {

// Translates the requests greedily, then runs prompt + translation through the model once more with
// `tap` set. The tied output's input is tapped where it predicts the translation, every other
// input at every position. Deterministic. Errors: those of Translator; kInvalidArgument when
// nothing could be translated.
Result<void> RunCalibration(Translator& translator, std::span<const TranslationRequest> requests,
                            const LinearTap& tap,
                            const std::function<void(size_t done, size_t total)>& progress = {});

// SHA-256 over the checkpoint's files and the requests: what a calibration's results depend on.
Result<std::string> CalibrationKey(const Checkpoint& checkpoint,
                                   std::span<const TranslationRequest> requests);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_CALIBRATION_PASS_H_
