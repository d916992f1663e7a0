// Scores of other programs in the comparison: out as JSON lines, back as numbers, deltas with
// intervals, a gate only where one is asked for.
#include "evaluate/segment_comparison.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/atomic_file.h"
#include "base/random.h"
#include "evaluate/json_shape_for_tests.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// `sentences` of each pair, and an edge case that is not scored.
BenchmarkResult EqualRun(int sentences, const std::vector<std::string>& targets = {"de", "fr"}) {
  BenchmarkResult run;
  for (const std::string& target : targets) {
    for (int i = 0; i <= sentences; ++i) {
      Prediction one;
      one.id = fmt::format("s-{}", i);
      one.source_lang = "en";
      one.target_lang = target;
      one.pair = "en-" + target;
      one.domain = i == sentences ? "edge:url" : "talk";
      one.source = fmt::format("source {}", i);
      one.reference = fmt::format("reference {} of {} in all its length", i, target);
      one.hypothesis = one.reference;
      run.predictions.push_back(std::move(one));
    }
  }
  ScorePredictions(run);
  return run;
}

double StandardNormal(Random& random) {
  double sum = -6;  // of twelve uniform numbers: near enough
  for (int i = 0; i < 12; ++i) sum += random.Uniform();
  return sum;
}

// Scores around 0.8; the build's lie `loss` lower with the scatter `noise`.
SegmentScores MakeScores(size_t sentences, double loss, double noise, uint64_t seed = 1) {
  SegmentScores scores{"COMET", true, {{}, {}}};
  Random random(seed);
  for (size_t i = 0; i < sentences; ++i) {
    const double baseline = 0.8 + 0.1 * StandardNormal(random);
    scores.systems[0].push_back(baseline);
    scores.systems[1].push_back(baseline - loss + noise * StandardNormal(random));
  }
  return scores;
}

SegmentMetricComparison MustCompareScores(const BenchmarkResult& run, const SegmentScores& scores) {
  const auto compared = CompareSegmentScores(run, {&scores, 1}, {});
  EXPECT_TRUE(compared) << ToString(compared.error());
  return compared ? compared->front() : SegmentMetricComparison{};
}

TEST(SegmentComparison, MeansAndChangesByPair) {
  const BenchmarkResult run = EqualRun(50);
  const SegmentMetricComparison compared = MustCompareScores(run, MakeScores(100, 0.02, 0));
  EXPECT_EQ(compared.samples, 100);
  ASSERT_THAT(compared.pairs, SizeIs(2));
  EXPECT_EQ(compared.pairs[1].pair, "en-fr");
  EXPECT_EQ(compared.pairs[1].samples, 50);
  for (const SegmentMetricPair& pair : compared.pairs) {
    EXPECT_NEAR(pair.quantized - pair.baseline, -0.02, 1e-12);
    EXPECT_NEAR(pair.delta.points_low, -0.02, 1e-9);  // the same change in every sentence
    EXPECT_NEAR(pair.delta.points_high, -0.02, 1e-9);
    EXPECT_STREQ(ChangeShown(pair.delta), "worse");
  }
  EXPECT_NEAR(compared.mean.percent, -100 * 0.02 / compared.baseline_mean, 1e-9);
}

TEST(SegmentComparison, WhereLessIsBetterADropIsForTheBetter) {
  SegmentScores errors = MakeScores(100, 0.02, 0);
  errors.higher_is_better = false;
  const SegmentMetricComparison compared = MustCompareScores(EqualRun(50), errors);
  EXPECT_NEAR(compared.mean.points, 0.02, 1e-12);
  EXPECT_GT(compared.mean.percent, 0);
  EXPECT_LE(compared.mean.points_low, compared.mean.points_high);
  EXPECT_STREQ(ChangeShown(compared.mean), "better");
}

// The worst that a lower score can be called is as far out as the best that a higher one can.
TEST(SegmentComparison, ErrorsHaveTheBoundsOfTheirMirrorImage) {
  SegmentScores scores = MakeScores(100, 0, 0.001);
  for (const size_t lost : {7u, 60u}) scores.systems[1][lost] -= 0.6;  // rare and large: skewed
  SegmentScores errors = scores;
  errors.higher_is_better = false;
  for (size_t i = 0; i < 100; ++i)
    errors.systems[1][i] = 2 * scores.systems[0][i] - scores.systems[1][i];
  const BenchmarkResult run = EqualRun(50);
  const Delta down = MustCompareScores(run, scores).mean, up = MustCompareScores(run, errors).mean;
  EXPECT_GT(down.points - down.points_low, 1.2 * (down.points_high - down.points));
  EXPECT_NEAR(up.points_low, down.points_low, 1e-12);
  EXPECT_NEAR(up.points_high, down.points_high, 1e-12);
  EXPECT_NEAR(up.percent_low, down.percent_low, 1e-10);
  EXPECT_NEAR(up.percent_high, down.percent_high, 1e-10);
}

