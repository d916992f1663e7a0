// Phase preflight: the machine against what this job needs. Runs every time, for the machine may
// have changed.
#include <fmt/format.h>

#include <algorithm>

#include "formats/checkpoint.h"
#include "model/verify.h"
#include "ship/doctor.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

Result<PhaseInputs> PreflightInputs(ShipRun& run) {
  return PhaseInputs{{"model", run.options.model_path}};
}

// From the headers alone. A model that cannot be read states no need here; the next phase says what
// is wrong with it.
std::optional<JobNeed> NeedOf(const std::string& model_path) {
  const auto summary = InspectModel(model_path);
  if (!summary) return std::nullopt;
  uint64_t largest = 0;
  if (const auto checkpoint = OpenCheckpoint(model_path)) {
    for (const TensorInfo& tensor : (*checkpoint)->tensors())
      largest = std::max(largest, tensor.elems());
  }
  return NeedOfJob(summary->parameters, largest);
}

Result<PhaseWork> PreflightWork(ShipRun& run) {
  DoctorOptions options;
  options.workspace = run.workspace->folder();
  options.need = NeedOf(run.options.model_path);
  const DoctorReport report = RunDoctor(options);
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(run.Path("eval/doctor.json"), ToJson(report)));

  PhaseWork work;
  work.measured = Json::object();
  for (const DoctorCheck& check : report.checks) {
    work.measured["checks"][check.name] = Json{{"status", CheckStatusName(check.status)},
                                               {"detail", check.detail},
                                               {"data", Json(check.data)}};
  }
  const std::vector<std::string> blockers = report.Blockers();
  work.measured["blockers"] = blockers;
  work.outputs = {run.Path("eval/doctor.json")};
  if (blockers.empty()) {
    work.summary = fmt::format("{} checks, nothing stops the job", report.checks.size());
    return work;
  }
  std::string all;
  for (const std::string& blocker : blockers) all += (all.empty() ? "" : "; ") + blocker;
  const bool memory = report.Find("memory")->status == CheckStatus::kFail && blockers.size() == 1;
  return Fail(memory ? ErrorCode::kOutOfMemory : ErrorCode::kIo,
              "this machine cannot do the job: " + all, "preflight");
}

}  // namespace

Phase PreflightPhase() { return {"preflight", true, false, PreflightInputs, PreflightWork}; }

}  // namespace dragoman
