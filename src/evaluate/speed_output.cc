// What was measured, as JSON (schemas/bench.schema.json) and as a table.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "evaluate/speed.h"

namespace dragoman {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;

struct Spread {
  double median = 0, min = 0, max = 0;
};

Spread SpreadOf(const std::vector<MachineCeiling>& ceilings, double MachineCeiling::*rate) {
  std::vector<double> rates;
  for (const MachineCeiling& one : ceilings) rates.push_back(one.*rate);
  if (rates.empty()) return {};
  std::sort(rates.begin(), rates.end());
  return {rates[rates.size() / 2], rates.front(), rates.back()};
}

OrderedJson ToJson(const Spread& spread) {
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

OrderedJson ToJson(const SpeedFigure& figure) {
  OrderedJson json;
  json["median"] = figure.median;
  json["min"] = figure.min;
  json["max"] = figure.max;
  json["unit"] = figure.unit;
  json["limit"] = figure.limit.per_second;
  json["limited_by"] = NameOf(figure.limit.bound);
  json["share_of_limit"] = figure.share_of_limit();
  json["others_share"] = figure.others_share;
  json["kv_bytes"] = figure.kv_bytes;
  json["scratch_bytes"] = figure.scratch_bytes;
  json["peak_rss_bytes"] = figure.peak_rss_bytes;
  json["anonymous_bytes"] = figure.anonymous_bytes;
  return json;
}

const char* InWords(SpeedBound bound) {
  switch (bound) {
    case SpeedBound::kMemory:
      return "bandwidth";
    case SpeedBound::kInt8:
      return "int8 peak";
    default:
      return "float32 peak";
  }
}

std::string Line(const SpeedFigure& figure) {
  const bool tokens = figure.unit == "tokens/s";
  std::string line =
      fmt::format("  {:<14} {:9.1f} {:<11} ({:.1f} to {:.1f})", figure.name, figure.median,
                  tokens ? "tok/s" : figure.unit, figure.min, figure.max);
  line += fmt::format("  {:3.0f} % of {} (limit {:.1f})", figure.share_of_limit() * 100,
                      InWords(figure.limit.bound), figure.limit.per_second);
  line += fmt::format("; MiB: KV {:.0f}, scratch {:.0f}, resident {:.0f}, owned {:.0f}",
                      static_cast<double>(figure.kv_bytes) / kMebibyte,
                      static_cast<double>(figure.scratch_bytes) / kMebibyte,
                      static_cast<double>(figure.peak_rss_bytes) / kMebibyte,
                      static_cast<double>(figure.anonymous_bytes) / kMebibyte);
  if (figure.others_share >= 0.01)
    line += fmt::format("; others had {:.0f} % of the machine", figure.others_share * 100);
  return line + "\n";
}

std::string MachineLine(const SpeedReport& report) {
  const Spread read = SpreadOf(report.ceilings, &MachineCeiling::read_gb_per_s);
  const Spread floats = SpreadOf(report.ceilings, &MachineCeiling::f32_gflop_per_s);
  const Spread integers = SpreadOf(report.ceilings, &MachineCeiling::int8_gop_per_s);
  std::string line = fmt::format("  machine: {:.1f} GB/s read ({:.1f} to {:.1f})", read.median,
                                 read.min, read.max);
  if (integers.median > 0) {
    line += fmt::format(", {:.0f} GOP/s int8 ({:.0f} to {:.0f}; {})", integers.median, integers.min,
                        integers.max, report.ceilings.front().int8_instruction);
  }
  return line + fmt::format(", {:.0f} GFLOP/s float32 ({:.0f} to {:.0f})\n", floats.median,
                            floats.min, floats.max);
}

}  // namespace

OrderedJson ToJson(const SpeedReport& report) {
  OrderedJson json;
  json["schema"] = "dragoman.bench/1";
  json["model"] = report.model_path;
  json["device"] = report.device;
  json["threads"] = report.threads;
  json["load_seconds"] = report.load_seconds.total();
  json["load"] = {{"model_seconds", report.load_seconds.model},
                  {"tokenizer_seconds", report.load_seconds.tokenizer},
                  {"first_token_seconds", report.load_seconds.first_token}};
  OrderedJson results = OrderedJson::object();
  for (const SpeedFigure& figure : report.figures) results[figure.name] = ToJson(figure);
  json["results"] = std::move(results);
  const Spread read = SpreadOf(report.ceilings, &MachineCeiling::read_gb_per_s);
  const Spread floats = SpreadOf(report.ceilings, &MachineCeiling::f32_gflop_per_s);
  const Spread integers = SpreadOf(report.ceilings, &MachineCeiling::int8_gop_per_s);
  OrderedJson ceiling;
  ceiling["read_gb_per_s"] = read.median;
  ceiling["f32_gflop_per_s"] = floats.median;
  ceiling["int8_gop_per_s"] = integers.median;
  ceiling["int8_instruction"] =
      report.ceilings.empty() ? "" : report.ceilings.front().int8_instruction;
  ceiling["weight_bytes_per_token"] = report.weight_bytes;
  ceiling["spread"] = {{"read_gb_per_s", ToJson(read)},
                       {"f32_gflop_per_s", ToJson(floats)},
                       {"int8_gop_per_s", ToJson(integers)}};
  json["ceiling"] = std::move(ceiling);
  json["memory"] = {{"weights_mapped_bytes", report.memory.weights_mapped_bytes},
                    {"weights_owned_bytes", report.memory.weights_owned_bytes},
                    {"kv_type", TraitsOf(report.kv_type).name}};
  json["peak_rss_bytes"] = report.peak_rss_bytes;
  json["anonymous_bytes"] = report.anonymous_bytes;
  return json;
}

std::string ToText(const SpeedReport& report) {
  const LoadTimes& load = report.load_seconds;
  std::string text = fmt::format(
      "{} on {}, {} threads; ready in {:.2f} s (model {:.2f}, tokenizer {:.2f}, first token "
      "{:.2f})\n",
      report.model_path, report.device, report.threads, load.total(), load.model, load.tokenizer,
      load.first_token);
  text += fmt::format("  weights: {:.0f} MiB mapped, {:.1f} owned; keys and values in {}\n",
                      static_cast<double>(report.memory.weights_mapped_bytes) / kMebibyte,
                      static_cast<double>(report.memory.weights_owned_bytes) / kMebibyte,
                      TraitsOf(report.kv_type).name);
  for (const SpeedFigure& figure : report.figures) text += Line(figure);
  return text + MachineLine(report);
}

}  // namespace dragoman
