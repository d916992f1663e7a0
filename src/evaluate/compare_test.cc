// The gate: identical, damaged and undecidable builds; its parts; its JSON against the schema.
#include "evaluate/compare.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"
#include "evaluate/gate.h"
#include "evaluate/json_shape_for_tests.h"
#include "evaluate/metrics/bleu.h"
#include "evaluate/resample.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Sentences of made-up words; the output misses each word with the chance `errors`.
BenchmarkResult MakeRun(int sentences, double errors, uint64_t seed,
                        std::vector<std::string> targets = {"de", "fr", "es"}) {
  BenchmarkResult result;
  result.model_bytes = 1000;
  for (const std::string& target : targets) {
    Random words(7);
    Random noise(seed);
    for (int i = 0; i < sentences; ++i) {
      Prediction one;
      one.id = fmt::format("s{:04}", i);
      one.source_lang = "en";
      one.target_lang = target;
      one.pair = "en-" + target;
      one.domain = "talk";
      one.source = fmt::format("source sentence {}", i);
      for (int w = 0; w < 12; ++w) {
        const std::string word =
            fmt::format("wo{}rd{}", words.Below(50), static_cast<char>('a' + words.Below(26)));
        one.reference += word + " ";
        one.hypothesis +=
            (noise.Uniform() < errors ? fmt::format("mis{}take", noise.Below(90)) : word) + " ";
      }
      one.new_tokens = 12;
      one.seconds = 0.01;
      one.latency_ms = 10;
      result.predictions.push_back(std::move(one));
    }
  }
  ScorePredictions(result);
  return result;
}

// `base` with every word of the chosen share of sentences spoilt with the chance `errors`.
BenchmarkResult Damage(const BenchmarkResult& base, double share, double errors, uint64_t seed) {
  BenchmarkResult result = base;
  Random random(seed);
  for (Prediction& one : result.predictions) {
    if (random.Uniform() >= share) continue;
    std::string spoilt;
    size_t begin = 0;
    while (begin < one.hypothesis.size()) {
      const size_t end = one.hypothesis.find(' ', begin);
      spoilt +=
          random.Uniform() < errors ? "spoilt " : one.hypothesis.substr(begin, end - begin + 1);
      begin = end + 1;
    }
    one.hypothesis = spoilt;
  }
  ScorePredictions(result);
  return result;
}

Comparison MustCompare(const BenchmarkResult& baseline, const BenchmarkResult& quantized) {
  auto comparison = Compare(baseline, quantized, {});
  EXPECT_TRUE(comparison) << ToString(comparison.error());
  return comparison ? *comparison : Comparison{};
}

const GateCheck& CheckNamed(const Comparison& comparison, const std::string& name) {
  for (const GateCheck& check : comparison.checks) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check named " << name;
  return comparison.checks.front();
}

TEST(Compare, EqualOutputsAreGo) {
  const BenchmarkResult run = MakeRun(600, 0.3, 1);
  const Comparison comparison = MustCompare(run, run);
  EXPECT_EQ(comparison.decision, Decision::kGo) << comparison.reasons[0];
  EXPECT_EQ(ExitCodeOf(comparison.decision), 0);
  EXPECT_EQ(comparison.mean_bleu.percent, 0);
  EXPECT_EQ(comparison.mean_bleu.percent_high, 0);
  // Three languages of the same 600 sentences: what sentence 601 would do to all three is not
  // known.
  EXPECT_NEAR(comparison.mean_bleu.percent_low, -100 * 3.688879 / 600, 1e-5);
  EXPECT_EQ(comparison.identical_share, 1);
  EXPECT_EQ(comparison.reasons.size(), 1u);
}

