// The whole checklist executed: phases in order, each skipped when its inputs did not change,
// resumed after a kill, ending in a decision and the signed-off documents.
//
// Everything lies in the workspace: models/, eval/, evidence/ (one JSON a phase), logs/, state/,
// CHECKLIST.md, checklist.json, report.html. Two runs in one workspace at a time are refused.
#ifndef DRAGOMAN_SHIP_SHIP_H_
#define DRAGOMAN_SHIP_SHIP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/compare.h"

namespace dragoman {

struct ShipOptions {
  std::string model_path;  // empty: the bundled models/mini
  std::string model_name;  // of the build's files; empty: from the model's folder
  std::string workspace = "work";
  std::string effort = "fast";
  std::string recipe = "Q4_K_M";
  std::string device = "auto";
  int threads = 0;
  std::vector<std::string> target_languages;  // codes; empty: the nine of the built-in suite
  int64_t samples_per_language = 0;           // 0: all of the suite
  bool auto_samples = false;                  // as many as the gate needs (sample_size.h)
  int64_t calibration_sentences = 0;          // 0: by effort
  uint64_t max_build_bytes = 2000000000;
  std::string model_version = "1.0.0";  // of the package
  std::string fallback = "cloud";
  std::string stop_after_phase;  // empty: all
  bool force = false;            // run every phase again
};

// The names of the phases, in order.
const std::vector<std::string>& ShipPhaseNames();

struct PhaseOutcome {
  std::string name;  // "quantize"; a higher rung of the ladder is "quantize (Q5_K_M)"
  bool skipped = false;
  double seconds = 0;  // of the run that did the work, also when skipped now
  std::string summary;
};

struct ShipOutcome {
  std::optional<Decision> decision;  // nullopt when stopped before the comparison
  int exit_code = 0;                 // 0 GO or stopped early, 3, 4
  std::vector<std::string> reasons;  // of the decision
  std::vector<std::string> advice;
  std::vector<PhaseOutcome> phases;
  int boxes_done = 0, boxes_failed = 0, boxes_not_applicable = 0;
  double seconds = 0;  // of this call
  // Empty when the run stopped before they were written.
  std::string build_path, package_folder, checklist_path, checklist_json_path, report_path;
};

// Errors: kInvalidArgument (unknown phase, effort, recipe, language), kIo (the workspace is in use,
// cannot be written, lacks the space the job needs), kOutOfMemory (less memory than the job needs),
// and those of the rooms.
Result<ShipOutcome> RunShip(const ShipOptions& options);
OrderedJson ToJson(const ShipOutcome& outcome);
std::string ToText(const ShipOutcome& outcome);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_SHIP_H_
