#include "dragoman/ship.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/progress.h"
#include "model/verify.h"
#include "ship/doctor.h"
#include "ship/ship.h"

namespace dragoman::api {
namespace {

constexpr int kSomethingMissing = 5;

std::string SummaryText(const ModelSummary& summary) {
  std::string text = fmt::format(
      "{}\n  {}{}{}: {} parameters, {:.3f} GB of tensors, {:.3f} bits per weight\n", summary.path,
      summary.container, summary.name.empty() ? "" : ", ", summary.name, summary.parameters,
      static_cast<double>(summary.tensor_bytes) / 1e9, summary.bits_per_weight);
  const Gemma3Config& config = summary.config;
  text += fmt::format(
      "  {} layers, model dim {}, ffn {}, heads {}/{} of {}, vocabulary {}, window {}, context "
      "{}\n",
      config.layers, config.model_dim, config.ffn_dim, config.heads, config.kv_heads,
      config.head_dim, config.vocab, config.sliding_window, config.context_length);
  for (const auto& component : summary.components) {
    text += fmt::format("  {:<24} {:>14} parameters {:>14} bytes\n", component.name,
                        component.parameters, component.bytes);
  }
  for (const auto& [type, bytes] : summary.types)
    text += fmt::format("  {:<24} {:>40} bytes\n", type, bytes);
  for (const auto& missing : summary.missing_companions) text += "  missing: " + missing + "\n";
  return text;
}

}  // namespace

Result<Report> Doctor(const std::string& workspace) {
  dragoman::DoctorOptions options;
  options.workspace = workspace;
  const DoctorReport report = RunDoctor(options);
  return Report{DumpJson(ToJson(report)), ToText(report), report.ok() ? 0 : kSomethingMissing};
}

Result<Report> Inspect(const std::string& model) {
  DRAGOMAN_ASSIGN_OR_RETURN(const ModelSummary summary, InspectModel(model));
  return Report{DumpJson(ToJson(summary)), SummaryText(summary), 0};
}

Result<Report> Verify(const std::string& model, const Machine& machine) {
  std::optional<Progress> progress;
  auto scanned = [&](uint64_t done, uint64_t total) {
    if (!progress) progress.emplace("verify", total, "bytes");
    progress->Update(done);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(const VerifyReport report,
                            VerifyModel(model, machine.threads, scanned));
  if (progress) progress->Finish();
  std::string text = SummaryText(report.summary);
  text +=
      fmt::format("  whole, consistent and finite: {} bytes scanned in {:.2f} s ({:.2f} GB/s)\n",
                  report.scanned_bytes, report.seconds, report.gb_per_second());
  return Report{DumpJson(ToJson(report)), std::move(text), 0};
}

Result<Report> Ship(const ShipOptions& options) {
  dragoman::ShipOptions room;
  room.model_path = options.model;
  room.workspace = options.workspace;
  room.effort = options.effort;
  room.recipe = options.type;
  room.device = options.machine.device;
  room.threads = options.machine.threads;
  room.target_languages = options.languages;
  room.samples_per_language = options.samples_per_language;
  room.auto_samples = options.auto_samples;
  room.calibration_sentences = options.calibration_sentences;
  room.stop_after_phase = options.stop_after;
  room.force = options.force;
  DRAGOMAN_ASSIGN_OR_RETURN(const ShipOutcome outcome, RunShip(room));
  return Report{DumpJson(ToJson(outcome)), ToText(outcome), outcome.exit_code};
}

}  // namespace dragoman::api
