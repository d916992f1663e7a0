// The feedback log and the verdict about drift: format, refusals, level and power.
#include "evaluate/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "evaluate/look_history.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;

TEST(Feedback, ReadsLinesAndCompletesThem) {
  const auto records = ParseFeedback(
      R"({"id":"a","time":"2026-11-26T10:00:00Z","source_lang":"en","target_lang":"de","source":"One.","translation":"Eins.","latency_ms":12.5}

{"source_lang":"en","target_lang":"fr","source":"Two.","error":"out of memory"}
{"id":"a","time":"2026-11-26T10:05:00Z","vote":"down","correction":"Eines."}
)",
      "log");
  ASSERT_TRUE(records) << ToString(records.error());
  ASSERT_EQ(records->size(), 2u);
  const FeedbackRecord& first = records->front();
  EXPECT_EQ(first.vote, Vote::kDown);
  EXPECT_EQ(first.correction, "Eines.");
  EXPECT_EQ(first.translation, "Eins.");
  EXPECT_EQ(first.time, "2026-11-26T10:00:00Z") << "of the request, not of the vote";
  EXPECT_EQ(first.latency_ms, 12.5);
  EXPECT_EQ(records->back().id, "line 3");
  EXPECT_TRUE(ChooseRecords({records->back()}, {}).empty()) << "failed: nothing to rescore";
}

TEST(Feedback, RefusesWhatItCannotUse) {
  const std::pair<const char*, const char*> cases[] = {
      {"[1]", "log: line 1: expected an object, found array"},
      {"{\"id\":1}", "\"id\": expected a string, found number"},
      {"{\"id\":\"x\"}", "record x: expected source_lang and target_lang"},
      {"{\"vote\":\"maybe\"}", "expected \"up\" or \"down\", found \"maybe\""},
      {"{\"latency_ms\":-1}", "expected a number from 0 up"},
      {"{\"time\":\"yesterday\"}",
       "expected UTC such as 2026-11-26T10:00:00Z, found \"yesterday\""},
      {"{\"schema\":\"other/1\"}", "other/1"},
      {"\n{\"id\":", "log: line 2"},
  };
  for (const auto& [text, message] : cases) {
    const auto records = ParseFeedback(text, "log");
    ASSERT_FALSE(records) << text;
    EXPECT_THAT(ToString(records.error()), HasSubstr(message));
  }
}

// Requests whose outputs equal the baseline's but for a share in which a word is another.
Rescored MakePeriod(int requests, double changed, uint64_t seed) {
  Random random(seed);
  Rescored period;
  for (int i = 0; i < requests; ++i) {
    FeedbackRecord record;
    record.id = std::to_string(i);
    record.source_lang = "en";
    record.target_lang = "de";
    record.source = "Sentence number such and such.";
    const std::string baseline = "Der Zug fährt heute um acht Uhr nach Norden ab.";
    record.translation =
        random.Uniform() < changed ? "Die Bahn geht heute um acht Uhr nach Süden los." : baseline;
    Prediction prediction;
    prediction.source = record.source;
    prediction.target_lang = record.target_lang;
    prediction.hypothesis = baseline;
    period.baseline.push_back(prediction);
    period.records.push_back(record);
  }
  period.chosen = period.records;
  return period;
}

MonitorReport MustJudge(const Rescored& reference, const Rescored& recent, int64_t look = 0) {
  MonitorOptions options;
  options.look = look;
  const auto report = JudgeDrift(reference, recent, options);
  EXPECT_TRUE(report) << ToString(report.error());
  return report ? *report : MonitorReport{};
}

TEST(JudgeDrift, EqualPeriodsAndDifferentOnes) {
  const MonitorReport calm = MustJudge(MakePeriod(900, 0.1, 1), MakePeriod(900, 0.1, 2));
  EXPECT_EQ(calm.verdict, DriftVerdict::kNoDrift) << Describe(calm);
  EXPECT_NEAR(calm.recent.identical_share, 0.9, 0.05);
  const MonitorReport drifted = MustJudge(MakePeriod(300, 0.1, 1), MakePeriod(300, 0.5, 2));
  EXPECT_EQ(drifted.verdict, DriftVerdict::kDrift) << Describe(drifted);
  EXPECT_LT(drifted.agreement.high, -2);
  EXPECT_EQ(ExitCodeOf(drifted.verdict), 4);
  const MonitorReport few = MustJudge(MakePeriod(20, 0.1, 1), MakePeriod(20, 0.1, 2));
  EXPECT_EQ(few.verdict, DriftVerdict::kUndecided);
  EXPECT_THAT(few.reasons[0], HasSubstr("expected 30 requests of each period, found 20"));
}