TEST(Compare, SixtyEqualOutputsDoNotRuleOutALossOfAPercent) {
  const BenchmarkResult run = MakeRun(60, 0.3, 1);
  const Comparison comparison = MustCompare(run, run);
  EXPECT_EQ(comparison.decision, Decision::kReconsider);
  const GateCheck& mean = CheckNamed(comparison, "mean BLEU loss");
  EXPECT_FALSE(mean.shown);
  EXPECT_THAT(mean.reason, HasSubstr("BLEU loss 0.00 % [0.00, 6.15]"));
  EXPECT_THAT(mean.reason, HasSubstr("more sentences would decide (limit 1.00 %)"));
  // By the baseline's variance sixty sentences do not carry BLEU, equal outputs or not.
  for (const auto& pair : comparison.pairs) EXPECT_FALSE(pair.bleu_can_tell);
}

TEST(Compare, AFewEqualOutputsProveNothing) {
  const BenchmarkResult run = MakeRun(8, 0.3, 1);
  const Comparison comparison = MustCompare(run, run);
  EXPECT_EQ(comparison.decision, Decision::kReconsider);
  EXPECT_EQ(CheckNamed(comparison, "mean BLEU loss").verdict,
            Decision::kReconsider);  // 24 sentences
  EXPECT_THAT(comparison.reasons[0], HasSubstr("fewer than 30"));
}

TEST(Compare, ABaselineWithoutAMatchProvesNothing) {
  BenchmarkResult run = MakeRun(60, 0.3, 1);
  for (Prediction& one : run.predictions) {
    one.reference = "aaa bbb ccc ddd eee";
    one.hypothesis = "xxx yyy zzz";
  }
  ScorePredictions(run);
  const Comparison comparison = MustCompare(run, run);
  EXPECT_EQ(comparison.decision, Decision::kReconsider);
  EXPECT_THAT(comparison.reasons[0], HasSubstr("scores 0"));
  for (const GateCheck& check : comparison.checks) {
    if (check.of_one_pair) {
      EXPECT_EQ(check.verdict, Decision::kReconsider) << check.reason;
    }
  }
}

TEST(Compare, StrongDamageIsFallback) {
  const BenchmarkResult run = MakeRun(60, 0.2, 1);
  const Comparison comparison = MustCompare(run, Damage(run, 1, 0.3, 2));
  EXPECT_EQ(comparison.decision, Decision::kFallback);
  EXPECT_EQ(ExitCodeOf(comparison.decision), 4);
  EXPECT_LT(comparison.mean_bleu.percent_high, -2);
  EXPECT_LE(comparison.mean_bleu.percent_low, comparison.mean_bleu.percent);
  EXPECT_LE(comparison.mean_bleu.percent, comparison.mean_bleu.percent_high);
  EXPECT_FALSE(comparison.advice.empty());
  EXPECT_THAT(comparison.reasons[0], HasSubstr("shown to be over 2.00 %"));
}

TEST(Compare, FewNoisySentencesAreReconsiderAndSayHowManyMore) {
  const BenchmarkResult baseline = MakeRun(20, 0.3, 1);
  const BenchmarkResult quantized = MakeRun(20, 0.3, 2);  // other mistakes, not more of them
  const Comparison comparison = MustCompare(baseline, quantized);
  EXPECT_EQ(comparison.decision, Decision::kReconsider);
  EXPECT_EQ(ExitCodeOf(comparison.decision), 3);
  const GateCheck& mean = CheckNamed(comparison, "mean BLEU loss");
  EXPECT_FALSE(mean.shown);
  EXPECT_THAT(mean.reason, HasSubstr("more sentences would decide"));
  EXPECT_FALSE(comparison.pairs[0].bleu_can_tell);
}

TEST(Compare, ASmallLossOnManySentencesIsGo) {
  const BenchmarkResult run = MakeRun(1200, 0.2, 1);
  const Comparison comparison = MustCompare(run, Damage(run, 0.01, 0.1, 3));
  EXPECT_EQ(comparison.decision, Decision::kGo) << comparison.reasons[0];
  EXPECT_LT(comparison.mean_bleu.percent, 0);
  EXPECT_GT(comparison.mean_bleu.percent_low, -1);
}

