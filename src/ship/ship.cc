// Runs the phases: skips what is done, writes evidence, climbs the ladder of recipes on a shown
// loss.
#include "ship/ship.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/log.h"
#include "base/process_stats.h"
#include "base/shared_data.h"
#include "ship/ladder.h"
#include "ship/phase.h"
#include "ship/versions.h"
#include "text/languages.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

const std::vector<Phase>& Phases() {
  static const std::vector<Phase> phases = {PreflightPhase(), ModelPhase(),    ConvertPhase(),
                                            CalibratePhase(), QuantizePhase(), SuitePhase(),
                                            BaselinePhase(),  EvaluatePhase(), ComparePhase(),
                                            PackagePhase(),   ValidatePhase(), SignoffPhase()};
  return phases;
}

// "translategemma-4b-it" from ".../translategemma-4b-it/" or ".../x.gguf"; only characters safe in
// file names.
std::string NameOfModel(const std::string& path) {
  fs::path normal = fs::path(path).lexically_normal();
  if (normal.filename().empty()) normal = normal.parent_path();
  std::error_code ec;
  std::string name =
      fs::is_directory(path, ec) ? normal.filename().string() : normal.stem().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.')
      c = '-';
  }
  while (!name.empty() && (name[0] == '.' || name[0] == '-')) name.erase(0, 1);
  return name.empty() ? "model" : name;
}

Result<void> CompleteOptions(ShipRun* run) {
  ShipOptions& options = run->options;
  if (options.effort != "fast" && options.effort != "best") {
    return Fail(ErrorCode::kInvalidArgument,
                "unknown effort \"" + options.effort + "\"; known: fast, best");
  }
  const auto& names = ShipPhaseNames();
  if (!options.stop_after_phase.empty() &&
      std::find(names.begin(), names.end(), options.stop_after_phase) == names.end()) {
    std::string known;
    for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
    return Fail(ErrorCode::kInvalidArgument,
                "unknown phase \"" + options.stop_after_phase + "\"; known: " + known);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(run->recipe, FindRecipe(options.recipe));
  run->refined = options.effort == "best";
  options.recipe = run->recipe.name;
  if (options.model_path.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(options.model_path, FindSharedData("models/mini"));
    run->bundled_model = true;
  }
  if (options.model_name.empty()) options.model_name = NameOfModel(options.model_path);
  for (std::string& code : options.target_languages) {
    DRAGOMAN_ASSIGN_OR_RETURN(const Language language, FindLanguage(code));
    code = language.code;
  }
  return {};
}

std::string EvidencePath(const ShipRun& run, const Phase& phase) {
  return run.Path(
      fmt::format("evidence/{}{}.json", phase.name, phase.once_per_rung ? "-" + run.Rung() : ""));
}

std::string DisplayName(const ShipRun& run, const Phase& phase) {
  const bool climbed = phase.once_per_rung && (run.recipe.name != run.options.recipe ||
                                               run.refined != (run.options.effort == "best"));
  return climbed ? fmt::format("{} ({})", phase.name, run.RungLabel()) : phase.name;
}

// Runs the work and writes its evidence, also that of a failure.
Result<void> DoPhase(ShipRun& run, const Phase& phase, PhaseEvidence evidence) {
  LogInfo("{}: begins", DisplayName(run, phase));
  ResetPeakMemory();
  const double cpu_before = ProcessCpuSeconds();
  const Stopwatch watch;
  evidence.started = UtcNow();
  auto work = phase.work(run);
  evidence.seconds = watch.Seconds();
  evidence.cpu_seconds = ProcessCpuSeconds() - cpu_before;
  evidence.finished = UtcNow();
  evidence.peak_memory_bytes = CurrentMemoryUse().peak_rss_bytes;
  evidence.status = work ? "done" : "failed";
  if (work) {
    evidence.measured = std::move(work->measured);
    evidence.summary = std::move(work->summary);
    DRAGOMAN_ASSIGN_OR_RETURN(evidence.outputs,
                              DescribeOutputs(work->outputs, *run.workspace, run.hashes));
  } else {
    evidence.error = ToString(work.error());
  }
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(EvidencePath(run, phase), ToJson(evidence)));
  DRAGOMAN_RETURN_IF_ERROR(run.hashes->Save());
  if (!work) {
    LogWarning("{}: failed after {:.1f} s: {}", DisplayName(run, phase), evidence.seconds,
               evidence.error);
    return tl::unexpected(std::move(work).error());
  }
  LogInfo("{}: done in {:.1f} s: {}", DisplayName(run, phase), evidence.seconds, evidence.summary);
  run.evidence[phase.name] = std::move(evidence);
  return {};
}

