#include "ship/report_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "base/shared_data.h"

namespace dragoman {
namespace {

constexpr uint64_t kMostLibraryBytes = uint64_t{4} << 20;

// Base64 of a digest in hex: how a policy names a script.
std::string Base64OfHex(const std::string& hex) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint32_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<uint32_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    const uint32_t word =
        bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    for (size_t k = 0; k < 4; ++k) out += k <= left ? kDigits[(word >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

Json PointJson(const Json& delta) {
  return Json::array({delta.value("percent", 0.0), delta.value("percent_low", 0.0),
                      delta.value("percent_high", 0.0)});
}

Json ForestJson(const Json& compare) {
  const Json limits = compare.value("limits", Json::object());
  Json rows = Json::array();
  for (const Json& pair : compare.value("pairs", Json::array())) {
    rows.push_back(Json{{"label", pair["pair"]},
                        {"bleu", PointJson(pair["bleu"])},
                        {"chrf", PointJson(pair["chrf"])},
                        {"limit", limits.value("max_pair_loss_percent", 0.0)}});
  }
  if (rows.empty()) return rows;
  rows.push_back(Json{{"label", "mean"},
                      {"bleu", PointJson(compare.value("mean_bleu", Json::object()))},
                      {"chrf", PointJson(compare.value("mean_chrf", Json::object()))},
                      {"limit", limits.value("max_mean_loss_percent", 0.0)}});
  return rows;
}

// Every build that was tried, and the 16-bit model, which is where nothing changes.
Json SizesJson(const ReportData& data) {
  Json points = Json::array();
  const uint64_t wide = data.context.Phase("model").value("text_bytes_16bit", uint64_t{0});
  if (wide > 0) points.push_back(Json{{"label", "16 bits"}, {"bytes", wide}, {"bleu", {0, 0, 0}}});
  for (const Json& rung : data.context.ladder.value("rungs", Json::array())) {
    if (!rung.contains("mean_bleu")) continue;
    points.push_back(Json{{"label", rung["recipe"]},
                          {"bytes", rung.value("bytes", uint64_t{0})},
                          {"bleu", PointJson(rung["mean_bleu"])}});
  }
  return points;
}

}  // namespace

std::string FindChartLibrary() {
  for (const char* place : {"report/echarts.min.js", "node_modules/echarts/dist/echarts.min.js"}) {
    const auto path = FindSharedData(place);
    if (!path) continue;
    auto text = ReadFile(*path, kMostLibraryBytes);
    // An end tag in it would end the page's script.
    if (text && text->find("</script") == std::string::npos) return std::move(*text);
  }
  return {};
}

std::string Figure(const std::string& id, const std::string& drawing) {
  return fmt::format(
      "<div class=\"figure\"><div class=\"static\">{}</div><div class=\"chart\" id=\"{}\"></div>"
      "</div>\n",
      drawing, id);
}

std::string ChartData(const ReportData& data) {
  const Json json = {
      {"forest", ForestJson(data.context.Phase("compare"))},
      {"sizes", SizesJson(data)},
      {"latency", Json{{"baseline", data.baseline_latency_ms}, {"build", data.build_latency_ms}}}};
  std::string safe;
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<') {
      safe += "\\u003c";  // "</script>" and "<!--" would mean something
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string RenderChartScripts(const ReportData& data) {
  if (data.chart_library.empty()) return {};
  return fmt::format(
      "<script type=\"application/json\" id=\"chart-data\">{}</script>\n<script>{}</script>\n"
      "<script>{}</script>\n",
      ChartData(data), data.chart_library, ChartScript());
}

std::string ContentPolicy(const ReportData& data) {
  std::string policy = "default-src 'none'; style-src 'unsafe-inline'";
  if (data.chart_library.empty()) return policy;
  return policy + fmt::format("; script-src 'sha256-{}' 'sha256-{}'",
                              Base64OfHex(Sha256Hex(data.chart_library)),
                              Base64OfHex(Sha256Hex(ChartScript())));
}

std::vector<double> LatencyQuantiles(const BenchmarkResult& result) {
  std::vector<double> sorted;
  for (const Prediction& one : result.predictions) {
    if (one.latency_ms > 0) sorted.push_back(one.latency_ms);
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> quantiles;
  for (size_t percent = 0; percent <= 100 && !sorted.empty(); ++percent)
    quantiles.push_back(sorted[(sorted.size() - 1) * percent / 100]);
  return quantiles;
}

}  // namespace dragoman