// Votes, errors and faults that are as frequent in both periods, beside the agreement.
Rescored MakeNoisyPeriod(int requests, uint64_t seed) {
  Rescored period = MakePeriod(requests, 0.1, seed);
  Random random(seed + 77);
  for (size_t i = 0; i < period.records.size(); ++i) {
    period.records[i].vote = random.Uniform() < 0.2 ? Vote::kDown : Vote::kUp;
    if (random.Uniform() < 0.1) period.records[i].error = "out of memory";
    if (random.Uniform() < 0.1) period.chosen[i].translation.clear();
    if (random.Uniform() < 0.1) period.baseline[i].hypothesis.clear();
    period.chosen[i].correction = "Der Zug fährt um acht Uhr nach Norden.";
  }
  return period;
}

TEST(JudgeDrift, LevelAndPower) {
  constexpr int kRuns = 60;
  int cleared = 0, found = 0, wrongly_cleared = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto seed = static_cast<uint64_t>(run);
    const Rescored then = MakePeriod(600, 0.1, 1000 + seed);
    const DriftVerdict calm = MustJudge(then, MakePeriod(600, 0.1, 12000 + seed)).verdict;
    cleared += calm == DriftVerdict::kNoDrift ? 1 : 0;
    const DriftVerdict drifted = MustJudge(then, MakePeriod(600, 0.3, 23000 + seed)).verdict;
    found += drifted == DriftVerdict::kDrift ? 1 : 0;
    wrongly_cleared += drifted == DriftVerdict::kNoDrift ? 1 : 0;
  }
  EXPECT_GE(found, kRuns * 95 / 100);
  EXPECT_EQ(wrongly_cleared, 0);
  EXPECT_GE(cleared, kRuns * 20 / 100);
}

// Five kinds of signs, none of which is true: together they raise a false alarm in at most 2.5 % of
// looks.
TEST(JudgeDrift, ManySignsAreAsRarelyWrongAsOne) {
  constexpr int kRuns = 400;
  int alarms = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto seed = static_cast<uint64_t>(run);
    const MonitorReport report =
        MustJudge(MakeNoisyPeriod(100, 50000 + seed), MakeNoisyPeriod(100, 90000 + seed));
    EXPECT_GE(report.signs.size(), 5u);
    alarms += report.verdict == DriftVerdict::kDrift ? 1 : 0;
  }
  // 10 expected at most; 20 would be more than three standard deviations above.
  EXPECT_LE(alarms, 20);
  EXPECT_GE(alarms, 1) << "a test that never errs says nothing of its level";
}

// Twenty-five looks at a deployment that never changes.
TEST(JudgeDrift, ManyLooksAreAsRarelyWrongAsOne) {
  constexpr int kDeployments = 20, kLooks = 25;
  int alarmed = 0, alarmed_without_history = 0;
  for (int d = 0; d < kDeployments; ++d) {
    const auto first = static_cast<uint64_t>(1000 * d);
    bool with = false, without = false;
    for (int look = 1; look <= kLooks; ++look) {
      const auto seed = first + static_cast<uint64_t>(look);
      const Rescored then = MakeNoisyPeriod(100, 100 + seed),
                     now = MakeNoisyPeriod(100, 500 + seed);
      with = with || MustJudge(then, now, look).verdict == DriftVerdict::kDrift;
      without = without || MustJudge(then, now).verdict == DriftVerdict::kDrift;
    }
    alarmed += with ? 1 : 0;
    alarmed_without_history += without ? 1 : 0;
  }
  EXPECT_LE(alarmed, 2);
  EXPECT_GT(alarmed_without_history, alarmed);
}

// A deployment that loses 4 % of its requests whole, then as now: a short reference often shows
// none of them, and must not be taken for one without any.
TEST(JudgeDrift, DisastersThatAShortReferenceMissedAreNoDrift) {
  constexpr int kRuns = 100;
  const auto period = [](int requests, uint64_t seed) {
    Rescored made = MakePeriod(requests, 0, seed);
    Random random(seed);
    for (FeedbackRecord& record : made.chosen) {
      if (random.Uniform() < 0.04) record.translation = "Qxqx.";
    }
    return made;
  };
  int alarms = 0;
  for (uint64_t run = 0; run < kRuns; ++run) {
    const MonitorReport report = MustJudge(period(30, 3000 + run), period(600, 7000 + run));
    EXPECT_LE(report.agreement.low, report.agreement.high);
    alarms += report.verdict == DriftVerdict::kDrift ? 1 : 0;
  }
  // 2.5 % are allowed: 2.5 expected at most; 7 are nearly three standard deviations more. A normal
  // error of the reference alone gives well over 10.
  EXPECT_LE(alarms, 7);
}

TEST(JudgeDrift, AFewEqualRequestsDoNotClear) {
  const MonitorReport few = MustJudge(MakePeriod(100, 0, 1), MakePeriod(100, 0, 2));
  EXPECT_EQ(few.verdict, DriftVerdict::kUndecided);
  EXPECT_NEAR(few.agreement.low, -3.69, 0.01) << "what request 101 would do is not known";
  EXPECT_THAT(few.reasons[0], HasSubstr("about 190 requests a period would decide"));
  EXPECT_EQ(MustJudge(MakePeriod(190, 0, 1), MakePeriod(190, 0, 2)).verdict,
            DriftVerdict::kNoDrift);
}