TEST(Compare, OneDamagedPairIsNamedThoughTheMeanIsFine) {
  std::vector<std::string> targets = {"de", "it", "pt", "nl", "sv", "da",
                                      "pl", "cs", "ro", "fi", "hu", "tr"};
  const BenchmarkResult run = MakeRun(700, 0.2, 1, targets);
  BenchmarkResult quantized = run;
  const BenchmarkResult damaged = Damage(run, 1, 0.015, 4);
  for (size_t i = 0; i < quantized.predictions.size(); ++i) {
    if (quantized.predictions[i].target_lang == "it")
      quantized.predictions[i] = damaged.predictions[i];
  }
  const Comparison comparison = MustCompare(run, quantized);
  EXPECT_EQ(comparison.decision, Decision::kReconsider);
  const GateCheck& pair = CheckNamed(comparison, "en-it loss");
  EXPECT_EQ(pair.verdict, Decision::kFallback) << pair.reason;
  EXPECT_TRUE(pair.shown);
  EXPECT_THAT(comparison.advice[1], HasSubstr("the pairs shown to lose most: en-it"));
  EXPECT_EQ(CheckNamed(comparison, "en-de loss").verdict, Decision::kGo) << comparison.reasons[0];
  EXPECT_EQ(CheckNamed(comparison, "mean BLEU loss").verdict, Decision::kGo)
      << comparison.reasons[0];
}

TEST(Compare, GroupsHaveMarginsOfTheirOwn) {
  const BenchmarkResult run = MakeRun(60, 0.2, 1, {"sv", "da", "de"});
  GateOptions options;
  options.groups = {{"nordic", {"en", "sv", "da"}, 1.5, 4.0}};
  const auto comparison = Compare(run, Damage(run, 0.2, 0.1, 4), options);
  ASSERT_TRUE(comparison);
  EXPECT_EQ(CheckNamed(*comparison, "nordic loss").limit_percent, 1.5);
  EXPECT_EQ(CheckNamed(*comparison, "en-sv loss").limit_percent, 4.0);
  EXPECT_EQ(CheckNamed(*comparison, "en-de loss").limit_percent, 2.0);
  for (const GateCheck& check : comparison->checks) EXPECT_NE(check.name, "high-resource loss");
}

TEST(Compare, ReadsGroups) {
  const auto group = ParseMarginGroup("nordic=1.5/3:en,sv,da");
  ASSERT_TRUE(group);
  EXPECT_EQ(group->name, "nordic");
  EXPECT_EQ(group->max_loss_percent, 1.5);
  EXPECT_EQ(group->max_pair_loss_percent, 3);
  EXPECT_EQ(group->languages, (std::vector<std::string>{"en", "sv", "da"}));
  EXPECT_TRUE(group->Holds("en", "sv"));
  EXPECT_FALSE(group->Holds("en", "de"));
  for (const char* bad : {"", "a", "a=1", "a=x:en", "a=1:", "=1:en", "a=-1:en", "a=1/:en"})
    EXPECT_FALSE(ParseMarginGroup(bad)) << bad;
}

TEST(Compare, SaysInWhichLanguageTheModelIsWeak) {
  BenchmarkResult run = MakeRun(60, 0.1, 1);
  const BenchmarkResult poor = Damage(run, 1, 0.4, 4);
  for (size_t i = 0; i < run.predictions.size(); ++i) {
    if (run.predictions[i].target_lang == "fr") run.predictions[i] = poor.predictions[i];
  }
  const Comparison comparison = MustCompare(run, run);
  ASSERT_EQ(comparison.notes.size(), 1u);
  EXPECT_THAT(comparison.notes[0], HasSubstr("en-fr is low-resource for this model"));
}

TEST(Compare, NewFaultsStopAGo) {
  const BenchmarkResult run = MakeRun(100, 0, 1);
  BenchmarkResult quantized = run;
  for (size_t i = 0; i < 6; ++i) quantized.predictions[i * 40].hypothesis = "";
  const Comparison comparison = MustCompare(run, quantized);
  EXPECT_EQ(CheckNamed(comparison, "empty outputs").verdict, Decision::kReconsider);
  EXPECT_NE(comparison.decision, Decision::kGo);
  BenchmarkResult few = run;
  few.predictions[0].hypothesis = "";
  EXPECT_EQ(CheckNamed(MustCompare(run, few), "empty outputs").verdict, Decision::kGo);
}

