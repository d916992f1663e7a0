// Sections about faults and about what the run cost.
#include <fmt/format.h>

#include "ship/html.h"
#include "ship/phase.h"
#include "ship/report_sections.h"

namespace dragoman {
namespace {

std::string LedgerCard(const std::string& title, const std::string& body) {
  return "<section class=\"card\"><h2>" + EscapeHtml(title) + "</h2>" + body + "</section>\n";
}

std::string RateText(const Json& rate) {
  const Json interval = rate.value("interval", Json::array({0.0, 1.0}));
  return fmt::format("{} of {} <small>{:.1f} % [{:.1f}, {:.1f}]</small>",
                     rate.value("count", int64_t{0}), rate.value("of", int64_t{0}),
                     100 * rate.value("rate", 0.0), 100 * interval[0].get<double>(),
                     100 * interval[1].get<double>());
}

}  // namespace

std::string RenderFaultsSection(const ReportData& data) {
  HtmlTable table;
  table.head = {"fault", "16 bits", "build", "new", "gone", "worse?"};
  table.stacks = true;
  table.numeric = {1, 2, 3, 4};
  for (const Json& fault : data.context.Phase("compare").value("faults", Json::array())) {
    const Json baseline = fault.value("baseline", Json::object());
    const Json build = fault.value("quantized", Json::object());
    if (baseline.value("of", 0) == 0 && build.value("of", 0) == 0) continue;
    const bool worse = fault.value("worse", false);
    table.rows.push_back(
        {EscapeHtml(fault.value("name", std::string())), RateText(baseline), RateText(build),
         fmt::format("{}", fault.value("only_quantized", int64_t{0})),
         fmt::format("{}", fault.value("only_baseline", int64_t{0})),
         worse
             ? fmt::format("<span class=\"chip failed\">yes</span> by chance in {:.2f} % of cases",
                           100 * fault.value("chance", 1.0))
             : "<span class=\"chip done\">no</span>"});
  }
  if (table.rows.empty()) return {};
  return LedgerCard(
      "Faults that no score sees",
      RenderTable(table) +
          "<p class=\"soft\">Shares of the outputs in which the fault could happen, "
          "with 95 % intervals (Wilson). Worse: more new than gone, beyond chance for "
          "all kinds together.</p>");
}

// Time and processor time of every phase, graphics processors included where one was used.
std::string RenderLedgerSection(const ReportData& data) {
  HtmlTable table;
  table.head = {"phase", "wall time", "processor time", "core hours"};
  table.numeric = {1, 2, 3};
  double wall = 0, cores = 0;
  for (const auto& [name, phase] : data.context.phases) {
    if (!phase.contains("_seconds")) continue;
    const double seconds = phase.value("_seconds", 0.0);
    const double cpu_seconds = phase.value("_cpu_seconds", 0.0);
    wall += seconds;
    cores += cpu_seconds;
    table.rows.push_back({EscapeHtml(name), fmt::format("{:.1f} s", seconds),
                          fmt::format("{:.1f} s", cpu_seconds),
                          fmt::format("{:.4f}", cpu_seconds / 3600)});
  }
  if (table.rows.empty()) return {};
  table.rows.push_back({"<b>all</b>", fmt::format("<b>{:.1f} s</b>", wall),
                        fmt::format("<b>{:.1f} s</b>", cores),
                        fmt::format("<b>{:.4f}</b>", cores / 3600)});
  const std::string device = data.context.Phase("evaluate").value("device", std::string());
  const std::string used = device.empty()
                               ? ""
                               : fmt::format("Device: {}{}. ", EscapeHtml(device),
                                             device.rfind("cpu", 0) == 0 || device == "reference"
                                                 ? "; no graphics processor ran, 0 GPU hours"
                                                 : "");
  return LedgerCard(
      "What it cost",
      RenderTable(table) + "<p class=\"soft\">" + used +
          "A phase that was unchanged counts as it was measured "
          "then, one that continued counts what it added. No price is assumed: multiply the core "
          "hours by yours.</p>");
}

std::string RenderBuildsSection(const ReportData& data) {
  HtmlTable table;
  table.head = {"build", "size", "BLEU", "chrF", "verdict"};
  table.numeric = {1, 2, 3};
  const auto change = [](const Json& delta) {
    return fmt::format("{:+.2f}&nbsp;% [{:+.2f},&nbsp;{:+.2f}]", delta.value("percent", 0.0),
                       delta.value("percent_low", 0.0), delta.value("percent_high", 0.0));
  };
  for (const Json& rung : data.context.ladder.value("rungs", Json::array())) {
    if (!rung.contains("mean_bleu")) continue;
    table.rows.push_back({EscapeHtml(rung["recipe"].get<std::string>()),
                          HumanBytes(rung.value("bytes", uint64_t{0})), change(rung["mean_bleu"]),
                          change(rung.value("mean_chrf", Json::object())),
                          EscapeHtml(rung["decision"].get<std::string>())});
  }
  return table.rows.empty() ? std::string() : RenderTable(table);
}

}  // namespace dragoman