// How often a build whose loss lies at its limit, all of it from rare disasters, is a GO.
struct Disasters {
  size_t sentences = 0;
  double share = 0;  // of the sentences
  double score = 0;  // of a lost one
  double limit = 0;  // percent; what share and score come to
  bool higher_is_better = true;
};
double FalseGoes(const Disasters& kind, double baseline_score, int runs) {
  const BenchmarkResult run = EqualRun(static_cast<int>(kind.sentences), {"de"});
  GateOptions options;
  options.bootstrap_draws = 200;
  options.max_segment_loss_percent = {{"COMET", kind.limit}};
  int goes = 0;
  for (int i = 0; i < runs; ++i) {
    Random random(900 + static_cast<uint64_t>(i));
    SegmentScores scores{"COMET", kind.higher_is_better, {{}, {}}};
    for (size_t s = 0; s < kind.sentences; ++s) {
      const double baseline = baseline_score * (1 + 0.1 * StandardNormal(random));
      const double kept = baseline + 0.002 * baseline_score * StandardNormal(random);
      scores.systems[0].push_back(baseline);
      scores.systems[1].push_back(random.Uniform() < kind.share ? kind.score : kept);
    }
    options.seed = 7 + static_cast<uint64_t>(i);
    const auto compared = CompareSegmentScores(run, {&scores, 1}, options);
    const auto checks = JudgeSegmentMetrics(*compared, options);
    goes += checks->front().verdict == Decision::kGo ? 1 : 0;
  }
  return static_cast<double>(goes) / runs;
}

TEST(SegmentComparison, RareDisastersAtTheLimitAreNotAGo) {
  constexpr int kRuns = 400;
  // The share of false GOs is asked to be 2.5 %; 5 % of 400 runs are three standard errors more.
  for (const size_t sentences : {60u, 150u, 300u, 600u}) {
    EXPECT_LE(FalseGoes({sentences, 0.01, 0.0, 1.0, true}, 0.8, kRuns), 0.05) << sentences;
    EXPECT_LE(FalseGoes({sentences, 0.02, 0.4, 1.0, true}, 0.8, kRuns), 0.05) << sentences;
    // Errors of 3 on the average, 25 where all is lost: 0.01 * 22 / 3.
    EXPECT_LE(FalseGoes({sentences, 0.01, 25, 22 / 3.0, false}, 3, kRuns), 0.05) << sentences;
  }
  // A build without a loss is one, where there are sentences enough to tell.
  EXPECT_GE(FalseGoes({600, 0, 0, 1.0, true}, 0.8, kRuns), 0.99);
}

TEST(SegmentComparison, APercentageOfAMeanThatMayBeNothingIsUndecided) {
  const BenchmarkResult run = EqualRun(100, {"de"});
  SegmentScores scores = MakeScores(100, 0, 0.0001);
  for (auto& system : scores.systems) {
    for (double& score : system) score -= 0.77;  // 0.03 +- 0.01: some three errors above 0
  }
  GateOptions options;
  options.max_segment_loss_percent = {{"COMET", 90}};
  const auto compared = CompareSegmentScores(run, {&scores, 1}, options);
  ASSERT_TRUE(compared);
  ASSERT_GT(compared->front().baseline_mean, 0);
  const auto checks = JudgeSegmentMetrics(*compared, options);
  ASSERT_TRUE(checks) << ToString(checks.error());
  EXPECT_EQ(checks->front().verdict, Decision::kReconsider);
  EXPECT_FALSE(checks->front().shown);
  EXPECT_EQ(checks->front().basis, "no score");
  EXPECT_THAT(checks->front().reason, HasSubstr("standard errors above 0"));
}

