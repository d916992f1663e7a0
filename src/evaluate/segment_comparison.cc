// Means of imported scores, resampled as everything else.
#include "evaluate/segment_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "base/atomic_file.h"
#include "evaluate/gate.h"
#include "evaluate/resample.h"

namespace dragoman {
namespace {

// The scored sentences of a pair: their places among all scored ones, and their ids.
struct PairPlaces {
  std::string pair;
  std::vector<size_t> places;
  std::vector<std::string> ids;
};

std::vector<PairPlaces> PlacesOf(const BenchmarkResult& baseline) {
  std::vector<PairPlaces> pairs;
  std::map<std::string, size_t> index;
  size_t place = 0;
  for (const Prediction& one : baseline.predictions) {
    if (one.is_edge_case()) continue;
    const size_t at = index.emplace(one.pair, pairs.size()).first->second;
    if (at == pairs.size()) pairs.push_back({one.pair, {}, {}});
    pairs[at].places.push_back(place++);
    pairs[at].ids.push_back(one.id);
  }
  return pairs;
}

// Element 0 is the whole sample, the rest are draws.
std::vector<Scores> MeansOver(const PairPlaces& pair, const SegmentScores& metric, int draws,
                              Random random) {
  const std::vector<double>& baseline = metric.systems[0];
  const std::vector<double>& quantized = metric.systems[1];
  const size_t count = pair.places.size();
  std::vector<Scores> means;
  for (int draw = 0; draw <= draws; ++draw) {
    Scores sum;
    for (size_t i = 0; i < count; ++i) {
      const size_t place = pair.places[draw == 0 ? i : random.Below(count)];
      sum.baseline += baseline[place];
      sum.quantized += quantized[place];
    }
    means.push_back(
        {sum.baseline / static_cast<double>(count), sum.quantized / static_cast<double>(count)});
  }
  return means;
}

// Negative is worse: turned around where less is better.
Delta Oriented(Delta delta, bool higher_is_better) {
  if (higher_is_better) return delta;
  std::swap(delta.points_low, delta.points_high);
  std::swap(delta.percent_low, delta.percent_high);
  for (double* value : {&delta.points, &delta.points_low, &delta.points_high, &delta.percent,
                        &delta.percent_low, &delta.percent_high})
    *value = 0.0 - *value;
  delta.loss_skewness = 0.0 - delta.loss_skewness;
  return delta;
}

// A score of any scale has no worst, so nothing is known of what was not seen.
constexpr double kOfAnyScale = 0;

SegmentMetricComparison CompareOne(const std::vector<PairPlaces>& pairs,
                                   const SegmentScores& metric, const GateOptions& options) {
  SegmentMetricComparison comparison;
  comparison.name = metric.name;
  comparison.higher_is_better = metric.higher_is_better;
  DrawsTogether together(options.seed);
  std::vector<std::vector<Scores>> means;
  for (const PairPlaces& pair : pairs)
    means.push_back(MeansOver(pair, metric, options.bootstrap_draws, together.For(pair.ids)));
  std::vector<const std::vector<Scores>*> all;
  const auto weight = 1.0 / static_cast<double>(pairs.size());
  for (size_t p = 0; p < pairs.size(); ++p) {
    const std::vector<Scores>* const own = &means[p];
    all.push_back(own);
    const auto samples = static_cast<int64_t>(pairs[p].places.size());
    comparison.samples += samples;
    comparison.baseline_mean += own->front().baseline * weight;
    comparison.quantized_mean += own->front().quantized * weight;
    comparison.pairs.push_back(
        {pairs[p].pair, samples, own->front().baseline, own->front().quantized,
         Oriented(DeltaOf({&own, 1}, options.confidence, kOfAnyScale), metric.higher_is_better)});
  }
  comparison.mean =
      Oriented(DeltaOf(all, options.confidence, kOfAnyScale), metric.higher_is_better);
  return comparison;
}

Result<GateCheck> JudgeOne(const SegmentMetricComparison& metric, double limit,
                           const GateOptions& options) {
  if (metric.baseline_mean <= 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a mean above 0 of the baseline to take {:.2f} % of, found {}",
                            limit, metric.baseline_mean),
                metric.name);
  }
  GateCheck check;
  check.name = metric.name + " loss";
  check.limit_percent = limit;
  check.delta = metric.mean;
  const std::string figures = fmt::format("{}: {:.2f} % [{:.2f}, {:.2f}] of the mean", check.name,
                                          0.0 - metric.mean.percent, 0.0 - metric.mean.percent_high,
                                          0.0 - metric.mean.percent_low);
  const double alpha = GateLevels{options.fallback_loss_percent, options.confidence}.alpha();
  const bool under = ChanceOfSeemingSmaller(metric.mean, limit) <= alpha;
  const bool over = ChanceOfSeemingLarger(metric.mean, limit) <= alpha;
  const bool enough = metric.samples >= kFewestSentences;
  check.shown = enough && (under || over);
  check.verdict = enough && under ? Decision::kGo : Decision::kReconsider;
  check.basis = check.shown ? metric.name : "too few sentences";
  check.reason = fmt::format("{}: {} {:.2f} %", figures,
                             !check.shown ? "too few sentences to tell; limit"
                             : under      ? "under the limit of"
                                          : "shown to be over the limit of",
                             limit);
  return check;
}

}  // namespace

