// The size that `auto` chooses keeps its promises: the verdict's errors and power over thousands of
// simulated comparisons, drawn from counts of real translations.
#include "evaluate/sample_size.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/atomic_file.h"
#include "base/random.h"
#include "evaluate/gate.h"
#include "evaluate/influence.h"
#include "evaluate/json_shape_for_tests.h"
#include "evaluate/normal_distribution.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;

constexpr GateMetric kMetrics[] = {GateMetric::kBleu, GateMetric::kChrf};
constexpr int kDraws = 2000;

// The rows of both systems, [metric][system].
struct Population {
  std::string pair;
  StatsTable tables[2][2];
  size_t size() const { return tables[0][0].rows(); }
};

std::vector<Population> ReadPopulations() {
  std::vector<Population> populations;
  const auto text = ReadFile(DRAGOMAN_SOURCE_DIR "/tests/golden/sentence_statistics.jsonl");
  EXPECT_TRUE(text);
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const auto json = ParseJson(rest.substr(0, rest.find('\n')), "statistics");
    rest.remove_prefix(rest.find('\n') + 1);
    EXPECT_TRUE(json);
    const std::string pair = (*json)["pair"];
    if (populations.empty() || populations.back().pair != pair) {
      populations.emplace_back();
      populations.back().pair = pair;
    }
    StatsTable& table =
        populations.back()
            .tables[(*json)["metric"] == "BLEU" ? 0 : 1][(*json)["system"] == "baseline" ? 0 : 1];
    for (const auto& row : (*json)["rows"]) {
      table.columns = row.size();
      for (const double count : row) table.values.push_back(count);
    }
  }
  return populations;
}
const std::vector<Population>& Populations() {
  static const std::vector<Population> populations = ReadPopulations();
  return populations;
}

// In a world of chance `swap`, each sentence's two outputs change sides with that chance. At one
// half both systems are equally good by symmetry, with all their scatter; at zero the whole loss
// stands. BLEU's percent of the whole population:
double TrueLoss(const Population& population, double swap) {
  const auto baseline = population.tables[0][0].Sum(), quantized = population.tables[0][1].Sum();
  std::vector<double> left, right;
  for (size_t c = 0; c < baseline.size(); ++c) {
    left.push_back(baseline[c] * (1 - swap) + quantized[c] * swap);
    right.push_back(quantized[c] * (1 - swap) + baseline[c] * swap);
  }
  return 100 * (1 - ScoreOfSums(GateMetric::kBleu, right) / ScoreOfSums(GateMetric::kBleu, left));
}

double SwapFor(const Population& population, double loss) {
  double low = 0, high = 0.5;  // the loss falls from one to the other
  EXPECT_GT(TrueLoss(population, 0), loss);
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (TrueLoss(population, middle) > loss ? low : high) = middle;
  }
  return (low + high) / 2;
}

// Scores of one draw with the covariance of their errors.
struct Measured {
  double baseline = 0, quantized = 0;
  double variance_baseline = 0, variance_quantized = 0, covariance = 0;
  double cubes = 0;  // of each sentence's part in the change
  int64_t sentences = 0;
};

// How often each row was drawn; the second half of the list is the swapped rows.
std::vector<int> DrawCounts(size_t rows, int64_t sentences, double swap, Random& random) {
  std::vector<int> counts(2 * rows);
  for (int64_t i = 0; i < sentences; ++i) {
    const uint64_t row = random.Below(rows);
    ++counts[row + (random.Uniform() < swap ? rows : 0)];
  }
  return counts;
}

Measured Measure(const Population& population, size_t metric, const std::vector<int>& counts) {
  const size_t rows = population.size(), columns = population.tables[metric][0].columns;
  std::vector<double> sums[2] = {std::vector<double>(columns), std::vector<double>(columns)};
  const auto row_of = [&](size_t i, size_t side) {
    return population.tables[metric][i < rows ? side : 1 - side].row(i % rows);
  };
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    for (size_t side = 0; side < 2; ++side) {
      const auto row = row_of(i, side);
      for (size_t c = 0; c < columns; ++c) sums[side][c] += counts[i] * row[c];
    }
  }
  const std::vector<double> gradients[2] = {Gradient(kMetrics[metric], sums[0]),
                                            Gradient(kMetrics[metric], sums[1])};
  Measured measured{ScoreOfSums(kMetrics[metric], sums[0]),
                    ScoreOfSums(kMetrics[metric], sums[1]),
                    0,
                    0,
                    0,
                    0,
                    0};
  const double pair_ratio = measured.quantized / measured.baseline;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    double influence[2] = {0, 0};  // their mean over the draw is zero: the scores are ratios
    for (size_t side = 0; side < 2; ++side) {
      const auto row = row_of(i, side);
      for (size_t c = 0; c < columns; ++c) influence[side] += gradients[side][c] * row[c];
    }
    measured.variance_baseline += counts[i] * influence[0] * influence[0];
    measured.variance_quantized += counts[i] * influence[1] * influence[1];
    measured.covariance += counts[i] * influence[0] * influence[1];
    measured.cubes += counts[i] * std::pow(influence[1] - pair_ratio * influence[0], 3);
    measured.sentences += counts[i];
  }
  return measured;
}

