// The page: verdict first, then quality, size and speed, checks, sentences, checklist, run and
// environment.
#include <fmt/format.h>

#include "ship/html.h"
#include "ship/phase.h"
#include "ship/report.h"
#include "ship/report_charts.h"
#include "ship/report_sections.h"

namespace dragoman {
namespace {

std::string ToneOf(const std::string& decision) {
  if (decision == "GO") return "go";
  if (decision == "RECONSIDER") return "reconsider";
  return decision == "FALLBACK" ? "fallback" : "none";
}

std::string MeaningOf(const std::string& decision) {
  if (decision == "GO") return "The build may be deployed: no loss beyond the limits.";
  if (decision == "RECONSIDER")
    return "The measurement does not settle it, or a limit other than quality is not met: a "
           "person decides.";
  if (decision == "FALLBACK") return "A loss beyond the limits is shown: do not deploy this build.";
  return "The run ended before a decision.";
}

std::string List(const std::vector<std::string>& sentences) {
  std::string html = "<ul>";
  for (const std::string& sentence : sentences) html += "<li>" + EscapeHtml(sentence) + "</li>";
  return html + "</ul>";
}

// "1 check shows a loss, 10 cannot be decided, 6 pass": how the checks of the gate fell out.
std::string CountChecks(const ReportData& data) {
  int passed = 0;
  int shown = 0;
  int undecided = 0;
  for (const Json& check : data.context.Phase("compare").value("checks", Json::array())) {
    if (check["verdict"] == "GO") {
      ++passed;
    } else {
      ++(check.value("shown", true) ? shown : undecided);
    }
  }
  if (passed + shown + undecided == 0) return {};
  return fmt::format(
      "<p class=\"soft\">Of {} checks {} passed, {} {} a loss beyond the limit, {} could not be "
      "decided.</p>",
      passed + shown + undecided, passed, shown, shown == 1 ? "shows" : "show", undecided);
}

// The first few in sight, the rest to be unfolded.
std::string ShortList(const std::vector<std::string>& sentences) {
  constexpr size_t kInSight = 2;
  if (sentences.size() <= kInSight + 1) return List(sentences);
  const auto middle = sentences.begin() + kInSight;
  return List({sentences.begin(), middle}) +
         fmt::format("<details class=\"more\"><summary>{} more reasons</summary>{}</details>",
                     sentences.size() - kInSight, List({middle, sentences.end()}));
}

std::string Seconds(double seconds) {
  return seconds < 1 ? fmt::format("{:.0f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

std::string Verdict(const ReportData& data) {
  const std::string& decision = data.context.decision;
  const Json& quantize = data.context.Phase("quantize");
  std::string html = fmt::format(
      "<section class=\"card verdict {}\"><h1>{}</h1><p class=\"soft\">16 bits against {}{}</p>"
      "<p class=\"word\">{}</p><p>{}</p>",
      ToneOf(decision), EscapeHtml(data.model_name),
      EscapeHtml(quantize.value("recipe", std::string("the build"))),
      data.finished.empty() ? "" : "; finished " + EscapeHtml(ShortTime(data.finished)),
      EscapeHtml(decision.empty() ? "NO DECISION" : decision), MeaningOf(decision));
  html += CountChecks(data) + (data.reasons.empty() ? "" : ShortList(data.reasons));
  if (!data.advice.empty()) html += "<h3>What to try</h3>" + List(data.advice);
  return html + "</section>\n";
}

std::string Tile(const std::string& value, const std::string& label, const std::string& more) {
  return fmt::format("<div class=\"tile\"><span>{}</span><b>{}</b><span>{}</span></div>",
                     EscapeHtml(label), EscapeHtml(value), EscapeHtml(more));
}

std::string DeltaTile(const Json& compare, const char* key, const std::string& label) {
  const Json delta = compare.value(key, Json::object());
  return Tile(
      fmt::format("{:+.2f} %", delta.value("percent", 0.0)), label,
      fmt::format("[{:+.2f}, {:+.2f}] at {:.0f} % confidence", delta.value("percent_low", 0.0),
                  delta.value("percent_high", 0.0), compare.value("confidence", 0.0) * 100));
}

std::string Tiles(const ReportData& data) {
  const Json& compare = data.context.Phase("compare");
  const Json& quantize = data.context.Phase("quantize");
  const Json& validate = data.context.Phase("validate");
  const Json divergence = compare.value("divergence", Json::object());
  std::string html = "<section class=\"tiles\">";
  html += Tile(HumanBytes(quantize.value("bytes", uint64_t{0})), "Size of the build",
               fmt::format("{:.2f}x smaller than 16 bits", quantize.value("ratio", 0.0)));
  html += DeltaTile(compare, "mean_bleu", "Mean BLEU");
  html += DeltaTile(compare, "mean_chrf", "Mean chrF");
  if (!divergence.empty()) {
    html += Tile(fmt::format("{:.1f} %", divergence.value("top1_agreement", 0.0) * 100),
                 "Same next token",
                 fmt::format("mean KL {:.4f} nats", divergence.value("mean_kl", 0.0)));
  }
  if (!validate.empty()) {
    html += Tile(
        fmt::format("{:.0f} ms",
                    validate.value("latency_sentence", Json::object()).value("median_ms", 0.0)),
        "A short sentence", "median, alone, on " + validate.value("device", std::string("cpu")));
    html += Tile(HumanBytes(validate.value("peak_memory_bytes", uint64_t{0})), "Peak memory",
                 "loads in " + Seconds(validate.value("load_seconds", 0.0)));
  }
  return html + "</section>\n";
}

}  // namespace

std::string RenderHtml(const ReportData& data) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"";
  html += ContentPolicy(data) + "\"><title>" +
          EscapeHtml(data.model_name + ": " +
                     (data.context.decision.empty() ? "no decision" : data.context.decision)) +
          "</title><style>";
  html += ReportStyle();
  html += "</style></head><body><main>\n";
  html += Verdict(data) + Tiles(data);
  html += RenderQualitySection(data);
  html += "<div class=\"two\">" + RenderSizeSection(data) + RenderSpeedSection(data) + "</div>\n";
  html += RenderScoresSection(data) + RenderGateSection(data) + RenderFaultsSection(data) +
          RenderSentencesSection(data) + RenderDivergenceSection(data);
  if (data.context.Ran("validate")) html += RenderValidationSection(data);
  if (data.context.Phase("quantize").contains("worst_tensors")) html += RenderTensorsSection(data);
  if (!data.checklist.sections.empty()) html += RenderChecklistSection(data);
  if (data.context.Ran("preflight")) html += RenderPhasesSection(data);
  html += RenderLedgerSection(data) + RenderEnvironmentSection(data) + RenderChartScripts(data);
  return html + "<p class=\"soft\">Written by dragoman " DRAGOMAN_VERSION
                " from the evidence of the run; this page loads nothing from "
                "anywhere.</p></main></body></html>\n";
}

}  // namespace dragoman
