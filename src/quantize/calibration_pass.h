// Runs calibration text through a model, so that a tap sees what every linear layer multiplies.
#ifndef DRAGOMAN_QUANTIZE_CALIBRATION_PASS_H_
#define DRAGOMAN_QUANTIZE_CALIBRATION_PASS_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3.h"
#include "model/gemma3_gradients.h"
#include "quantize/calibration_store.h"
#include "translate/translator.h"

namespace dragoman {

// One translated sentence as the model sees it after the shared prefix: first the tokens whose
// output nobody reads, then those that predict the translation.
struct CalibrationSequence {
  std::vector<int32_t> silent, predicting;
  int64_t tokens() const { return static_cast<int64_t>(silent.size() + predicting.size()); }
};

struct CalibrationGroup {  // all sequences of one language pair
  std::vector<int32_t> prefix;
  std::vector<CalibrationSequence> sequences;
};

// Translates the requests greedily: on-template prompts with the model's own translations, in a
// fixed order. With a store, in parts, and no stored part again. Errors: those of Translator;
// kInvalidArgument when nothing could be translated.
Result<std::vector<CalibrationGroup>> TranslateForCalibration(
    Translator& translator, std::span<const TranslationRequest> requests,
    const std::function<void(size_t done, size_t total)>& progress = {},
    const CalibrationStore* store = nullptr);

// The sequences in batches of at most so many rows and asked rows (one sequence at least).
std::vector<PackedSequences> PackSequences(const std::vector<CalibrationGroup>& groups,
                                           int64_t most_rows, int64_t most_asked);

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