TEST(Compare, EdgeCasesAreCheckedButNotScored) {
  BenchmarkResult run = MakeRun(40, 0.1, 1);
  Prediction edge;
  edge.id = "e";
  edge.pair = "en-de";
  edge.source_lang = "en";
  edge.target_lang = "de";
  edge.domain = "edge:url";
  edge.source = "See https://a.example";
  edge.hypothesis = "Siehe https://a.example";
  run.predictions.push_back(edge);
  const Comparison comparison = MustCompare(run, run);
  EXPECT_EQ(comparison.samples, 120);
}

TEST(Compare, RefusesRunsOfDifferentSamples) {
  const BenchmarkResult run = MakeRun(10, 0.1, 1);
  BenchmarkResult other = run;
  other.predictions.pop_back();
  EXPECT_EQ(Compare(run, other, {}).error().code, ErrorCode::kInvalidArgument);
  other = run;
  other.predictions[3].id = "elsewhere";
  EXPECT_THAT(Compare(run, other, {}).error().message, HasSubstr("missing"));
  other = run;
  other.predictions[3].source = "another sentence";
  EXPECT_THAT(Compare(run, other, {}).error().message, HasSubstr("another sentence"));
  other = run;
  other.predictions[3].id = other.predictions[4].id;
  EXPECT_THAT(Compare(run, other, {}).error().message, HasSubstr("twice"));
  EXPECT_FALSE(Compare(BenchmarkResult{}, BenchmarkResult{}, {}));
}

TEST(Compare, JsonFitsItsSchemaAndIsDeterministic) {
  const BenchmarkResult run = MakeRun(40, 0.2, 1);
  const BenchmarkResult quantized = Damage(run, 0.5, 0.1, 5);
  const OrderedJson json = ToJson(MustCompare(run, quantized), run, quantized);
  EXPECT_EQ(DumpJson(json), DumpJson(ToJson(MustCompare(run, quantized), run, quantized)));
  EXPECT_TRUE(json["overall_comparison"]["mean_bleu_delta_percent"].is_number());
  EXPECT_FALSE(json["overall_comparison"]["acceptable"].get<bool>());
  const auto schema = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/schemas/comparison.schema.json");
  ASSERT_TRUE(schema);
  std::vector<std::string> misfits;
  FindMisfits(*schema, Json::parse(json.dump()), "$", misfits);
  EXPECT_THAT(misfits, IsEmpty());
}

TEST(Resample, WholeSampleEqualsTheMetrics) {
  const BenchmarkResult run = MakeRun(30, 0.2, 1);
  const BenchmarkResult quantized = Damage(run, 0.5, 0.2, 5);
  const Comparison comparison = MustCompare(run, quantized);
  for (size_t i = 0; i < run.pairs.size(); ++i) {
    EXPECT_EQ(comparison.pairs[i].baseline_bleu, run.pairs[i].bleu);
    EXPECT_EQ(comparison.pairs[i].quantized_chrf, quantized.pairs[i].chrf);
  }
  EXPECT_NEAR(comparison.mean_bleu.points, quantized.mean_bleu - run.mean_bleu, 1e-9);
  EXPECT_NEAR(comparison.mean_bleu.percent, 100 * (quantized.mean_bleu / run.mean_bleu - 1), 1e-9);
}