// The change of the mean score over independent pairs, with its interval: as DeltaOf, without the
// bootstrap.
Delta DeltaOfMeasured(const std::vector<Measured>& pairs) {
  double baseline = 0, quantized = 0;
  for (const Measured& one : pairs) {
    baseline += one.baseline;
    quantized += one.quantized;
  }
  const double ratio = quantized / baseline;
  double variance = 0, cubes = 0;  // of quantized / baseline
  int64_t fewest = pairs[0].sentences;
  for (const Measured& one : pairs) {
    variance += (one.variance_quantized + ratio * ratio * one.variance_baseline -
                 2 * ratio * one.covariance) /
                (baseline * baseline);
    cubes += one.cubes / std::pow(baseline, 3);
    fewest = std::min(fewest, one.sentences);
  }
  Delta delta;
  delta.percent = 100 * (ratio - 1);
  delta.percent_error = 100 * std::sqrt(variance);
  delta.loss_skewness = 0.0 - cubes / std::pow(variance, 1.5);
  delta.heaviest_percent = 100.0 / static_cast<double>(fewest * static_cast<int64_t>(pairs.size()));
  delta.percent_low = 0.0 - UpperLossBound(PercentLossOf(delta), 0.025);
  delta.percent_high = 0.0 - LowerLossBound(PercentLossOf(delta), 0.025);
  return delta;
}

std::vector<PilotPair> Pilots(int64_t available) {
  std::vector<PilotPair> pilots;
  for (const Population& population : Populations()) {
    PilotPair pilot{population.pair, "en", population.pair.substr(3), {}, {}, available};
    for (size_t i = 0; i < population.size(); ++i) {
      pilot.ids.push_back(population.pair + std::to_string(i));  // not parallel
      SentenceStats one;
      const auto bleu = population.tables[0][0].row(i), chrf = population.tables[1][0].row(i);
      one.bleu.hypothesis_length = static_cast<int64_t>(bleu[0]);
      one.bleu.reference_length = static_cast<int64_t>(bleu[1]);
      for (size_t n = 0; n < 4; ++n) {
        one.bleu.correct[n] = static_cast<int64_t>(bleu[2 + n]);
        one.bleu.total[n] = static_cast<int64_t>(bleu[6 + n]);
      }
      for (size_t n = 0; n < 18; ++n) one.chrf.orders[n / 3][n % 3] = static_cast<int64_t>(chrf[n]);
      pilot.sentences.push_back(one);
    }
    pilots.push_back(std::move(pilot));
  }
  return pilots;
}

double Needed(const SamplePlan& plan, const std::string& name) {
  for (const PlannedCheck& check : plan.checks) {
    if (check.name == name) return check.needed_bleu;
  }
  ADD_FAILURE() << "no check named " << name;
  return 0;
}

// How often each verdict fell, over all draws: of the whole and of each pair.
struct Rates {
  double go = 0, fallback = 0;
  std::vector<double> pair_go, pair_fallback;
  std::vector<double> pair_go_alone;  // not leaning on the others
};

struct World {
  std::vector<double> losses;  // true, of each pair, percent
  int64_t sentences = 0;       // a pair
  const SamplePlan* plan = nullptr;
};

std::vector<GateCheck> JudgeOnce(const World& world, const std::vector<double>& swaps,
                                 Random& random) {
  std::vector<Measured> measured[2];
  const auto& populations = Populations();
  for (size_t p = 0; p < populations.size(); ++p) {
    const auto counts = DrawCounts(populations[p].size(), world.sentences, swaps[p], random);
    for (size_t metric = 0; metric < 2; ++metric)
      measured[metric].push_back(Measure(populations[p], metric, counts));
  }
  const auto evidence_of = [&](const std::vector<size_t>& members, const std::string& name) {
    std::vector<Measured> chosen[2];
    for (const size_t p : members) {
      for (size_t metric = 0; metric < 2; ++metric) chosen[metric].push_back(measured[metric][p]);
    }
    const auto count = static_cast<double>(members.size());
    return Evidence{DeltaOfMeasured(chosen[0]), DeltaOfMeasured(chosen[1]),
                    world.sentences * static_cast<int64_t>(members.size()),
                    Needed(*world.plan, name) * count};
  };
  const Evidence pooled = evidence_of({0, 1, 2}, "mean BLEU loss");
  std::vector<GateCheck> checks = {
      JudgeGroup("mean BLEU loss", 1.0, true, pooled, {}),
      JudgeGroup("high-resource loss", 0.8, false, evidence_of({1, 2}, "high-resource loss"), {})};
  std::vector<PairEvidence> pairs;
  for (size_t p = 0; p < populations.size(); ++p)
    pairs.push_back({populations[p].pair, 2.0, evidence_of({p}, populations[p].pair + " loss")});
  for (GateCheck& check : JudgePairs(pairs, pooled, {})) checks.push_back(std::move(check));
  return checks;
}

