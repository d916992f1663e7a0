// Phase calibrate: how much each input of each layer matters, measured on the model's own
// translations into the target languages.
#include <fmt/format.h>

#include "base/progress.h"
#include "quantize/calibration_set.h"
#include "quantize/importance.h"
#include "ship/phase.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

// --effort fast: enough that the importance of a column is stable, short enough for two cores.
constexpr int64_t kFastSentences = 240;

Result<CalibrationSet> LoadSet(const ShipRun& run) {
  CalibrationOptions options;
  options.target_languages = run.options.target_languages;
  options.max_sentences =
      run.options.calibration_sentences > 0 ? run.options.calibration_sentences : kFastSentences;
  return LoadCalibrationSet(options);
}

Result<PhaseInputs> CalibrateInputs(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const CalibrationSet set, LoadSet(run));
  PhaseInputs inputs = {{"calibration", set.hash}, {"device", run.options.device}};
  DRAGOMAN_RETURN_IF_ERROR(AddModelInputs(run, run.options.model_path, &inputs));
  return inputs;
}

Result<PhaseWork> CalibrateWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const CalibrationSet set, LoadSet(run));
  DRAGOMAN_ASSIGN_OR_RETURN(
      const auto translator,
      Translator::Open(run.options.model_path, run.options.device, run.options.threads));
  Progress progress("calibrate", set.requests.size(), "sentences");
  DRAGOMAN_ASSIGN_OR_RETURN(ImportanceMatrix matrix,
                            CollectImportance(*translator, set.requests,
                                              [&](size_t done, size_t) { progress.Update(done); }));
  progress.Finish();
  matrix.datasets = {set.name};
  DRAGOMAN_RETURN_IF_ERROR(WriteImatrix(run.ImportancePath(), matrix));
  DRAGOMAN_RETURN_IF_ERROR(ReadImatrix(run.ImportancePath()));

  uint64_t tokens = 0;
  for (const auto& item : matrix.entries) tokens = std::max(tokens, item.second.tokens);
  PhaseWork work;
  work.measured = Json{{"path", run.workspace->Relative(run.ImportancePath())},
                       {"source", set.name},
                       {"source_hash", set.hash},
                       {"sentences", set.requests.size()},
                       {"tokens", tokens},
                       {"tensors", matrix.entries.size()}};
  work.outputs = {run.ImportancePath()};
  work.summary = fmt::format("{} sentences, {} tokens, {} tensors", set.requests.size(), tokens,
                             matrix.entries.size());
  return work;
}

}  // namespace

Phase CalibratePhase() { return {"calibrate", false, false, CalibrateInputs, CalibrateWork}; }

}  // namespace dragoman