TEST(SegmentComparison, IntervalsAreThoseOfPairedMeans) {
  // 1.96 standard errors of the mean difference; the bootstrap of 1,000 draws knows them to 3 %.
  const BenchmarkResult run = EqualRun(400, {"de"});
  int shown = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const SegmentMetricComparison compared =
        MustCompareScores(run, MakeScores(400, 0.0, 0.05, seed));
    const double half_width = (compared.mean.points_high - compared.mean.points_low) / 2;
    EXPECT_NEAR(half_width, 1.96 * 0.05 / std::sqrt(400.0), 0.2 * 1.96 * 0.05 / std::sqrt(400.0));
    shown += std::string(ChangeShown(compared.mean)) != "no change shown";
  }
  EXPECT_LE(shown, 6);  // 95 % of intervals hold the truth: more than 6 of 40 come once in 300 runs
}

TEST(SegmentComparison, ASentenceIsDrawnInAllLanguagesTogether) {
  // Equal changes in both languages: the mean is no surer than one of them.
  SegmentScores scores = MakeScores(200, 0.0, 0.05);
  for (auto& system : scores.systems) system.insert(system.end(), system.begin(), system.end());
  const SegmentMetricComparison compared = MustCompareScores(EqualRun(200), scores);
  EXPECT_NEAR(compared.mean.points_low, compared.pairs[0].delta.points_low, 1e-9);
  EXPECT_NEAR(compared.mean.points_high, compared.pairs[1].delta.points_high, 1e-9);
}

