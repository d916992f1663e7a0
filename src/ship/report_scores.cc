// What metrics of other programs say, in both reports; nothing where none was imported.
#include <fmt/format.h>

#include "ship/html.h"
#include "ship/report_sections.h"

namespace dragoman {
namespace {

constexpr const char* kExplained =
    "Scored by another program, sentence by sentence; the interval is that of the paired "
    "bootstrap. "
    "A change below 0 is for the worse, also where less is better.";

struct ScoreRow {
  std::string name, baseline, build, change, interval, shown;
};

ScoreRow RowOf(const std::string& name, const Json& row) {
  const Json change = row.value("change", Json::object());
  return {name,
          fmt::format("{:.4f}", row.value("baseline", 0.0)),
          fmt::format("{:.4f}", row.value("quantized", 0.0)),
          fmt::format("{:+.4f}", change.value("points", 0.0)),
          fmt::format("[{:+.4f}, {:+.4f}]", change.value("points_low", 0.0),
                      change.value("points_high", 0.0)),
          row.value("shown", std::string())};
}

std::vector<ScoreRow> RowsOf(const Json& metric) {
  std::vector<ScoreRow> rows;
  for (const Json& pair : metric.value("pairs", Json::array()))
    rows.push_back(RowOf(pair.value("pair", std::string()), pair));
  rows.push_back(RowOf("mean", metric.value("mean", Json::object())));
  return rows;
}

std::string TitleOf(const Json& metric) {
  return fmt::format("{} ({} is better)", metric.value("name", std::string()),
                     metric.value("higher_is_better", true) ? "more" : "less");
}

Json MetricsOf(const ReportData& data) {
  return data.context.Phase("compare").value("segment_metrics", Json::array());
}

}  // namespace

std::string RenderScoresSection(const ReportData& data) {
  std::string cards;
  for (const Json& metric : MetricsOf(data)) {
    HtmlTable table;
    table.head = {"pair", "16 bits", "build", "change", "interval", "shown"};
    table.numeric = {1, 2, 3, 4};
    for (const ScoreRow& row : RowsOf(metric)) {
      table.rows.push_back({EscapeHtml(row.name), row.baseline, row.build, row.change, row.interval,
                            EscapeHtml(row.shown)});
    }
    cards += "<section class=\"card\"><h2>" + EscapeHtml(TitleOf(metric)) + "</h2>" +
             RenderTable(table) + "<p class=\"soft\">" + kExplained + "</p></section>\n";
  }
  return cards;
}

std::string RenderScoresMarkdown(const ReportData& data) {
  std::string text;
  for (const Json& metric : MetricsOf(data)) {
    text += fmt::format(
        "## {}\n\n{}\n\n| pair | 16 bits | build | change | interval | shown "
        "|\n|---|---:|---:|---:|---:|---|\n",
        TitleOf(metric), kExplained);
    for (const ScoreRow& row : RowsOf(metric)) {
      text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.name, row.baseline, row.build,
                          row.change, row.interval, row.shown);
    }
    text += "\n";
  }
  return text;
}

}  // namespace dragoman