Result<void> RunPhase(ShipRun& run, const Phase& phase, ShipOutcome* outcome) {
  PhaseEvidence evidence;
  evidence.phase = phase.name;
  evidence.program = DRAGOMAN_VERSION;
  evidence.inputs = {{"program", ProgramHash()}};
  DRAGOMAN_ASSIGN_OR_RETURN(const PhaseInputs inputs, phase.inputs(run));
  evidence.inputs.insert(evidence.inputs.end(), inputs.begin(), inputs.end());
  evidence.input_hash = HashInputs(phase.name, evidence.inputs);

  bool skipped = false;
  if (!phase.always && !run.options.force) {
    auto earlier = ReadEvidence(EvidencePath(run, phase));
    if (earlier && earlier->done() && earlier->input_hash == evidence.input_hash &&
        OutputsAreThere(*earlier, *run.workspace, run.hashes)) {
      LogInfo("{}: unchanged, {}", DisplayName(run, phase), earlier->summary);
      run.evidence[phase.name] = std::move(*earlier);
      skipped = true;
    }
  }
  if (!skipped) DRAGOMAN_RETURN_IF_ERROR(DoPhase(run, phase, std::move(evidence)));
  const PhaseEvidence& done = run.evidence[phase.name];
  outcome->phases.push_back({DisplayName(run, phase), skipped, done.seconds, done.summary});
  return {};
}

std::string DecisionOf(const ShipRun& run) {
  return run.Measured("compare").value("decision", std::string());
}

// Called after each comparison: notes the rung, and says whether another one is to be tried.
Result<bool> Climb(ShipRun& run) {
  const std::string decision = DecisionOf(run);
  const Json& quantize = run.Measured("quantize");
  run.ladder["rungs"].push_back(
      Json{{"recipe", run.RungLabel()},
           {"decision", decision},
           {"mean_bleu", run.Measured("compare").value("mean_bleu", Json::object())},
           {"mean_chrf", run.Measured("compare").value("mean_chrf", Json::object())},
           {"bytes", quantize.value("bytes", uint64_t{0})}});
  if (decision != "FALLBACK") {
    run.ladder["stopped"] = decision == "GO" ? run.RungLabel() + " passes the gate"
                                             : "RECONSIDER is for a person to decide; the ladder "
                                               "climbs only on a shown loss (FALLBACK)";
    return false;
  }
  const std::optional<LadderRung> next = NextRung({run.recipe.name, run.refined});
  if (!next) {
    run.ladder["stopped"] = "no larger recipe is left to try";
    return false;
  }
  const std::string shown = run.RungLabel();
  DRAGOMAN_ASSIGN_OR_RETURN(run.recipe, FindRecipe(next->recipe));
  run.refined = next->refined;
  LogWarning("{} shows a loss; trying {}", shown, run.RungLabel());
  return true;
}

Result<void> RunLadder(ShipRun& run, ShipOutcome* outcome, const Phase* first, const Phase* past) {
  while (true) {
    DRAGOMAN_ASSIGN_OR_RETURN(const bool climb, Climb(run));
    if (!climb) break;
    for (const Phase* phase = first; phase != past; ++phase) {
      if (phase->once_per_rung) DRAGOMAN_RETURN_IF_ERROR(RunPhase(run, *phase, outcome));
    }
  }
  return {};
}

// A killed run leaves the file it was writing under a temporary name. The lock is held: nobody else
// writes here.
void RemoveTemporaryFiles(const std::string& folder) {
  std::vector<fs::path> leftovers;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(folder, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (it->path().filename().string().find(".tmp-") != std::string::npos &&
        it->is_regular_file(ec)) {
      leftovers.push_back(it->path());
    }
  }
  for (const fs::path& path : leftovers) fs::remove(path, ec);
}

// The results of the last rung under the names that everybody looks for.
Result<void> PublishResults(const ShipRun& run) {
  const std::pair<std::string, std::string> copies[] = {
      {run.RungPath("quantized_results.json"), run.Path("eval/quantized_results.json")},
      {run.RungPath("comparison.json"), run.Path("eval/comparison.json")},
      {run.BuildPath() + ".quantization_metadata.json",
       run.Path("models/quantization_metadata.json")},
  };
  for (const auto& [from, to] : copies) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(from));
    const auto there = ReadFile(to);
    if (!there || *there != text) DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(to, text));
  }
  return {};
}

