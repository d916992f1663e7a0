// A phase of the run and what all phases share. Each phase lives in its own phase_*.cc.
#ifndef DRAGOMAN_SHIP_PHASE_H_
#define DRAGOMAN_SHIP_PHASE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "quantize/quantize.h"
#include "ship/evidence.h"
#include "ship/ship.h"
#include "ship/workspace.h"

namespace dragoman {

// State of one run, handed to every phase.
struct ShipRun {
  ShipOptions options;  // model_path, model_name and target_languages filled in
  bool bundled_model = false;
  Recipe recipe;  // of the current rung of the ladder
  // The rung chooses a type for every tensor, in the bytes that the recipe would take, and rounds
  // by error feedback: --effort best, or what the ladder tries first.
  bool refined = false;
  Workspace* workspace = nullptr;
  HashCache* hashes = nullptr;
  std::map<std::string, PhaseEvidence>
      evidence;  // by phase name; of the current rung where a phase is run once a rung
  Json ladder = Json::object();  // what the ladder did: rungs, why it stopped

  std::string Path(const std::string& relative) const { return workspace->Path(relative); }
  // What an earlier phase measured; an empty object when it did not run.
  const Json& Measured(const std::string& phase) const;
  // "q4_k_m", "q4_k_m-best": the rung's name in file names.
  std::string Rung() const;
  // "Q4_K_M", "Q4_K_M refined": its name for people.
  std::string RungLabel() const;
  // Files of the run.
  std::string WidePath()
      const;  // models/<name>-bf16.gguf, or the model itself when it is such a GGUF
  std::string ImportancePath() const;                   // models/<name>.imatrix.gguf
  std::string BuildPath() const;                        // models/<name>-q4_k_m.gguf
  std::string SuitePath() const;                        // eval/translate_gemma_test_suite.json
  std::string BaselinePath() const;                     // eval/baseline_results.json
  std::string BaselinePredictionsPath() const;          // eval/baseline_predictions.jsonl
  std::string RungPath(const std::string& file) const;  // eval/q4_k_m/<file>
  std::string PackageFolder() const;                    // models/package
};

// The comparison's decision, lowered to RECONSIDER when a gate that is not about quality fails (the
// size budget).
struct FinalDecision {
  std::optional<Decision> decision;  // nullopt: not compared
  std::vector<std::string> reasons, advice;
};
FinalDecision DecideAtLast(const ShipRun& run);

struct PhaseWork {
  Json measured = Json::object();
  std::vector<std::string>
      outputs;  // files that must still be there for the phase to count as done
  std::string summary;
};

struct Phase {
  const char* name;
  bool always;         // looks at the machine or gathers evidence: runs every time
  bool once_per_rung;  // again for each recipe of the ladder
  Result<PhaseInputs> (*inputs)(ShipRun& run);
  Result<PhaseWork> (*work)(ShipRun& run);
};

// One function a phase, each in its own file.
Phase PreflightPhase();
Phase ModelPhase();
Phase ConvertPhase();
Phase CalibratePhase();
Phase QuantizePhase();
Phase SuitePhase();
Phase BaselinePhase();
Phase EvaluatePhase();
Phase ComparePhase();
Phase PackagePhase();
Phase ValidatePhase();
Phase SignoffPhase();

// The files a model consists of, sorted: the file itself, or every weight, configuration and
// tokenizer file of its folder. Errors: kNotFound.
Result<std::vector<std::string>> ModelFiles(const std::string& path);
// Adds "name: sha256" of each model file.
Result<void> AddModelInputs(ShipRun& run, const std::string& path, PhaseInputs* inputs);
Result<void> AddFileInput(ShipRun& run, const std::string& name, const std::string& path,
                          PhaseInputs* inputs);

// "1.23 GB", "12.3 MB", "4.5 kB"
std::string HumanBytes(uint64_t bytes);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_PHASE_H_