TEST(SegmentComparison, GoesOutAsLinesAndComesBackInAnyOrder) {
  const BenchmarkResult baseline = EqualRun(3);
  BenchmarkResult quantized = EqualRun(3);
  std::reverse(quantized.predictions.begin(), quantized.predictions.end());
  quantized.predictions.back().hypothesis = "another one";  // of the first German sentence
  const auto segments = NeuralSegmentsOf(baseline, quantized);
  ASSERT_TRUE(segments) << ToString(segments.error());
  ASSERT_THAT(*segments, SizeIs(12));  // no edge cases
  EXPECT_EQ((*segments)[0].hypothesis, baseline.predictions[0].reference);
  EXPECT_EQ((*segments)[6].hypothesis, "another one");
  EXPECT_EQ((*segments)[6].name.system, "quantized");

  std::vector<std::string> lines;
  for (const NeuralSegment& one : *segments) {
    std::string line = FormatNeuralLines(NeuralFormat::kMetricX, {&one, 1});
    line.resize(line.size() - 2);  // "}\n"
    lines.push_back(line + fmt::format(", \"prediction\": {}}}\n", one.hypothesis.size()));
  }
  std::rotate(lines.begin(), lines.begin() + 5, lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  const std::string path = ::testing::TempDir() + "dragoman_metricx.jsonl";
  ASSERT_TRUE(WriteFileAtomically(path, text));
  const auto scores = ReadSegmentScoresOfRuns("MetricX", path, false, baseline);
  ASSERT_TRUE(scores) << ToString(scores.error());
  EXPECT_EQ(scores->systems[1][0], std::string("another one").size());
  for (size_t i = 0; i < 6; ++i)
    EXPECT_EQ(scores->systems[0][i], static_cast<double>((*segments)[i].reference.size()));

  ASSERT_TRUE(WriteFileAtomically(path, text.substr(0, text.find('\n') + 1)));
  EXPECT_FALSE(ReadSegmentScoresOfRuns("MetricX", path, false, baseline));
  const auto named = ReadSegmentScoresOfRuns("<b>|x", path, false, baseline);
  ASSERT_FALSE(named);
  EXPECT_THAT(ToString(named.error()), HasSubstr("expected a metric's name"));
  quantized.predictions.pop_back();
  EXPECT_FALSE(NeuralSegmentsOf(baseline, quantized));
}

TEST(SegmentComparison, InformsAndGatesOnlyWhenAsked) {
  const BenchmarkResult run = EqualRun(600);
  const SegmentScores scores = MakeScores(1200, 0.05, 0.01);
  GateOptions options;
  const auto informed = Compare(run, run, options, {&scores, 1});
  ASSERT_TRUE(informed) << ToString(informed.error());
  EXPECT_EQ(informed->decision, Decision::kGo);  // equal outputs, whatever COMET says
  ASSERT_THAT(informed->segment_metrics, SizeIs(1));
  EXPECT_STREQ(ChangeShown(informed->segment_metrics[0].mean), "worse");

  options.max_segment_loss_percent = {{"COMET", 1.0}};
  const auto gated = Compare(run, run, options, {&scores, 1});
  ASSERT_TRUE(gated) << ToString(gated.error());
  EXPECT_EQ(gated->decision, Decision::kReconsider);
  EXPECT_EQ(gated->checks.back().name, "COMET loss");
  EXPECT_TRUE(gated->checks.back().shown);
  EXPECT_THAT(gated->checks.back().reason, HasSubstr("shown to be over the limit of 1.00 %"));

  options.max_segment_loss_percent = {{"COMET", 9.0}};
  EXPECT_EQ(Compare(run, run, options, {&scores, 1})->decision, Decision::kGo);
  const SegmentScores unsure = MakeScores(1200, 0.0, 0.5);
  options.max_segment_loss_percent = {{"COMET", 0.5}};
  const auto open = Compare(run, run, options, {&unsure, 1});
  ASSERT_TRUE(open);
  EXPECT_FALSE(open->checks.back().shown);
  EXPECT_EQ(open->decision, Decision::kReconsider);

  options.max_segment_loss_percent = {{"BLEURT", 1.0}};
  const auto unknown = Compare(run, run, options, {&scores, 1});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(ToString(unknown.error()), HasSubstr("BLEURT"));
}

TEST(SegmentComparison, PercentagesOfNothingAreRefusedAndLeftOut) {
  const BenchmarkResult run = EqualRun(40, {"de"});
  SegmentScores scores = MakeScores(40, 0.01, 0.01);
  for (auto& system : scores.systems) {
    for (double& score : system) score -= 2;  // as older COMET models score
  }
  GateOptions options;
  const auto informed = Compare(run, run, options, {&scores, 1});
  ASSERT_TRUE(informed);
  const OrderedJson json = ToJson(*informed, run, run)["segment_metrics"][0];
  EXPECT_FALSE(json["change"].contains("percent"));
  EXPECT_TRUE(json["change"].contains("points_interval"));
  options.max_segment_loss_percent = {{"COMET", 1.0}};
  EXPECT_FALSE(Compare(run, run, options, {&scores, 1}));
  scores.systems[1].pop_back();
  EXPECT_FALSE(Compare(run, run, {}, {&scores, 1}));
}

TEST(SegmentComparison, NoMoreThanEverythingCanBeLost) {
  const BenchmarkResult run = EqualRun(5);
  BenchmarkResult lost = run;
  for (Prediction& one : lost.predictions) one.hypothesis = "x";
  const auto comparison = Compare(run, lost, {});
  ASSERT_TRUE(comparison) << ToString(comparison.error());
  const auto expect_within = [](const Delta& delta, double baseline) {
    EXPECT_GE(delta.percent_low, -100);
    EXPECT_LE(delta.percent_low, delta.percent);
    EXPECT_GE(delta.points_low, 0.0 - baseline);
    EXPECT_LE(delta.points_low, delta.points);
  };
  expect_within(comparison->mean_bleu, comparison->baseline_mean_bleu);
  expect_within(comparison->mean_chrf, comparison->baseline_mean_chrf);
  for (const PairComparison& pair : comparison->pairs) {
    expect_within(pair.bleu, pair.baseline_bleu);
    expect_within(pair.chrf, pair.baseline_chrf);
  }
}

TEST(SegmentComparison, ItsJsonFitsTheSchema) {
  const BenchmarkResult run = EqualRun(40);
  const SegmentScores scores = MakeScores(80, 0.01, 0.01);
  GateOptions options;
  options.max_segment_loss_percent = {{"COMET", 5.0}};
  const auto comparison = Compare(run, run, options, {&scores, 1});
  ASSERT_TRUE(comparison) << ToString(comparison.error());
  const auto schema =
      ReadJsonFile(std::string(DRAGOMAN_SOURCE_DIR) + "/schemas/comparison.schema.json");
  ASSERT_TRUE(schema);
  std::vector<std::string> misfits;
  const Json json(ToJson(*comparison, run, run));
  FindMisfits(*schema, json, "$", misfits);
  EXPECT_THAT(misfits, IsEmpty());
  EXPECT_EQ(json["segment_metrics"][0]["language_pairs"].size(), 2u);
  EXPECT_EQ(json["method"]["max_segment_loss_percent"]["COMET"], 5.0);
}

}  // namespace
}  // namespace dragoman