void FillDecision(const ShipRun& run, ShipOutcome* outcome) {
  FinalDecision final = DecideAtLast(run);
  outcome->decision = final.decision;
  outcome->reasons = std::move(final.reasons);
  outcome->advice = std::move(final.advice);
  if (outcome->decision) outcome->exit_code = ExitCodeOf(*outcome->decision);
}

void FillPaths(const ShipRun& run, ShipOutcome* outcome) {
  outcome->build_path = run.BuildPath();
  outcome->package_folder = run.PackageFolder();
  outcome->checklist_path = run.Path("CHECKLIST.md");
  outcome->checklist_json_path = run.Path("checklist.json");
  outcome->report_path = run.Path("report.html");
  const Json& signoff = run.Measured("signoff");
  outcome->boxes_done = signoff.value("done", 0);
  outcome->boxes_failed = signoff.value("failed", 0);
  outcome->boxes_not_applicable = signoff.value("not_applicable", 0);
}

Result<void> RunPhases(ShipRun& run, ShipOutcome* outcome) {
  const std::vector<Phase>& phases = Phases();
  for (size_t i = 0; i < phases.size(); ++i) {
    const Phase& phase = phases[i];
    DRAGOMAN_RETURN_IF_ERROR(RunPhase(run, phase, outcome));
    if (std::string(phase.name) == "compare") {
      if (run.options.stop_after_phase != "compare") {
        DRAGOMAN_RETURN_IF_ERROR(RunLadder(run, outcome, phases.data(), phases.data() + i + 1));
      }
      DRAGOMAN_RETURN_IF_ERROR(PublishResults(run));
    }
    if (run.options.stop_after_phase == phase.name) break;
  }
  if (run.evidence.count("compare") != 0) FillDecision(run, outcome);
  if (run.evidence.count("signoff") != 0) FillPaths(run, outcome);
  return {};
}

// Evidence of an earlier run is read back as JSON; where somebody changed a type in it, nlohmann's
// getters throw.
Result<void> RunPhasesCaught(ShipRun& run, ShipOutcome* outcome) {
  try {
    return RunPhases(run, outcome);
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorruptFile,
                std::string("the evidence of an earlier run is damaged (") + e.what() +
                    "); --force does it anew",
                run.Path("evidence"));
  }
}

}  // namespace

const std::vector<std::string>& ShipPhaseNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Phase& phase : Phases()) list.emplace_back(phase.name);
    return list;
  }();
  return names;
}

FinalDecision DecideAtLast(const ShipRun& run) {
  const Json& compare = run.Measured("compare");
  FinalDecision final;
  const std::string name = DecisionOf(run);
  for (const Decision decision : {Decision::kGo, Decision::kReconsider, Decision::kFallback}) {
    if (name == DecisionName(decision)) final.decision = decision;
  }
  for (const Json& reason : compare.value("reasons", Json::array()))
    final.reasons.push_back(reason);
  for (const Json& advice : compare.value("advice", Json::array())) final.advice.push_back(advice);
  const Json& quantize = run.Measured("quantize");
  if (final.decision && !quantize.value("fits", true)) {
    if (final.decision == Decision::kGo) final.decision = Decision::kReconsider;
    final.reasons.push_back(fmt::format("The build has {} bytes, the budget is {}.",
                                        quantize.value("bytes", uint64_t{0}),
                                        quantize.value("max_bytes", uint64_t{0})));
    final.advice.emplace_back("Raise the size budget, or take a smaller recipe.");
  }
  return final;
}

Result<ShipOutcome> RunShip(const ShipOptions& options) {
  const Stopwatch watch;
  ShipRun run;
  run.options = options;
  DRAGOMAN_RETURN_IF_ERROR(CompleteOptions(&run));
  DRAGOMAN_ASSIGN_OR_RETURN(Workspace workspace, Workspace::Open(options.workspace));
  run.workspace = &workspace;
  RemoveTemporaryFiles(workspace.folder());
  HashCache hashes = HashCache::Load(workspace.Path("state/hashes.json"));
  run.hashes = &hashes;
  DRAGOMAN_RETURN_IF_ERROR(OpenLogFile(workspace.Path("logs/ship.log")));
  LogInfo("ship: model {}, recipe {}, workspace {}", run.options.model_path, run.options.recipe,
          workspace.folder());

  ShipOutcome outcome;
  const auto done = RunPhasesCaught(run, &outcome);
  DRAGOMAN_RETURN_IF_ERROR(hashes.Save());
  if (!done) return tl::unexpected(done.error());
  outcome.seconds = watch.Seconds();
  LogInfo("ship: {} in {:.1f} s",
          outcome.decision ? DecisionName(*outcome.decision) : "stopped as asked", outcome.seconds);
  return outcome;
}

}  // namespace dragoman