Rates Simulate(const World& world) {
  std::vector<double> swaps;
  for (size_t p = 0; p < world.losses.size(); ++p)
    swaps.push_back(SwapFor(Populations()[p], world.losses[p]));
  Rates rates;
  rates.pair_go.resize(swaps.size());
  rates.pair_fallback.resize(swaps.size());
  rates.pair_go_alone.resize(swaps.size());
  Random random(20240229);
  for (int draw = 0; draw < kDraws; ++draw) {
    const auto checks = JudgeOnce(world, swaps, random);
    const Decision decision = Overall(checks);
    rates.go += decision == Decision::kGo ? 1.0 / kDraws : 0;
    rates.fallback += decision == Decision::kFallback ? 1.0 / kDraws : 0;
    for (size_t p = 0; p < swaps.size(); ++p) {
      const Decision verdict = checks[2 + p].verdict;
      rates.pair_go[p] += verdict == Decision::kGo ? 1.0 / kDraws : 0;
      const bool alone = verdict == Decision::kGo && checks[2 + p].basis != "pooled chrF";
      rates.pair_go_alone[p] += alone ? 1.0 / kDraws : 0;
      rates.pair_fallback[p] += verdict == Decision::kFallback ? 1.0 / kDraws : 0;
    }
  }
  return rates;
}

std::string Say(const char* what, const Rates& rates) {
  return fmt::format("{}: GO {:.1f} %, FALLBACK {:.1f} %; pairs GO {:.3f}, FALLBACK {:.3f}\n", what,
                     rates.go * 100, rates.fallback * 100, fmt::join(rates.pair_go, " "),
                     fmt::join(rates.pair_fallback, " "));
}

class Promises : public ::testing::Test {
 protected:
  static SamplePlan PlanFor(int64_t available) {
    const auto plan = PlanSamples(Pilots(available), {});
    EXPECT_TRUE(plan);
    return plan ? *plan : SamplePlan();
  }
};

constexpr int64_t kPlenty = 10'000'000;

TEST_F(Promises, WithoutALossItIsGo) {
  const SamplePlan plan = PlanFor(kPlenty);
  ASSERT_TRUE(plan.reached);
  const Rates rates = Simulate({{0, 0, 0}, plan.samples_per_language, &plan});
  EXPECT_GE(rates.go, 0.80) << Say("no loss", rates);
  EXPECT_LE(rates.fallback, 0.05);
}

TEST_F(Promises, AtTheMarginItIsRarelyGo) {
  const SamplePlan plan = PlanFor(kPlenty);
  const Rates mean = Simulate({{1, 1, 1}, plan.samples_per_language, &plan});
  EXPECT_LE(mean.go, 0.05) << Say("at the mean's limit", mean);
  // One pair at its own margin, and nothing wrong elsewhere: that pair's verdict.
  const Rates pair = Simulate({{2, 0, 0}, plan.samples_per_language, &plan});
  EXPECT_LE(pair.pair_go[0], 0.05) << Say("one pair at its limit", pair);
  EXPECT_LE(pair.go, 0.05);
}

TEST_F(Promises, AFourPercentLossIsFallback) {
  const SamplePlan plan = PlanFor(kPlenty);
  const Rates rates = Simulate({{4, 4, 4}, plan.samples_per_language, &plan});
  EXPECT_GE(rates.fallback, 0.80) << Say("4 %", rates);
  EXPECT_LE(rates.go, 0.0005);
}

// Where no suite is large enough, the power is gone but the errors must stay small.
TEST_F(Promises, TooSmallASuiteIsToldAndErrsNoMore) {
  constexpr int64_t kSuite = 400;
  const SamplePlan plan = PlanFor(kSuite);
  EXPECT_FALSE(plan.reached);
  EXPECT_EQ(plan.samples_per_language, kSuite);
  EXPECT_THAT(Format(plan), HasSubstr("en-de loss (limit 2.00 %): 400 sentences a language"));
  EXPECT_THAT(Format(plan), HasSubstr("all pairs together"));
  const Rates none = Simulate({{0, 0, 0}, kSuite, &plan});
  const Rates margin = Simulate({{1, 1, 1}, kSuite, &plan});
  const Rates pair = Simulate({{2, 0, 0}, kSuite, &plan});
  EXPECT_LE(none.fallback, 0.05);
  EXPECT_LE(margin.go, 0.05);
  EXPECT_LE(pair.go, 0.05) << Say("one pair at its limit", pair);
  // A pair that leans on the others speaks for the build, not for itself: no such promise.
  EXPECT_LE(pair.pair_go_alone[0], 0.05);
  EXPECT_LT(pair.pair_go[0], none.pair_go[0]);
}

