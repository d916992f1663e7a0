// Sections about the run: size, speed, checklist, phases, environment.
#include <fmt/format.h>

#include <algorithm>

#include "ship/html.h"
#include "ship/phase.h"
#include "ship/report_charts.h"
#include "ship/report_sections.h"

namespace dragoman {
namespace {

std::string RunCard(const std::string& title, const std::string& body) {
  return "<section class=\"card\"><h2>" + EscapeHtml(title) + "</h2>" + body + "</section>\n";
}

Bar SizeBar(const std::string& label, double bytes, const char* tone) {
  return {label, HumanBytes(static_cast<uint64_t>(bytes)), bytes, tone};
}

void AddLatencyBars(const Json& run, const std::string& name, const char* tone, const char* key,
                    std::vector<Bar>* bars) {
  if (!run.contains(key)) return;
  const double ms = run[key].get<double>();
  bars->push_back({name, fmt::format("{:.0f} ms", ms), ms, tone});
}

const char* ChipOf(BoxStatus status) {
  switch (status) {
    case BoxStatus::kDone:
      return "<span class=\"chip done\">done</span>";
    case BoxStatus::kFailed:
      return "<span class=\"chip failed\">failed</span>";
    case BoxStatus::kNotApplicable:
      return "<span class=\"chip na\">n/a</span>";
  }
  return "";
}

std::string RenderBox(const EvaluatedBox& evaluated, bool with_id) {
  const ChecklistBox& box = evaluated.box;
  std::string html = fmt::format("<div class=\"box{}\"><span>{}</span><div>{}{}",
                                 box.parent.empty() ? "" : " child",
                                 ChipOf(evaluated.verdict.status), InlineMarkdown(box.text),
                                 with_id ? " <code>" + EscapeHtml(box.id) + "</code>" : "");
  html += "<small>" + EscapeHtml(evaluated.verdict.text);
  if (!evaluated.verdict.measured.empty())
    html += " Measured: " + EscapeHtml(evaluated.verdict.measured) + ".";
  if (!box.replaced_by.empty()) html += " Instead: " + EscapeHtml(box.replaced_by) + ".";
  html += "</small>";
  if (!box.note.empty()) html += "<small><i>" + InlineMarkdown(box.note) + "</i></small>";
  return html + "</div></div>\n";
}

std::string RenderSection(const EvaluatedSection& section) {
  int counts[3] = {};
  std::string boxes;
  for (const EvaluatedBox& box : section.boxes) {
    ++counts[static_cast<int>(box.verdict.status)];
    boxes += RenderBox(box, false);
  }
  return fmt::format(
      "<details><summary>{} <span class=\"count\">{} done, {} failed, {} n/a</span></summary>{}"
      "</details>\n",
      EscapeHtml(section.title), counts[0], counts[1], counts[2], boxes);
}

// 0 was not measured: a run of an older version, or outputs that were there before.
std::string SayFirstTokens(double baseline, double build) {
  if (baseline > 0 && build > 0)
    return fmt::format("; first token after {:.0f} and {:.0f} ms (p50)", baseline, build);
  if (baseline <= 0 && build <= 0) return {};
  return fmt::format("; first token after {:.0f} ms with {} (p50)", std::max(baseline, build),
                     baseline > 0 ? "16 bits" : "the build");
}

}  // namespace

std::string RenderSizeSection(const ReportData& data) {
  const Json& quantize = data.context.Phase("quantize");
  const auto wide =
      static_cast<double>(data.context.Phase("model").value("text_bytes_16bit", uint64_t{0}));
  const auto build = static_cast<double>(quantize.value("bytes", uint64_t{0}));
  std::vector<Bar> bars = {SizeBar("16 bits", wide, "base"),
                           SizeBar(quantize.value("recipe", std::string("build")), build, "build")};
  for (const Json& figure : data.context.Phase("package").value("compression", Json::array())) {
    bars.push_back(SizeBar(figure["method"].get<std::string>(),
                           build / figure["ratio"].get<double>(), "quiet"));
  }
  const std::string builds = RenderBuildsSection(data);
  std::string words;
  if (const double bits = quantize.value("bits_per_weight", 0.0); bits > 0)
    words += fmt::format("{:.2f} bits a weight. ", bits);
  if (bars.size() > 2)
    words += "Grey: the build through a compressor; rounded weights hardly shrink further.";
  return RunCard("Size and quality", RenderBars(bars) + Figure("chart-sizes", builds) +
                                         "<p class=\"soft\">" + words + "</p>");
}

std::string RenderSpeedSection(const ReportData& data) {
  const Json& baseline = data.context.Phase("baseline");
  const Json& build = data.context.Phase("evaluate");
  std::vector<Bar> bars;
  for (const auto& [key, name] : {std::pair<const char*, const char*>{"latency_p50_ms", "p50"},
                                  {"latency_p90_ms", "p90"},
                                  {"latency_p99_ms", "p99"}}) {
    AddLatencyBars(baseline, std::string(name) + ", 16 bits", "base", key, &bars);
    AddLatencyBars(build, std::string(name) + ", build", "build", key, &bars);
  }
  return RunCard(
      "Latency over the suite, batched",
      Figure("chart-latency", RenderBars(bars)) +
          fmt::format("<p class=\"soft\">{:.0f} tokens/s with 16 bits, {:.0f} tokens/s with the "
                      "build{}. Steps that a sentence shares with others of its batch count in "
                      "full.</p>",
                      baseline.value("tokens_per_second", 0.0),
                      build.value("tokens_per_second", 0.0),
                      SayFirstTokens(baseline.value("first_token_p50_ms", 0.0),
                                     build.value("first_token_p50_ms", 0.0))));
}

std::string RenderChecklistSection(const ReportData& data) {
  const EvaluatedChecklist& checklist = data.checklist;
  std::string body =
      RenderShares({{"done", std::to_string(checklist.done), double(checklist.done), "good"},
                    {"failed", std::to_string(checklist.failed), double(checklist.failed), "bad"},
                    {"not applicable", std::to_string(checklist.not_applicable),
                     double(checklist.not_applicable), "quiet"}});
  std::string failed;
  std::string refuted;
  for (const EvaluatedSection& section : checklist.sections) {
    for (const EvaluatedBox& box : section.boxes) {
      if (box.verdict.status != BoxStatus::kFailed) continue;
      (box.box.refuted ? refuted : failed) += RenderBox(box, true);
    }
  }
  if (!failed.empty()) body += "<h3>Failed</h3>" + failed;
  if (!refuted.empty()) body += "<h3>Failed, and impossible for any build</h3>" + refuted;
  body += "<h3>All sections</h3>";
  for (const EvaluatedSection& section : checklist.sections) body += RenderSection(section);
  return RunCard("Checklist", body);
}

std::string RenderPhasesSection(const ReportData& data) {
  static const char* const kOrder[] = {"preflight", "model",   "convert",  "calibrate",
                                       "quantize",  "suite",   "baseline", "evaluate",
                                       "compare",   "package", "validate"};
  std::vector<Bar> bars;
  HtmlTable table;
  table.head = {"phase", "finished", "peak memory", "what it did"};
  table.stacks = true;
  table.numeric = {2};
  for (const char* name : kOrder) {
    if (!data.context.Ran(name)) continue;
    const Json& phase = data.context.Phase(name);
    const double seconds = phase.value("_seconds", 0.0);
    bars.push_back({name, fmt::format("{:.1f} s", seconds), seconds, "build"});
    table.rows.push_back({EscapeHtml(name),
                          EscapeHtml(ShortTime(phase.value("_finished", std::string()))),
                          HumanBytes(phase.value("_peak_memory_bytes", uint64_t{0})),
                          EscapeHtml(phase.value("_summary", std::string()))});
  }
  return RunCard("Phases", RenderBars(bars) + RenderTable(table));
}

// "cpu:avx512, float32 activations": how one side was run.
std::string EngineOf(const Json& run) {
  const std::string activations = run.value("activations", std::string());
  return run.value("device", std::string()) +
         (activations.empty() ? "" : ", " + activations + " activations");
}

std::string RenderEnvironmentSection(const ReportData& data) {
  HtmlTable machine;
  machine.head = {"check", "status", "found"};
  machine.stacks = true;
  const Json checks = data.context.Phase("preflight").value("checks", Json::object());
  for (const auto& item : checks.items()) {
    const auto status = item.value().value("status", std::string("ok"));
    machine.rows.push_back({EscapeHtml(item.key()),
                            fmt::format("<span class=\"chip {0}\">{0}</span>", EscapeHtml(status)),
                            EscapeHtml(item.value().value("detail", std::string()))});
  }
  for (const auto& [phase, side] :
       {std::pair<const char*, const char*>{"baseline", "16 bits, run on"},
        {"evaluate", "build, run on"}}) {
    const std::string engine = EngineOf(data.context.Phase(phase));
    if (engine.empty()) continue;
    machine.rows.push_back({side, "", EscapeHtml(engine) + "; greedy decoding"});
  }
  HtmlTable hashes;
  hashes.head = {"file", "SHA-256"};
  hashes.stacks = true;
  for (const auto& [name, sha256] : data.hashes) {
    hashes.rows.push_back({EscapeHtml(name), "<code>" + EscapeHtml(sha256) + "</code>"});
  }
  return RunCard("Environment", (machine.rows.empty() ? "" : RenderTable(machine)) +
                                    "<h3>Hashes</h3>" + RenderTable(hashes));
}

}  // namespace dragoman