// A parallel suite's pairs share their draws: with equal data in every language, the mean is no
// surer than one pair.
TEST(Resample, ParallelPairsAreDrawnTogether) {
  const BenchmarkResult run = MakeRun(50, 0.2, 1);
  BenchmarkResult quantized = MakeRun(50, 0.22, 9);
  const Comparison parallel = MustCompare(run, quantized);
  const double one = parallel.pairs[0].bleu.percent_high - parallel.pairs[0].bleu.percent_low;
  const double mean = parallel.mean_bleu.percent_high - parallel.mean_bleu.percent_low;
  EXPECT_NEAR(mean, one, 1e-9);
  BenchmarkResult apart = run, apart_quantized = quantized;
  for (size_t i = 0; i < apart.predictions.size(); ++i) {
    apart.predictions[i].id += apart.predictions[i].pair;
    apart_quantized.predictions[i].id += apart_quantized.predictions[i].pair;
  }
  const Comparison independent = MustCompare(apart, apart_quantized);
  EXPECT_LT(independent.mean_bleu.percent_high - independent.mean_bleu.percent_low, mean * 0.8);
}

// The interval covers a known truth about as often as it says.
TEST(Resample, IntervalCoversTheTruth) {
  const BenchmarkResult large = MakeRun(4000, 0.2, 1, {"de"});
  const BenchmarkResult large_quantized = Damage(large, 1, 0.02, 2);
  const double truth = 100 * (large_quantized.mean_bleu / large.mean_bleu - 1);
  int covered = 0;
  constexpr int kRuns = 60;
  for (int r = 0; r < kRuns; ++r) {
    BenchmarkResult part, part_quantized;
    for (int i = 0; i < 60; ++i) {
      part.predictions.push_back(large.predictions[static_cast<size_t>(r * 60 + i)]);
      part_quantized.predictions.push_back(
          large_quantized.predictions[static_cast<size_t>(r * 60 + i)]);
    }
    GateOptions options;
    options.bootstrap_draws = 300;
    const auto comparison = Compare(part, part_quantized, options);
    ASSERT_TRUE(comparison);
    const Delta& delta = comparison->mean_bleu;
    covered += delta.percent_low <= truth && truth <= delta.percent_high ? 1 : 0;
  }
  EXPECT_GE(covered, kRuns * 85 / 100);
}

// Losses and half widths of 95 % intervals, in percent.
Delta LossOf(double loss, double half) {
  Delta delta;
  delta.percent = -loss;
  delta.percent_low = -loss - half;
  delta.percent_high = -loss + half;
  delta.percent_error = half / 1.959963984540054;
  return delta;
}
constexpr double kOutOfReach = 1e6;
Evidence Of(double bleu, double bleu_half, double chrf, double chrf_half, double bleu_needs = 0,
            int64_t samples = 500) {
  return {LossOf(bleu, bleu_half), LossOf(chrf, chrf_half), samples, bleu_needs};
}

TEST(Gate, GroupRule) {
  struct Case {
    Evidence evidence;
    Decision verdict;
    bool shown;
    const char* basis;
  };
  const Case cases[] = {
      {Of(0.3, 0.4, 0.1, 0.1), Decision::kGo, true, "BLEU"},
      {Of(0.3, 0.69, 9.0, 0.1), Decision::kGo, true, "BLEU"},  // the upper bound is 0.99
      {Of(0.3, 0.71, 0.0, 0.1), Decision::kReconsider, false, "too few sentences"},
      {Of(-2.0, 2.5, 0.0, 0.1), Decision::kGo, true, "BLEU"},
      {Of(1.8, 0.5, 0.1, 0.1), Decision::kReconsider, true, "BLEU"},  // over 1, not over 2
      {Of(2.6, 0.59, 0.1, 0.1), Decision::kFallback, true, "BLEU"},
      {Of(2.6, 0.61, 0.1, 0.1), Decision::kReconsider, true, "BLEU"},
      // Too few sentences for BLEU, by plan: chrF is heard, at the price of two tries.
      {Of(0.8, 1.5, 0.2, 0.2, kOutOfReach), Decision::kGo, true, "chrF"},
      {Of(0.8, 1.5, 0.2, 0.29, kOutOfReach), Decision::kReconsider, false, "too few sentences"},
      {Of(0.8, 1.5, 0.9, 0.2, kOutOfReach), Decision::kReconsider, true, "chrF"},
      {Of(2.5, 1.5, 2.6, 0.4, kOutOfReach), Decision::kFallback, true, "chrF"},
      {Of(0.0, 0.3, 0.2, 0.9, kOutOfReach), Decision::kGo, true, "BLEU"},
      {Of(0.0, 0.0, 0.0, 0.0, 0, 29), Decision::kReconsider, false, "too few sentences"},
  };
  for (const Case& one : cases) {
    const GateCheck check = JudgeGroup("g", 1.0, true, one.evidence, {});
    EXPECT_EQ(check.verdict, one.verdict) << check.reason;
    EXPECT_EQ(check.shown, one.shown) << check.reason;
    EXPECT_EQ(check.basis, one.basis) << check.reason;
  }
  EXPECT_EQ(JudgeGroup("g", 0.8, false, Of(9, 1, 9, 1), {}).verdict, Decision::kReconsider);
}

