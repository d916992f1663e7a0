// Faults of outputs: what is due, what is lost, balance, language; rates; baseline against build.
#include "evaluate/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "evaluate/balance.h"
#include "evaluate/fault_comparison.h"
#include "evaluate/language_guesser.h"
#include "evaluate/suite.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;

Prediction Output(const std::string& target, const std::string& source,
                  const std::string& hypothesis, const std::string& reference = "") {
  Prediction one;
  one.source_lang = "en";
  one.target_lang = target;
  one.source = source;
  one.hypothesis = hypothesis;
  one.reference = reference;
  return one;
}

TEST(KeptItems, EveryKindIsCountedApart) {
  const char* source =
      "Mail a.b@c.example or see https://x.example/p?q=1: %s has {count} <b>new</b> files, 12 in "
      "all.";
  const OutputChecks good = CheckOutput(
      Output("de", source,
             "Schreiben Sie an a.b@c.example oder siehe https://x.example/p?q=1: %s hat {count} "
             "<b>neue</b> Dateien, 12 insgesamt."));
  for (const Fault fault : {Fault::kLostNumber, Fault::kLostUrl, Fault::kLostEmail,
                            Fault::kLostPlaceholder, Fault::kLostMarkup}) {
    EXPECT_TRUE(good.Possible(fault)) << FaultKey(fault);
    EXPECT_FALSE(good.Has(fault)) << FaultKey(fault);
  }
  EXPECT_FALSE(good.Possible(Fault::kLostOther));
  const OutputChecks bad = CheckOutput(
      Output("de", source,
             "Schreiben Sie an a.b@c.beispiel oder siehe https://x.example/p: %d hat {anzahl} "
             "<b>neue<b> Dateien, 21 insgesamt."));
  for (const Fault fault : {Fault::kLostNumber, Fault::kLostUrl, Fault::kLostEmail,
                            Fault::kLostPlaceholder, Fault::kLostMarkup}) {
    EXPECT_TRUE(bad.Has(fault)) << FaultKey(fault);
  }
}

TEST(KeptItems, ANumberThatTheReferenceSpellsOutIsNotDue) {
  const OutputChecks checks =
      CheckOutput(Output("de", "He has 2 cars and 15 bikes.", "Er hat zwei Autos und 15 Räder.",
                         "Er hat zwei Autos und 15 Fahrräder."));
  EXPECT_TRUE(checks.Possible(Fault::kLostNumber));
  EXPECT_FALSE(checks.Has(Fault::kLostNumber));
  EXPECT_EQ(checks.items, 1);
}

TEST(Balance, BracketsNestAndQuotesPair) {
  for (const char* good : {"", "a (b [c] {d})", "„Hallo“, sagte er", "« Oui »", "\"yes\"",
                           "（注）「はい」『本』", "it's Tom's", "„Hallo\"", "b) so"})
    EXPECT_TRUE(IsBalanced(good)) << good;
  for (const char* bad : {"a (b", "bc)", "(]", "\"yes", "„Hallo", "「はい", "『本」", "([)]"})
    EXPECT_FALSE(IsBalanced(bad)) << bad;
  EXPECT_FALSE(CheckOutput(Output("de", "one) two", "eins) zwei")).Possible(Fault::kUnbalanced))
      << "the source is not in order itself";
  EXPECT_TRUE(CheckOutput(Output("de", "Say \"no\".", "Sag „nein.")).Has(Fault::kUnbalanced));
}

TEST(Language, FrenchIsNotSpanish) {
  const std::string french = "Le train pour la montagne part demain matin à huit heures.";
  const std::string source = "The train to the mountain leaves tomorrow morning at eight.";
  EXPECT_TRUE(CheckOutput(Output("es", source, french)).Has(Fault::kWrongLanguage));
  EXPECT_FALSE(CheckOutput(Output("fr", source, french)).Has(Fault::kWrongLanguage));
  EXPECT_TRUE(CheckOutput(Output("fr", source, french)).Possible(Fault::kWrongLanguage));
  EXPECT_TRUE(CheckOutput(Output("de", french, source)).Has(Fault::kWrongLanguage)) << "English";
  EXPECT_FALSE(CheckOutput(Output("es", source, "Oui.")).Possible(Fault::kWrongLanguage))
      << "short";
  EXPECT_FALSE(CheckOutput(Output("it", source, french)).Possible(Fault::kWrongLanguage))
      << "no model of Italian";
  EXPECT_FALSE(CheckOutput(Output("ko", source, french)).Possible(Fault::kWrongLanguage))
      << "that is a wrong script already";
  EXPECT_TRUE(CheckOutput(Output("ko", source, french)).Has(Fault::kWrongScript));
}