TEST(Rate, FishersExactTest) {
  // Fisher's tea: four of four cups told, and three of four.
  EXPECT_NEAR(ChanceOfSoManyMore(WilsonRate(0, 4), WilsonRate(4, 4)), 1.0 / 70, 1e-12);
  EXPECT_NEAR(ChanceOfSoManyMore(WilsonRate(1, 4), WilsonRate(3, 4)), 17.0 / 70, 1e-12);
  EXPECT_EQ(ChanceOfSoManyMore(WilsonRate(0, 5), WilsonRate(0, 9)), 1);
  EXPECT_EQ(ChanceOfSoManyMore(WilsonRate(0, 0), WilsonRate(0, 0)), 1);
}

TEST(LookHistory, TheSameEvidenceIsTheSameLook) {
  const std::string a(64, 'a'), b(64, 'b');
  std::vector<Look> looks;
  EXPECT_EQ(NumberOfLook(looks, a), 1);
  looks.push_back({a, "NO DRIFT"});
  EXPECT_EQ(NumberOfLook(looks, a), 1);
  EXPECT_EQ(NumberOfLook(looks, b), 2);
  looks.push_back({b, "UNDECIDED"});
  const auto read = ParseLooks(FormatLooks(looks), "looks");
  ASSERT_TRUE(read) << ToString(read.error());
  EXPECT_EQ(FormatLooks(*read), FormatLooks(looks));
  for (const char* bad : {"[]", "{}", "x", "{\"schema\":\"dragoman.monitor_look/1\"}",
                          "\n{\"schema\":\"dragoman.monitor_look/1\",\"evidence_sha256\":7}"}) {
    const auto refused = ParseLooks(bad, "looks");
    ASSERT_FALSE(refused) << bad;
    EXPECT_THAT(ToString(refused.error()), HasSubstr("looks: line "));
  }
  double shares = 0;
  for (int64_t look = 1; look < 100000; ++look) {
    MonitorOptions options;
    options.look = look;
    shares += options.level();
  }
  EXPECT_NEAR(shares, 0.025, 1e-6);
}

TEST(JudgeDrift, VotesErrorsAndFaultsSpeakForThemselves) {
  const Rescored then = MakePeriod(200, 0, 1);
  Rescored now = MakePeriod(200, 0, 2);
  Rescored voted = then;
  for (size_t i = 0; i < 200; ++i) voted.records[i].vote = i < 10 ? Vote::kDown : Vote::kUp;
  for (size_t i = 0; i < 200; ++i) now.records[i].vote = i < 60 ? Vote::kDown : Vote::kUp;
  MonitorReport report = MustJudge(voted, now);
  EXPECT_EQ(report.verdict, DriftVerdict::kDrift);
  EXPECT_THAT(report.reasons.back(),
              HasSubstr("more votes against: 10 of 200 then, 60 of 200 now"));

  Rescored empty = MakePeriod(200, 0, 3);
  for (size_t i = 0; i < 12; ++i) empty.chosen[i].translation.clear();
  report = MustJudge(then, empty);
  EXPECT_EQ(report.verdict, DriftVerdict::kDrift);
  EXPECT_THAT(report.reasons.back(), HasSubstr("more empty outputs"));

  Rescored corrected = MakePeriod(200, 1, 4);
  for (auto& record : corrected.chosen) record.correction = corrected.baseline[0].hypothesis;
  report = MustJudge(MakePeriod(200, 1, 5), corrected);
  EXPECT_EQ(report.corrected, 200);
  EXPECT_LT(report.correction.high, -2);
  EXPECT_EQ(report.verdict, DriftVerdict::kDrift) << "worse than the baseline, as it was before";
}

TEST(JudgeDrift, PeriodsAreCutByTimeAndSeed) {
  std::vector<FeedbackRecord> records(10), then, now;
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].id = std::to_string(i);
    records[i].source = "x";
    records[i].time = "2026-11-26T10:0" + std::to_string(9 - i) + ":00Z";
  }
  SplitByTime(records, then, now);
  ASSERT_EQ(then.size(), 5u);
  EXPECT_EQ(then.front().id, "9");
  EXPECT_EQ(now.back().id, "0");
  MonitorOptions options;
  options.max_samples = 4;
  const auto chosen = ChooseRecords(records, options);
  ASSERT_EQ(chosen.size(), 4u);
  EXPECT_EQ(SuiteOf(chosen, "x").hash, SuiteOf(ChooseRecords(records, options), "x").hash);
  Rescored broken = MakePeriod(3, 0, 1);
  broken.baseline.pop_back();
  EXPECT_FALSE(JudgeDrift(broken, broken, {}));
}

}  // namespace
}  // namespace dragoman