// By hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, and 1 x 0.04 raised to the one before.
TEST(Gate, HolmsCorrection) {
  const double p_values[] = {0.01, 0.04, 0.03, 0.005};
  const auto adjusted = AdjustByHolm(p_values);
  const double expected[] = {0.03, 0.06, 0.06, 0.02};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-12);
  EXPECT_TRUE(AdjustByHolm({}).empty());
  const double sure[] = {0.9, 0.8};
  EXPECT_EQ(AdjustByHolm(sure), (std::vector<double>{1, 1}));
}

TEST(Gate, ManyPairsAskMoreOfEach) {
  // Alone under its margin at 97.5 %; beside eight that say nothing, not any more.
  const PairEvidence good{"a", 2.0, Of(0, 1.9, 0, 1)};
  EXPECT_EQ(JudgePairs({&good, 1}, {}, {})[0].verdict, Decision::kGo);
  std::vector<PairEvidence> many(9, {"b", 2.0, Of(1.9, 3, 1, 3)});
  many[0] = good;
  EXPECT_EQ(JudgePairs(many, {}, {})[0].verdict, Decision::kReconsider);
  // Step down: nine of them are as good together as each alone, nearly.
  many.assign(9, {"b", 2.0, Of(0, 1.38, 0, 1)});
  for (const GateCheck& check : JudgePairs(many, {}, {})) EXPECT_EQ(check.verdict, Decision::kGo);
  // And one shown to be over the fallback limit alone is not, by chance, one of nine.
  const PairEvidence bad{"c", 2.0, Of(4, 1.9, 0, 1)};
  EXPECT_EQ(JudgePairs({&bad, 1}, {}, {})[0].verdict, Decision::kFallback);
  many.assign(9, {"b", 2.0, Of(0, 3, 0, 3)});
  many[3] = bad;
  EXPECT_EQ(JudgePairs(many, {}, {})[3].verdict, Decision::kReconsider);
}

TEST(Gate, APairMayLeanOnTheOthersOnlyWhenNothingSetsItApart) {
  const auto judge = [](const Evidence& own, const Evidence& pooled, size_t pairs) {
    std::vector<PairEvidence> all(pairs, {"other", 2.0, Of(0, 0.5, 0, 0.2)});
    all[0] = {"p", 2.0, own};
    return JudgePairs(all, pooled, {})[0];
  };
  const Evidence pooled = Of(0.3, 0.5, 0.2, 0.3);
  const Evidence open = Of(1.0, 6.0, 0.6, 3.0, kOutOfReach, 60);
  EXPECT_EQ(judge(open, pooled, 9).basis, "pooled chrF");
  EXPECT_EQ(judge(open, pooled, 9).verdict, Decision::kGo);
  EXPECT_EQ(judge(open, pooled, 2).verdict, Decision::kReconsider);
  EXPECT_EQ(judge(Of(1.0, 6.0, 0.6, 3.0, kOutOfReach, 20), pooled, 9).verdict,
            Decision::kReconsider);
  // With the sentences for BLEU there is nothing to lean for.
  EXPECT_EQ(judge(Of(1.0, 6.0, 0.6, 3.0, 0, 60), pooled, 9).verdict, Decision::kReconsider);
  // Its own interval begins above what the others lose.
  EXPECT_EQ(judge(Of(2.5, 6.0, 0.9, 0.3, kOutOfReach, 60), pooled, 9).verdict,
            Decision::kReconsider);
  // The others are not fine themselves.
  EXPECT_EQ(judge(open, Of(1, 1, 0.9, 0.5), 9).verdict, Decision::kReconsider);
  // Shown by the pair itself: no leaning.
  EXPECT_EQ(judge(Of(9.0, 3.0, 4.0, 1.0, kOutOfReach, 60), pooled, 9).verdict, Decision::kFallback);
}

