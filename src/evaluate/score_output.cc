// A score report as JSON and for people.
#include <fmt/format.h>

#include <algorithm>

#include "evaluate/score.h"

namespace dragoman {
namespace {

constexpr double kSignificantP = 0.05;  // sacreBLEU's star

std::string WithInterval(const SystemScore& one, int decimals) {
  std::string text = fmt::format("{:.{}f}", one.score, decimals);
  if (one.interval) {
    text += fmt::format(" (μ = {:.{}f} ± {:.{}f})", one.interval->mean, decimals,
                        one.interval->half_width, decimals);
  }
  return text;
}

std::string FormatOneSystem(const ScoreReport& report, int decimals) {
  std::string text;
  for (const MetricReport& metric : report.metrics) {
    const SystemScore& one = metric.systems.front();
    text += fmt::format("{} = {}{}{}\n  {}\n", metric.name, WithInterval(one, decimals),
                        one.details.empty() ? "" : " ", one.details, metric.signature);
  }
  return text;
}

// Code points, near enough to columns for the signs used here.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  }));
}

std::string Pad(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, Width(text)), ' ');
}

// A row for each system, a column for each metric; p-values stand behind the scores.
std::string FormatSystems(const ScoreReport& report, int decimals) {
  std::vector<std::vector<std::string>> rows(report.names.size() + 1);
  rows[0].push_back("System");
  for (const MetricReport& metric : report.metrics) rows[0].push_back(metric.name);
  for (size_t s = 0; s < report.names.size(); ++s) {
    const bool baseline = report.plan.test && s == 0;
    rows[s + 1].push_back((baseline ? "Baseline: " : "") + report.names[s]);
    for (const MetricReport& metric : report.metrics) {
      const SystemScore& one = metric.systems[s];
      std::string cell = WithInterval(one, decimals);
      if (one.p_value) {
        cell +=
            fmt::format(" (p = {:.4f}){}", *one.p_value, *one.p_value < kSignificantP ? "*" : "");
      }
      rows[s + 1].push_back(std::move(cell));
    }
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], Width(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) line += (c == 0 ? "" : "  ") + Pad(row[c], widths[c]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  for (const MetricReport& metric : report.metrics)
    text += fmt::format("{}: {}\n", metric.name, metric.signature);
  return text;
}

std::string FormatSentences(const ScoreReport& report, int decimals) {
  std::string text = "sentence";
  for (const std::string& name : report.names) {
    for (const MetricReport& metric : report.metrics)
      text += "\t" + (report.names.size() > 1 ? name + " " : "") + metric.name;
  }
  text += "\n";
  for (size_t i = 0; i < report.sentences; ++i) {
    text += std::to_string(i + 1);
    for (size_t s = 0; s < report.names.size(); ++s) {
      for (const MetricReport& metric : report.metrics)
        text += fmt::format("\t{:.{}f}", metric.systems[s].sentences[i], decimals);
    }
    text += "\n";
  }
  return text;
}

OrderedJson ToJson(const SystemScore& one, const ScorePlan& plan) {
  OrderedJson json;
  json["score"] = one.score;
  if (!one.details.empty()) json["details"] = one.details;
  if (one.interval) {
    json["interval"] = {{"mean", one.interval->mean}, {"half_width", one.interval->half_width}};
  }
  if (one.p_value) json["p_value"] = *one.p_value;
  if (plan.sentences) json["sentences"] = one.sentences;
  return json;
}

OrderedJson ToJson(const ScorePlan& plan) {
  OrderedJson json;
  if (plan.test) {
    json["test"] = *plan.test == PairedTest::kBootstrap ? "paired bootstrap"
                                                        : "paired approximate randomisation";
    json["draws"] = plan.test_draws;
  } else {
    json["draws"] = plan.confidence_draws;
  }
  json["seed"] = plan.seed;
  json["confidence"] = 0.95;
  return json;
}

}  // namespace

OrderedJson ToJson(const ScoreReport& report) {
  OrderedJson json;
  json["schema"] = "dragoman.score/2";
  json["sentences"] = report.sentences;
  json["references"] = report.references;
  json["systems"] = report.names;
  if (report.plan.test || report.plan.confidence) json["resampling"] = ToJson(report.plan);
  json["metrics"] = OrderedJson::array();
  for (const MetricReport& metric : report.metrics) {
    OrderedJson one;
    one["name"] = metric.name;
    one["signature"] = metric.signature;
    one["higher_is_better"] = metric.higher_is_better;
    one["systems"] = OrderedJson::array();
    for (const SystemScore& system : metric.systems)
      one["systems"].push_back(ToJson(system, report.plan));
    json["metrics"].push_back(std::move(one));
  }
  return json;
}

std::string Format(const ScoreReport& report, int decimals) {
  const std::string sentences =
      report.plan.sentences ? FormatSentences(report, decimals) : std::string();
  return sentences + (report.names.size() > 1 ? FormatSystems(report, decimals)
                                              : FormatOneSystem(report, decimals));
}

}  // namespace dragoman
