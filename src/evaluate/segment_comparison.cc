// Means of imported scores, resampled as everything else.
#include "evaluate/segment_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
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

// Where less is better the build's scores are turned around the baseline's, so that a loss is one
// and has a loss's bounds.
void Orient(std::vector<Scores>& means) {
  for (Scores& one : means) one.quantized = 2 * one.baseline - one.quantized;
}

// A score of any scale has no worst, so what is only to inform reckons with what was seen.
constexpr double kOfAnyScale = 0;

// What a sentence lost whole would score. A percentage of the mean takes the scale to begin at 0,
// so a score falls there; errors rise to the end of the least scale in use that holds them all
// (shares, MQM's 25, percent).
double WorstScore(const SegmentScores& metric) {
  double least = 0, most = 0;
  for (const auto& system : metric.systems) {
    for (const double score : system) {
      least = std::min(least, score);
      most = std::max(most, score);
    }
  }
  if (metric.higher_is_better) return least;
  for (const double end : {1.0, 25.0, 100.0}) {
    if (most <= end) return end;
  }
  return most;
}

// The means over pairs of each draw, and the change with the unseen reckoned in.
void AddReckoned(const std::vector<const std::vector<Scores>*>& pairs, double heaviest_sentence,
                 double worst, double confidence, SegmentMetricComparison& comparison) {
  const auto weight = 1.0 / static_cast<double>(pairs.size());
  for (size_t draw = 0; draw < pairs[0]->size(); ++draw) {
    Scores mean;
    for (const auto* scores : pairs) {
      mean.baseline += (*scores)[draw].baseline * weight;
      mean.quantized += (*scores)[draw].quantized * weight;
    }
    comparison.baseline_draws.push_back(mean.baseline);
    comparison.quantized_draws.push_back(mean.quantized);
  }
  comparison.heaviest_points = heaviest_sentence * std::abs(comparison.baseline_mean - worst);
  const double share = comparison.baseline_mean > 0
                           ? comparison.heaviest_points / comparison.baseline_mean
                           : kOfAnyScale;
  comparison.reckoned = DeltaOf(pairs, confidence, share);
}

SegmentMetricComparison CompareOne(const std::vector<PairPlaces>& pairs,
                                   const SegmentScores& metric, const GateOptions& options) {
  SegmentMetricComparison comparison;
  comparison.name = metric.name;
  comparison.higher_is_better = metric.higher_is_better;
  DrawsTogether together(options.seed);
  std::vector<std::vector<Scores>> means;
  std::vector<const std::vector<std::string>*> ids;
  for (const PairPlaces& pair : pairs) {
    means.push_back(MeansOver(pair, metric, options.bootstrap_draws, together.For(pair.ids)));
    ids.push_back(&pair.ids);
  }
  std::vector<const std::vector<Scores>*> all;
  const auto weight = 1.0 / static_cast<double>(pairs.size());
  for (size_t p = 0; p < pairs.size(); ++p) {
    const std::vector<Scores>* const own = &means[p];
    all.push_back(own);
    const auto samples = static_cast<int64_t>(pairs[p].places.size());
    const Scores whole = own->front();
    comparison.samples += samples;
    comparison.baseline_mean += whole.baseline * weight;
    comparison.quantized_mean += whole.quantized * weight;
    if (!metric.higher_is_better) Orient(means[p]);
    comparison.pairs.push_back({pairs[p].pair, samples, whole.baseline, whole.quantized,
                                DeltaOf({&own, 1}, options.confidence, kOfAnyScale)});
  }
  comparison.mean = DeltaOf(all, options.confidence, kOfAnyScale);
  AddReckoned(all, HeaviestSentence(ids), WorstScore(metric), options.confidence, comparison);
  return comparison;
}

// The loss less what the limit grants, in points: over 0 is over the limit. Unlike a quotient of
// two means it scatters no worse where the baseline's mean is small (Fieller).
LossEstimate LossBeyond(const SegmentMetricComparison& metric, double limit) {
  std::vector<double> changes;
  for (size_t draw = 0; draw < metric.baseline_draws.size(); ++draw) {
    const double kept = metric.baseline_draws[draw] * (1 - limit / 100);
    changes.push_back(metric.quantized_draws[draw] - kept);
  }
  return EstimateLoss(changes, metric.heaviest_points);
}

GateCheck OfNothingSure(GateCheck check, double mean, double errors) {
  check.verdict = Decision::kReconsider;
  check.shown = false;
  check.basis = "no score";
  check.reason = fmt::format(
      "{}: the baseline's mean of {:.4g} lies only {:.1f} standard errors above 0; a percentage of "
      "it says nothing",
      check.name, mean, errors);
  return check;
}

Result<GateCheck> JudgeOne(const SegmentMetricComparison& metric, double limit,
                           const GateOptions& options) {
  if (metric.baseline_mean <= 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a mean above 0 of the baseline to take {:.2f} % of, found {}",
                            limit, metric.baseline_mean),
                metric.name);
  }
  constexpr double kFewestErrors = 4;  // above 0
  GateCheck check;
  check.name = metric.name + " loss";
  check.limit_percent = limit;
  check.delta = metric.reckoned;
  const double error = EstimateLoss(metric.baseline_draws, 0).error;
  if (metric.baseline_mean < kFewestErrors * error)
    return OfNothingSure(std::move(check), metric.baseline_mean, metric.baseline_mean / error);
  const std::string figures = fmt::format("{}: {:.2f} % [{:.2f}, {:.2f}] of the mean", check.name,
                                          0.0 - check.delta.percent, 0.0 - check.delta.percent_high,
                                          0.0 - check.delta.percent_low);
  const double alpha = GateLevels{options.fallback_loss_percent, options.confidence}.alpha();
  const LossEstimate beyond = LossBeyond(metric, limit);
  const bool under = ChanceOfSeemingSmaller(beyond, 0.0) <= alpha;
  const bool over = ChanceOfSeemingLarger(beyond, 0.0) <= alpha;
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