// The cheap standard error is the bootstrap's.
TEST_F(Promises, InfluencesAgreeWithTheBootstrap) {
  const std::vector<PilotPair> pilots = Pilots(kPlenty);
  std::vector<PairSentences> pairs;
  for (const PilotPair& pilot : pilots)
    pairs.push_back({pilot.pair, pilot.ids, pilot.sentences, pilot.sentences});
  const auto draws = Resample(pairs, 1000, 1);
  for (size_t p = 0; p < pairs.size(); ++p) {
    double mean = 0, squares = 0;
    for (size_t d = 1; d <= 1000; ++d) mean += draws[p].bleu[d].baseline / 1000;
    for (size_t d = 1; d <= 1000; ++d)
      squares += std::pow(draws[p].bleu[d].baseline - mean, 2) / 999;
    const StatsTable table = TableOf(GateMetric::kBleu, pilots[p].sentences);
    const double score = ScoreOfSums(GateMetric::kBleu, table.Sum());
    const PairInfluences one = InfluencesOf(GateMetric::kBleu, pilots[p].ids, pilots[p].sentences);
    EXPECT_NEAR(PercentErrorOfMean({&one, 1}) * score / 100, std::sqrt(squares),
                0.08 * std::sqrt(squares));
  }
}

TEST(SampleSize, FollowsTheFormula) {
  // One check: 1.96 + 0.84 standard errors must fit into the margin.
  const double planned = std::sqrt(2.0) * 5.0 / kPairingGain;
  EXPECT_NEAR(SentencesNeeded({100, 5.0, 0.01}, 1.0, 1, 0.95),
              100 * std::pow(planned * (1.959964 + 0.841621), 2), 0.01);
  EXPECT_NEAR(SentencesNeeded({100, 5.0, 0.01}, 2.0, 1, 0.95) * 4,
              SentencesNeeded({100, 5.0, 0.01}, 1.0, 1, 0.95), 1e-6);
  EXPECT_GT(SentencesNeeded({100, 5.0, 0.01}, 1.0, 9, 0.95),
            SentencesNeeded({100, 5.0, 0.01}, 1.0, 1, 0.95));
  EXPECT_EQ(SentencesNeeded({100, 0, 0}, 1.0, 1, 0.95), kFewestSentences);
  EXPECT_FALSE(PlanSamples({}, {}));
}

// A baseline that never scatters still needs the sentences that would show a rare disaster.
TEST(SampleSize, CountsWhatMayHaveBeenMissed) {
  EXPECT_NEAR(SentencesNeeded({100, 0, 0.01}, 1.0, 1, 0.95), 368.9, 0.1);
  EXPECT_NEAR(SentencesNeeded({100, 0, 0.01}, 1.0, 9, 0.95), 588.6, 0.1);
  EXPECT_NEAR(SentencesNeeded({100, 0, 0.005}, 1.0, 1, 0.95), 184.4, 0.1)
      << "two pairs, not parallel";
}

// A pilot whose BLEU is nothing, or smoothing alone: how many sentences it would take cannot be
// told.
TEST(SampleSize, APilotWithoutMatchesPlansNothing) {
  for (const int matched : {0, 2}) {
    std::vector<PilotPair> pilots = Pilots(kPlenty);
    for (size_t i = 0; i < pilots[0].sentences.size(); ++i) {
      BleuStats& one = pilots[0].sentences[i].bleu;
      one.correct[3] = i < static_cast<size_t>(matched) ? 1 : 0;
      if (matched == 0) one.correct[0] = one.correct[1] = one.correct[2] = 0;
    }
    const auto plan = PlanSamples(pilots, {});
    ASSERT_TRUE(plan);
    EXPECT_FALSE(plan->reached);
    EXPECT_EQ(plan->samples_per_language, kPlenty);
    const std::string name = pilots[0].pair + " loss";
    EXPECT_TRUE(std::isinf(Needed(*plan, name)));
    EXPECT_THAT(Format(*plan), HasSubstr("BLEU needs more than can be told from these"));
    EXPECT_TRUE(Json::parse(ToJson(*plan).dump())["checks"][2]["needed_bleu"].is_null());
    EXPECT_LT(Needed(*plan, "mean BLEU loss"), 1e7) << "the other pairs carry it";
  }
}

}  // namespace
}  // namespace dragoman
