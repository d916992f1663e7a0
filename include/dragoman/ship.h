// The machine and the model checked; the whole checklist executed.
#ifndef DRAGOMAN_SHIP_H_
#define DRAGOMAN_SHIP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::api {

// Rows P1-P4: accelerators, CPU, memory, disk, hub, workspace, versions. exit_code 5 when something
// needed is missing.
Result<Report> Doctor(const std::string& workspace);
// Headers only: parameters, sizes by component, types.
Result<Report> Inspect(const std::string& model);
// Inspect, then every tensor byte.
Result<Report> Verify(const std::string& model, const Machine& machine);

struct ShipOptions {
  std::string model;  // empty: the bundled model
  std::string workspace = "work";
  std::string effort = "fast";
  std::string type = "q4_k_m";
  std::vector<std::string> languages;  // targets; empty: those of the built-in suite
  int64_t samples_per_language = 0;
  bool auto_samples = false;          // as many as the gate needs by the baseline's variance
  int64_t calibration_sentences = 0;  // 0: by effort
  std::string stop_after;             // phase name; empty: all
  bool force = false;                 // run every phase again
  Machine machine;
};
// exit_code is the decision's: 0 GO, 3 RECONSIDER, 4 FALLBACK.
Result<Report> Ship(const ShipOptions& options);

}  // namespace dragoman::api

#endif  // DRAGOMAN_SHIP_H_