// Each fifth of the built-in sentences is judged by models of the other four fifths.
TEST(Language, ErrorRatesOnSentencesNotLearned) {
  SuiteOptions scored;
  scored.include_edge_cases = false;
  const auto suite = BuiltInSuite(scored);
  ASSERT_TRUE(suite);
  constexpr size_t kFolds = 5;
  constexpr double kSureNats = 8;
  int64_t right = 0, false_alarms = 0, wrong = 0, missed = 0;
  for (size_t fold = 0; fold < kFolds; ++fold) {
    LanguageGuesser guesser;
    for (size_t i = 0; i < suite->samples.size(); ++i) {
      if (i % kFolds == fold) continue;
      guesser.Learn(suite->samples[i].target_lang, suite->samples[i].reference);
      if (suite->samples[i].target_lang == "de") guesser.Learn("en", suite->samples[i].source);
    }
    for (size_t i = fold; i < suite->samples.size(); i += kFolds) {
      const SuiteSample& sample = suite->samples[i];
      ++right;
      false_alarms +=
          guesser.Compare(sample.reference, sample.target_lang).odds > kSureNats ? 1 : 0;
      for (const char* other : {"de", "es", "fr"}) {
        if (sample.target_lang == other ||
            (sample.target_lang != "de" && sample.target_lang != "es" &&
             sample.target_lang != "fr"))
          continue;
        ++wrong;
        missed += guesser.Compare(sample.reference, other).odds > kSureNats ? 0 : 1;
      }
    }
  }
  EXPECT_EQ(right, 540);
  EXPECT_LE(static_cast<double>(false_alarms), 0.01 * static_cast<double>(right));
  EXPECT_LE(static_cast<double>(missed), 0.03 * static_cast<double>(wrong));
}

TEST(WilsonRate, EqualsPublishedValues) {
  // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  const struct {
    int64_t count, of;
    double low, high;
  } cases[] = {{81, 263, 0.2553, 0.3662},
               {15, 148, 0.0624, 0.1605},
               {0, 20, 0.0000, 0.1611},
               {1, 29, 0.0061, 0.1718}};
  for (const auto& one : cases) {
    const Rate rate = WilsonRate(one.count, one.of);
    EXPECT_NEAR(rate.low, one.low, 5e-5) << one.count;
    EXPECT_NEAR(rate.high, one.high, 5e-5) << one.count;
  }
  EXPECT_EQ(WilsonRate(0, 0).high, 1);
  EXPECT_EQ(WilsonRate(5, 5).high, 1);
}

// `outputs` outputs, of which the first `faulty` are empty.
std::vector<Prediction> SomeEmpty(int outputs, int faulty) {
  std::vector<Prediction> all;
  for (int i = 0; i < outputs; ++i)
    all.push_back(Output("de", "Good day.", i < faulty ? "" : "Tag."));
  return all;
}

std::vector<FaultComparison> CompareAll(const std::vector<Prediction>& baseline,
                                        const std::vector<Prediction>& quantized) {
  std::vector<std::pair<const Prediction*, const Prediction*>> matched;
  for (size_t i = 0; i < baseline.size(); ++i) matched.emplace_back(&baseline[i], &quantized[i]);
  return CompareFaults(matched);
}

TEST(CompareFaults, FiveNewOfOneKindAreShownFourAreNot) {
  EXPECT_TRUE(CompareAll(SomeEmpty(100, 0), SomeEmpty(100, 5))[0].worse);
  EXPECT_FALSE(CompareAll(SomeEmpty(100, 0), SomeEmpty(100, 4))[0].worse);
  EXPECT_FALSE(CompareAll(SomeEmpty(100, 9), SomeEmpty(100, 0))[0].worse) << "fewer is no loss";
  const auto faults = CompareAll(SomeEmpty(100, 2), SomeEmpty(100, 9));
  EXPECT_EQ(faults[0].quantized.count, 9);
  EXPECT_EQ(faults[0].only_quantized, 7);
  EXPECT_NEAR(faults[0].delta.percent, -7, 1e-9);
  EXPECT_LT(faults[0].delta.percent_low, -7);
  EXPECT_LT(faults[0].delta.percent_high, 0) << "seven new of a hundred, none gone";
  const auto checks = JudgeFaults(faults);
  EXPECT_EQ(checks[0].verdict, Decision::kReconsider);
  EXPECT_THAT(checks[0].reason, HasSubstr("9 of 100 (9.0 % [4.8, 16.2]) with the build"));
  for (const GateCheck& check : checks) EXPECT_NE(check.name, "lost URLs") << "none was due";
}

// Two builds that are equally bad, in three kinds of fault at once: the level of all together
// holds.
TEST(CompareFaults, ManyKindsTogetherKeepTheLevel) {
  Random random(7);
  constexpr int kRuns = 200;
  int alarms = 0;
  const Prediction good = Output("de", "Write (to) 17 or https://a.example/x today.",
                                 "Schreib (an) 17 oder https://a.example/x heute.");
  const auto draw = [&] {
    std::vector<Prediction> outputs(60, good);
    for (Prediction& one : outputs) {
      if (random.Uniform() < 0.15) one.hypothesis.erase(one.hypothesis.find("https"), 19);
      if (random.Uniform() < 0.15) one.hypothesis.erase(one.hypothesis.find("17"), 2);
      if (random.Uniform() < 0.15) one.hypothesis.erase(one.hypothesis.find("("), 1);
    }
    return outputs;
  };
  for (int run = 0; run < kRuns; ++run) {
    const auto baseline = draw();
    const auto quantized = draw();
    const auto faults = CompareAll(baseline, quantized);
    alarms += std::any_of(faults.begin(), faults.end(), [](const auto& one) { return one.worse; });
  }
  EXPECT_LE(alarms, kRuns * 7 / 100);
  EXPECT_GE(alarms, 1) << "a test that never speaks shows nothing";
}

}  // namespace
}  // namespace dragoman
