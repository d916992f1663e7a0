// The machine checked before work starts (rows P1-P4): accelerators, CPU, memory, disk, hub,
// workspace, versions.
#ifndef DRAGOMAN_SHIP_DOCTOR_H_
#define DRAGOMAN_SHIP_DOCTOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "hub/reachability.h"

namespace dragoman {

// What a job on one model takes beyond what is there already.
struct JobNeed {
  uint64_t disk_bytes = 0;
  uint64_t memory_bytes = 0;
  std::string basis;  // how the two were reckoned, with figures
};
// The job of `ship` on a model of `parameters` weights: a 16-bit GGUF, up to three builds, a
// package.
JobNeed NeedOfJob(uint64_t parameters, uint64_t largest_tensor_elems);
// The same for the 4B's exact shapes; its checkpoint of 8.6 GB still has to be fetched.
JobNeed NeedOf4bJob();

struct DoctorOptions {
  std::string workspace = "work";
  std::optional<JobNeed> need;     // nullopt: told for the 4B, and a shortfall is only a warning
  std::optional<HubSettings> hub;  // nullopt: from the environment
  long hub_timeout_ms = 2000;
  std::string nvml_library = "libnvidia-ml.so.1";
};

enum class CheckStatus { kOk, kWarn, kFail };
const char* CheckStatusName(CheckStatus status);  // "ok", "warn", "fail"

struct DoctorCheck {
  std::string row;   // "P1".."P4"
  std::string name;  // "accelerators"
  CheckStatus status = CheckStatus::kOk;
  std::string detail;  // one line
  OrderedJson data;    // the figures behind it
};

struct DoctorReport {
  std::vector<DoctorCheck> checks;
  bool ok() const;                            // no check failed
  std::vector<std::string> Blockers() const;  // "free disk: ..." of every failed check
  const DoctorCheck* Find(const std::string& name) const;
};

// Creates the workspace's folders (models/, eval/, logs/); everything else is only looked at. Never
// fails: what is wrong is in the report.
DoctorReport RunDoctor(const DoctorOptions& options);
OrderedJson ToJson(const DoctorReport& report);  // schemas/doctor.schema.json
std::string ToText(const DoctorReport& report);  // a line each: "ok    P2  memory: ..."

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_DOCTOR_H_
