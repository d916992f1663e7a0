// Lines out and scores back; see the header.
#include "evaluate/segment_scores.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "base/json.h"
#include "evaluate/metrics/signature.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

class MeanMetric : public Metric {
 public:
  MeanMetric(const std::string& name, bool higher_is_better)
      : name_(name), higher_is_better_(higher_is_better) {}
  std::string name() const override { return name_; }
  std::string signature(int, std::string_view resampling) const override {
    return fmt::format("{}{}mean of imported scores", resampling, resampling.empty() ? "" : "|");
  }
  bool higher_is_better() const override { return higher_is_better_; }
  size_t columns() const override { return 2; }
  void Count(std::string_view, std::span<const std::string>, std::span<double> row) override {
    std::fill(row.begin(), row.end(), 0.0);
  }
  double Score(std::span<const double> sums) const override {
    return sums[1] > 0 ? sums[0] / sums[1] : 0;
  }
  double ScoreInFloat(std::span<const float> sums) const override {
    return sums[1] > 0 ? static_cast<double>(sums[0]) / static_cast<double>(sums[1]) : 0;
  }
  bool float_scores() const override { return false; }

 private:
  std::string name_;
  bool higher_is_better_;
};

using NameKey = std::tuple<std::string, std::string, std::string>;
NameKey KeyOf(const SegmentName& name) { return {name.system, name.pair, name.id}; }

tl::unexpected<Error> BadScore(const std::string& where, size_t line, const std::string& found) {
  return Fail(ErrorCode::kCorruptFile,
              fmt::format("line {}: expected a finite score, found {}", line, found), where);
}

Result<double> ParseNumber(std::string_view text, const std::string& where, size_t line) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return BadScore(where, line, "\"" + std::string(text.substr(0, 40)) + "\"");
  return value;
}

Result<double> ScoreOfObject(const Json& json, const std::string& metric, const std::string& where,
                             size_t line) {
  for (const std::string& key :
       {metric, std::string("score"), std::string("prediction"), std::string("COMET")}) {
    const auto found = json.find(key);
    if (found == json.end()) continue;
    if (!found->is_number() || !std::isfinite(found->get<double>()))
      return BadScore(where, line, found->dump().substr(0, 40));
    return found->get<double>();
  }
  return BadScore(where, line, "none of the keys \"" + metric + "\", \"score\", \"prediction\"");
}

// The name that FormatNeuralLines gave to the line, if it still has one.
std::optional<NameKey> NameOfObject(const Json& json) {
  const auto text = [&json](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!json.contains("system") || !json.contains("id")) return std::nullopt;
  return NameKey{text("system"), text("pair"), text("id")};
}

// Scores as they come, in order and by name.
struct FoundScores {
  std::vector<double> in_order;
  std::map<NameKey, double> by_name;
};

Result<void> AddObject(const Json& json, const std::string& metric, const std::string& where,
                       size_t line, FoundScores& found) {
  if (!json.is_object()) return BadScore(where, line, std::string("a JSON ") + json.type_name());
  DRAGOMAN_ASSIGN_OR_RETURN(const double score, ScoreOfObject(json, metric, where, line));
  found.in_order.push_back(score);
  const auto name = NameOfObject(json);
  if (name && !found.by_name.emplace(*name, score).second) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("line {}: sentence {} of {} has two scores", line, std::get<2>(*name),
                            std::get<0>(*name)),
                where);
  }
  return {};
}

Result<FoundScores> ParseLines(std::string_view text, const std::string& where,
                               const std::string& metric) {
  FoundScores found;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Strip(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    if (line.front() == '{') {
      DRAGOMAN_ASSIGN_OR_RETURN(const Json json,
                                ParseJson(line, where + ":" + std::to_string(number)));
      DRAGOMAN_RETURN_IF_ERROR(AddObject(json, metric, where, number, found));
    } else {
      DRAGOMAN_ASSIGN_OR_RETURN(const double score, ParseNumber(line, where, number));
      found.in_order.push_back(score);
    }
  }
  return found;
}

// comet-score --to_json: {"hyp.txt": [{"src": ..., "COMET": 0.8}, ...]}. Its entries count as
// lines.
Result<FoundScores> ParseCometFile(const Json& json, const std::string& where,
                                   const std::string& metric) {
  FoundScores found;
  for (const auto& system : json.items()) {
    for (const Json& entry : system.value()) {
      DRAGOMAN_RETURN_IF_ERROR(AddObject(entry, metric, where, found.in_order.size() + 1, found));
    }
  }
  return found;
}

bool IsCometFile(const Json& json) {
  if (!json.is_object() || json.empty()) return false;
  for (const auto& item : json.items()) {
    if (!item.value().is_array()) return false;
  }
  return true;
}

Result<FoundScores> FindScores(std::string_view text, const std::string& where,
                               const std::string& metric) {
  const std::string_view stripped = Strip(text);
  if (!stripped.empty() && stripped.front() == '{') {
    const auto whole = ParseJson(stripped, where);
    if (whole && IsCometFile(*whole)) return ParseCometFile(*whole, where, metric);
  }
  return ParseLines(text, where, metric);
}

}  // namespace

std::string FormatNeuralLines(NeuralFormat format, std::span<const NeuralSegment> segments) {
  const bool comet = format == NeuralFormat::kComet;
  std::string lines;
  for (const NeuralSegment& one : segments) {
    OrderedJson json;
    json[comet ? "src" : "source"] = one.source;
    json[comet ? "mt" : "hypothesis"] = one.hypothesis;
    json[comet ? "ref" : "reference"] = one.reference;
    json["system"] = one.name.system;
    if (!one.name.pair.empty()) json["pair"] = one.name.pair;
    json["id"] = one.name.id;
    lines += json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
  }
  return lines;
}

Result<std::vector<double>> ParseSegmentScores(std::string_view text, const std::string& where,
                                               const std::string& metric,
                                               std::span<const SegmentName> names) {
  DRAGOMAN_ASSIGN_OR_RETURN(FoundScores found, FindScores(text, where, metric));
  if (found.by_name.empty()) {
    if (found.in_order.size() != names.size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected {} scores, one for each sentence of each system, found {}",
                              names.size(), found.in_order.size()),
                  where);
    }
    return std::move(found.in_order);
  }
  std::vector<double> scores;
  for (const SegmentName& name : names) {
    const auto one = found.by_name.find(KeyOf(name));
    if (one == found.by_name.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("sentence {}{}{} of {} has no score", name.pair,
                              name.pair.empty() ? "" : " ", name.id, name.system),
                  where);
    }
    scores.push_back(one->second);
  }
  return scores;
}

std::unique_ptr<Metric> MakeMeanMetric(const std::string& name, bool higher_is_better) {
  return std::make_unique<MeanMetric>(name, higher_is_better);
}

StatsTable TableOfScores(std::span<const double> scores) {
  StatsTable table;
  table.columns = 2;
  for (const double score : scores) {
    table.values.push_back(score);
    table.values.push_back(1);
  }
  return table;
}

}  // namespace dragoman