const char* ChangeShown(const Delta& delta) {
  if (delta.points_high < 0) return "worse";
  return delta.points_low > 0 ? "better" : "no change shown";
}

std::vector<SegmentName> SegmentNamesOf(const BenchmarkResult& baseline) {
  std::vector<SegmentName> names;
  for (const char* system : {kBaselineSystem, kQuantizedSystem}) {
    for (const Prediction& one : baseline.predictions) {
      if (!one.is_edge_case()) names.push_back({system, one.pair, one.id});
    }
  }
  return names;
}

Result<std::vector<NeuralSegment>> NeuralSegmentsOf(const BenchmarkResult& baseline,
                                                    const BenchmarkResult& quantized) {
  std::map<std::pair<std::string, std::string>, const Prediction*> others;
  for (const Prediction& one : quantized.predictions) others[{one.pair, one.id}] = &one;
  std::vector<NeuralSegment> of_baseline, of_quantized;
  for (const Prediction& one : baseline.predictions) {
    if (one.is_edge_case()) continue;
    const auto other = others.find({one.pair, one.id});
    if (other == others.end()) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("sample {} of {} is missing in the quantized build's run", one.id, one.pair));
    }
    of_baseline.push_back(
        {{kBaselineSystem, one.pair, one.id}, one.source, one.hypothesis, one.reference});
    of_quantized.push_back({{kQuantizedSystem, one.pair, one.id},
                            one.source,
                            other->second->hypothesis,
                            one.reference});
  }
  of_baseline.insert(of_baseline.end(), of_quantized.begin(), of_quantized.end());
  return of_baseline;
}

Result<SegmentScores> ReadSegmentScoresOfRuns(const std::string& name, const std::string& path,
                                              bool higher_is_better,
                                              const BenchmarkResult& baseline) {
  constexpr size_t kLongestName = 40;
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == ' ' || c == '-' || c == '_' || c == '.' || c == '+';
  });
  if (name.empty() || name.size() > kLongestName || !plain) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "expected a metric's name of letters, digits, space and -_.+, found \"" + name + "\"");
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const std::vector<SegmentName> names = SegmentNamesOf(baseline);
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<double> all,
                            ParseSegmentScores(text, path, name, names));
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  return SegmentScores{name, higher_is_better, {{all.begin(), middle}, {middle, all.end()}}};
}

Result<std::vector<SegmentMetricComparison>> CompareSegmentScores(
    const BenchmarkResult& baseline, std::span<const SegmentScores> metrics,
    const GateOptions& options) {
  std::vector<SegmentMetricComparison> comparisons;
  if (metrics.empty()) return comparisons;
  const std::vector<PairPlaces> pairs = PlacesOf(baseline);
  size_t sentences = 0;
  for (const PairPlaces& pair : pairs) sentences += pair.places.size();
  for (const SegmentScores& metric : metrics) {
    if (metric.systems.size() != 2 || metric.systems[0].size() != sentences ||
        metric.systems[1].size() != sentences) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected a score of each of {} sentences of two systems", sentences),
                  metric.name);
    }
    comparisons.push_back(CompareOne(pairs, metric, options));
  }
  return comparisons;
}

Result<std::vector<GateCheck>> JudgeSegmentMetrics(std::span<const SegmentMetricComparison> metrics,
                                                   const GateOptions& options) {
  std::vector<GateCheck> checks;
  for (const auto& [name, limit] : options.max_segment_loss_percent) {
    const auto metric = std::find_if(metrics.begin(), metrics.end(),
                                     [&name = name](const auto& one) { return one.name == name; });
    if (metric == metrics.end()) {
      return Fail(ErrorCode::kInvalidArgument, "a limit is given, but no scores of this metric",
                  name);
    }
    DRAGOMAN_ASSIGN_OR_RETURN(GateCheck check, JudgeOne(*metric, limit, options));
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace dragoman
