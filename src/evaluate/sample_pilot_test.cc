// The pilot's choice, and plans by its results.
#include "evaluate/sample_pilot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragoman {
namespace {

using ::testing::HasSubstr;

Suite WholeOf(int sentences) {
  Suite whole;
  whole.hash = "whole";
  for (const char* target : {"de", "fr"}) {
    for (int i = 0; i < sentences; ++i) {
      const std::string number = std::to_string(i);
      whole.samples.push_back(
          {"s-" + number, "en", target, "Source " + number, "Reference " + number, "talk", {}});
    }
    whole.samples.push_back({"e-1", "en", target, "", "", "edge:empty", {}});
  }
  return whole;
}

// The references with a word too many now and then, so that the scores scatter.
BenchmarkResult TranslatedFrom(const Suite& suite) {
  BenchmarkResult result;
  for (size_t i = 0; i < suite.samples.size(); ++i) {
    const SuiteSample& sample = suite.samples[i];
    Prediction one;
    one.id = sample.id;
    one.pair = sample.pair();
    one.source_lang = sample.source_lang;
    one.target_lang = sample.target_lang;
    one.reference = sample.reference + " of the long text that follows";
    one.hypothesis = i % 3 == 0 ? "nothing of the kind" : one.reference;
    result.predictions.push_back(std::move(one));
  }
  return result;
}

TEST(SamplePilot, TakesTheFirstSentencesOfEachPair) {
  const Suite whole = WholeOf(kPilotSentences + 20);
  const Suite pilot = PilotOf(whole);
  ASSERT_EQ(pilot.samples.size(), 2u * kPilotSentences);
  EXPECT_EQ(pilot.samples.front().id, "s-0");
  EXPECT_EQ(pilot.samples.back().id, "s-" + std::to_string(kPilotSentences - 1));
  EXPECT_EQ(pilot.hash, whole.hash);
  for (const SuiteSample& sample : pilot.samples) EXPECT_FALSE(sample.is_edge_case());
}

TEST(SamplePilot, SaysWhatIsOutOfReachAndThatBleuIsStillPrinted) {
  const Suite whole = WholeOf(50);
  const auto plan = PlanByResults(whole, TranslatedFrom(PilotOf(whole)), "pilot");
  ASSERT_TRUE(plan) << ToString(plan.error());
  EXPECT_FALSE(plan->reached);
  EXPECT_EQ(plan->samples_per_language, 50);
  const std::string said = FormatUnreached(*plan);
  EXPECT_THAT(said, HasSubstr("en-de loss (limit 2.00 %): 50 sentences a language are there, BLEU "
                              "needs "));
  EXPECT_THAT(said, HasSubstr("gated on chrF"));
  EXPECT_THAT(said, HasSubstr("BLEU is printed with its interval"));
  EXPECT_THAT(Format(*plan), HasSubstr(said + "auto: 50 sentences"));
}

TEST(SamplePilot, EveryPairOfTheSuiteNeedsTranslations) {
  const Suite whole = WholeOf(50);
  BenchmarkResult results = TranslatedFrom(PilotOf(whole));
  results.predictions.resize(50);  // German alone
  const auto plan = PlanByResults(whole, results, "pilot.json");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().where, "pilot.json");
  EXPECT_THAT(plan.error().message, HasSubstr("found none of en-fr"));
}

}  // namespace
}  // namespace dragoman