TEST(Gate, OneDamagedPairDoesNotConvictTheBuild) {
  std::vector<GateCheck> checks(3);
  EXPECT_EQ(Overall(checks), Decision::kGo);
  checks[1].verdict = Decision::kFallback;
  checks[1].of_one_pair = true;
  EXPECT_EQ(Overall(checks), Decision::kReconsider);
  checks[0].verdict = Decision::kFallback;
  EXPECT_EQ(Overall(checks), Decision::kFallback);
}

TEST(Gate, TellsHowManyMoreSentencesWouldDecide) {
  // Half width 2 at 100 sentences, distance to the limit 0.5: sixteen times as many.
  const GateCheck check = JudgeGroup("g", 1.0, true, Of(0.5, 2.0, 0.4, 2.0, 0, 100), {});
  EXPECT_EQ(check.reason,
            "g: BLEU loss 0.50 % [-1.50, 2.50]: 1,500 more sentences would decide (limit 1.00 %)");
  EXPECT_EQ(RoughCount(1499.5), "1,500");
  EXPECT_EQ(RoughCount(7.2), "8");
  EXPECT_EQ(RoughCount(1234567), "1,300,000");
}

TEST(Gate, SignTest) {
  EXPECT_NEAR(UpperTailOfFairCoins(5, 5), 1.0 / 32, 1e-12);
  EXPECT_NEAR(UpperTailOfFairCoins(3, 4), 5.0 / 16, 1e-12);
  EXPECT_EQ(UpperTailOfFairCoins(0, 0), 1);
  EXPECT_EQ(JudgeCounts("c", 5, 0, 100).verdict, Decision::kReconsider);
  EXPECT_EQ(JudgeCounts("c", 4, 0, 100).verdict, Decision::kGo);
  EXPECT_EQ(JudgeCounts("c", 0, 9, 100).verdict, Decision::kGo);
  EXPECT_EQ(JudgeCounts("c", 20, 18, 100).verdict, Decision::kGo);
}

TEST(Gate, LimitsThatAreNoLimitsAreRefused) {
  for (const char* words : {"nan", "inf", "-1", "1e400", "", "x"}) {
    EXPECT_FALSE(ParseMarginGroup(std::string("nordic=") + words + ":en,sv"));
  }
  const auto long_one = ParseMarginGroup("nordic=" + std::string(400, '9') + ":en,sv");
  ASSERT_FALSE(long_one);
  EXPECT_NE(ToString(long_one.error()).find("from 0 to 100"), std::string::npos);
  EXPECT_FALSE(ParseMarginGroup("nordic=1/" + std::string(400, '9') + ":en,sv"));
  const double inf = std::numeric_limits<double>::infinity();
  for (double GateOptions::*member :
       {&GateOptions::max_mean_loss_percent, &GateOptions::max_pair_loss_percent,
        &GateOptions::max_high_resource_loss_percent, &GateOptions::fallback_loss_percent}) {
    for (const double bad : {std::nan(""), inf, -inf, -0.5, 100.5}) {
      GateOptions options;
      options.*member = bad;
      const auto checked = CheckLimits(options);
      ASSERT_FALSE(checked) << bad;
      EXPECT_NE(ToString(checked.error()).find("from 0 to 100 percent"), std::string::npos);
    }
  }
  EXPECT_TRUE(CheckLimits({}));
}

}  // namespace
}  // namespace dragoman
