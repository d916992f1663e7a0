// Reading, scoring and testing; how the result looks is in score_output.cc.
#include "evaluate/score.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxScoredTextBytes = uint64_t{1} << 30;

Result<std::vector<std::string>> ReadTextLines(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxScoredTextBytes));
  std::vector<std::string> lines;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const size_t stop = end > begin && text[end - 1] == '\r' ? end - 1 : end;
    lines.push_back(text.substr(begin, stop - begin));
    begin = end + 1;
  }
  return lines;
}

Result<std::vector<std::string>> ReadAsManyLines(const std::string& path, const std::string& model,
                                                 size_t count) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::vector<std::string> lines, ReadTextLines(path));
  if (lines.size() != count || lines.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected as many lines as {} has ({}), at least one; found {}", model,
                            count, lines.size()),
                path);
  }
  return lines;
}

std::vector<std::string> SplitAtTabs(const std::string& line) {
  std::vector<std::string> fields;
  size_t begin = 0;
  while (begin <= line.size()) {
    const size_t end = std::min(line.find('\t', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

int CountReferences(const ScoreTexts& texts) {
  const size_t first = texts.references.front().size();
  const bool same =
      std::all_of(texts.references.begin(), texts.references.end(),
                  [first](const std::vector<std::string>& one) { return one.size() == first; });
  return same ? static_cast<int>(first) : 0;
}

std::string Resampling(const ScorePlan& plan) {
  if (plan.test) return DescribeTest(*plan.test, plan.test_draws, plan.seed);
  if (plan.confidence)
    return DescribeTest(PairedTest::kBootstrap, plan.confidence_draws, plan.seed);
  return {};
}

std::vector<double> SentenceScores(const Metric& metric, const StatsTable& table) {
  std::vector<double> scores;
  for (size_t i = 0; i < table.rows(); ++i) scores.push_back(metric.Score(table.row(i)));
  return scores;
}

Result<MetricReport> ReportMetric(const Metric& metric, std::span<const StatsTable> tables,
                                  int references, const ScorePlan& plan) {
  MetricReport report{
      metric.name(), metric.signature(references, Resampling(plan)), metric.higher_is_better(), {}};
  for (const StatsTable& table : tables) {
    SystemScore one;
    const std::vector<double> sums = table.Sum();
    one.score = metric.Score(sums);
    one.details = metric.Details(sums);
    // sacreBLEU's bootstrap test brings its own interval, of the same draws.
    const bool bootstrap = plan.test == PairedTest::kBootstrap;
    if (plan.confidence || bootstrap) {
      one.interval = EstimateInterval(
          metric, table, bootstrap ? plan.test_draws : plan.confidence_draws, plan.seed);
    }
    if (plan.test && &table != &tables.front()) {
      DRAGOMAN_ASSIGN_OR_RETURN(
          const PairedResult tested,
          TestPair(*plan.test, metric, tables.front(), table, plan.test_draws, plan.seed));
      one.p_value = tested.p_value;
    }
    if (plan.sentences) one.sentences = SentenceScores(metric, table);
    report.systems.push_back(std::move(one));
  }
  return report;
}

}  // namespace

Result<ScoreTexts> ReadScoreTexts(const ScoreFiles& files) {
  ScoreTexts texts;
  const std::string& model = files.references.front();
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> first, ReadTextLines(model));
  for (const std::string& line : first)
    texts.references.push_back(files.tabbed ? SplitAtTabs(line) : std::vector{line});
  for (size_t r = 1; r < files.references.size(); ++r) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto lines,
                              ReadAsManyLines(files.references[r], model, first.size()));
    for (size_t i = 0; i < lines.size(); ++i) texts.references[i].push_back(lines[i]);
  }
  for (const std::string& path : files.hypotheses) {
    DRAGOMAN_ASSIGN_OR_RETURN(auto lines, ReadAsManyLines(path, model, first.size()));
    texts.names.push_back(path);
    texts.hypotheses.push_back(std::move(lines));
  }
  if (!files.source.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(texts.sources, ReadAsManyLines(files.source, model, first.size()));
  }
  return texts;
}

std::string FormatStatistics(const ScoreTexts& texts,
                             std::span<const std::unique_ptr<Metric>> metrics) {
  std::string lines;
  for (const auto& metric : metrics) {
    for (size_t s = 0; s < texts.names.size(); ++s) {
      const StatsTable table = CountStats(*metric, texts.hypotheses[s], texts.references);
      lines += OrderedJson{{"system", texts.names[s]}, {"metric", metric->name()}}.dump();
      lines.back() = ',';
      lines += "\"rows\":[";
      for (size_t i = 0; i < table.rows(); ++i)
        lines += fmt::format("{}[{}]", i == 0 ? "" : ",", fmt::join(table.row(i), ","));
      lines += "]}\n";
    }
  }
  return lines;
}

Result<ScoreReport> ScoreSystems(const ScoreTexts& texts,
                                 std::span<const std::unique_ptr<Metric>> metrics,
                                 std::span<const SegmentScores> outside, const ScorePlan& plan) {
  if (plan.test && texts.names.size() < 2) {
    return Fail(ErrorCode::kInvalidArgument,
                "expected a baseline and at least one more system for a paired test, found one");
  }
  ScoreReport report{texts.names, texts.sentences(), CountReferences(texts), plan, {}};
  for (const auto& metric : metrics) {
    std::vector<StatsTable> tables;
    for (const auto& hypotheses : texts.hypotheses)
      tables.push_back(CountStats(*metric, hypotheses, texts.references));
    DRAGOMAN_ASSIGN_OR_RETURN(MetricReport one,
                              ReportMetric(*metric, tables, report.references, plan));
    report.metrics.push_back(std::move(one));
  }
  for (const SegmentScores& scores : outside) {
    const auto metric = MakeMeanMetric(scores.name, scores.higher_is_better);
    std::vector<StatsTable> tables;
    for (const auto& system : scores.systems) tables.push_back(TableOfScores(system));
    DRAGOMAN_ASSIGN_OR_RETURN(MetricReport one,
                              ReportMetric(*metric, tables, report.references, plan));
    report.metrics.push_back(std::move(one));
  }
  return report;
}

}  // namespace dragoman
