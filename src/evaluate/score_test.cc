// Files to scores: readers, sacreBLEU's own figures for several systems, scores from outside.
#include "evaluate/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "evaluate/json_shape_for_tests.h"

namespace dragoman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ScoreTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(WriteFileAtomically(path, text));
    return path;
  }
  std::string folder_ = [] {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    const std::string path = ::testing::TempDir() + "score_" + test->name();
    std::filesystem::create_directories(path);
    return path;
  }();
};

TEST_F(ScoreTest, ReadsLinesOfEitherEnding) {
  const auto texts =
      ReadScoreTexts({{Write("hyp", "a b\r\nc\r\n")}, {Write("ref", "a\n\nb")}, "", false});
  ASSERT_FALSE(texts);
  EXPECT_THAT(texts.error().message, HasSubstr("(3), at least one; found 2"));
  const auto good =
      ReadScoreTexts({{Write("hyp", "a b\r\nc\r\n")}, {Write("ref", "a\nb")}, "", false});
  ASSERT_TRUE(good);
  EXPECT_THAT(good->hypotheses, ElementsAre(ElementsAre("a b", "c")));
}

TEST_F(ScoreTest, ReadsSeveralReferencesFromFilesOrTabs) {
  const std::string hyp = Write("hyp", "x\ny\n");
  const auto files =
      ReadScoreTexts({{hyp}, {Write("r1", "a\nb\n"), Write("r2", "c\nd\n")}, "", false});
  ASSERT_TRUE(files);
  EXPECT_THAT(files->references, ElementsAre(ElementsAre("a", "c"), ElementsAre("b", "d")));
  const auto tabs = ReadScoreTexts({{hyp}, {Write("tabs", "a\tc\nb\n")}, "", true});
  ASSERT_TRUE(tabs);
  EXPECT_THAT(tabs->references, ElementsAre(ElementsAre("a", "c"), ElementsAre("b")));
  std::vector<std::unique_ptr<Metric>> metrics;
  metrics.push_back(MakeBleuMetric({}));
  const auto report = ScoreSystems(*tabs, metrics, {}, {});
  ASSERT_TRUE(report);
  EXPECT_THAT(report->metrics[0].signature, HasSubstr("nrefs:var|"));
}

// Corpus 0 of the table of paired tests: three systems, one reference.
ScoreTexts GoldenTexts(const Json& table) {
  ScoreTexts texts;
  for (const auto& one : table["corpora"]) {
    if (one["corpus"] != 0 || !one.contains("systems")) continue;
    for (const auto& system : one["systems"]) {
      texts.names.push_back(system[0]);
      texts.hypotheses.push_back(system[1].get<std::vector<std::string>>());
    }
    for (const auto& line : one["refs"][0]) texts.references.push_back({line});
  }
  return texts;
}

TEST_F(ScoreTest, SeveralSystemsAsSacrebleu) {
  const auto table = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/tests/golden/sacrebleu_paired.json");
  ASSERT_TRUE(table);
  const ScoreTexts texts = GoldenTexts(*table);
  std::vector<std::unique_ptr<Metric>> metrics;
  metrics.push_back(MakeBleuMetric({}));
  metrics.push_back(MakeTerMetric({}));
  ScorePlan plan;
  plan.test = PairedTest::kBootstrap;
  const auto report = ScoreSystems(texts, metrics, {}, plan);
  ASSERT_TRUE(report) << report.error().message;
  const Json& expected = (*table)["corpora"][0];
  for (const MetricReport& metric : report->metrics) {
    EXPECT_EQ(metric.signature, expected["signatures"][metric.name]);
    for (size_t s = 0; s < metric.systems.size(); ++s) {
      const Json& row = expected["results"][metric.name][s];
      EXPECT_NEAR(metric.systems[s].score, row[0].get<double>(), 1e-9);
      ASSERT_TRUE(metric.systems[s].interval);
      EXPECT_NEAR(metric.systems[s].interval->half_width, row[3].get<double>(), 1e-6);
      if (s > 0) {
        EXPECT_EQ(metric.systems[s].p_value, row[1].get<double>());
      }
    }
  }
  EXPECT_THAT(Format(*report, 2), HasSubstr("51.85 (μ = 51.62 ± 4.98) (p = 0.0509)"));
  const auto schema = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/schemas/score.schema.json");
  ASSERT_TRUE(schema);
  std::vector<std::string> misfits;
  FindMisfits(*schema, Json(ToJson(*report)), "", misfits);
  EXPECT_THAT(misfits, IsEmpty());
}

TEST_F(ScoreTest, ATestNeedsTwoSystems) {
  ScoreTexts texts{{"a"}, {{"x"}}, {{"x"}}, {}};
  ScorePlan plan;
  plan.test = PairedTest::kRandomisation;
  EXPECT_FALSE(ScoreSystems(texts, {}, {}, plan));
}

std::vector<SegmentName> FourNames() {
  return {{"a", "", "1"}, {"a", "", "2"}, {"b", "", "1"}, {"b", "", "2"}};
}

TEST_F(ScoreTest, ScoresFromOutsideComeInEveryForm) {
  const auto names = FourNames();
  const auto parse = [&names](const std::string& text) {
    const auto scores = ParseSegmentScores(text, "file", "COMET", names);
    return scores ? *scores : std::vector<double>();
  };
  const std::vector<double> expected = {0.5, 0.25, 1, -2};
  EXPECT_EQ(parse("0.5\n0.25\r\n1\n\n-2"), expected);
  EXPECT_EQ(parse("{\"score\":0.5}\n{\"prediction\":0.25}\n{\"COMET\":1}\n{\"score\":-2}\n"),
            expected);
  EXPECT_EQ(
      parse("{\"a\":[{\"COMET\":0.5},{\"COMET\":0.25}],\"b\":[{\"COMET\":1},{\"COMET\":-2}]}"),
      expected);
  EXPECT_EQ(parse("{\"system\":\"b\",\"id\":\"2\",\"score\":-2}\n"
                  "{\"system\":\"a\",\"id\":\"1\",\"score\":0.5}\n"
                  "{\"system\":\"b\",\"id\":\"1\",\"score\":1}\n"
                  "{\"system\":\"a\",\"id\":\"2\",\"score\":0.25}\n"),
            expected);
}

TEST_F(ScoreTest, BadScoresNameTheirLine) {
  const auto names = FourNames();
  const auto error = [&names](const std::string& text) {
    const auto scores = ParseSegmentScores(text, "file", "COMET", names);
    return scores ? std::string() : ToString(scores.error());
  };
  EXPECT_THAT(error("1\n2\n"), HasSubstr("expected 4 scores"));
  EXPECT_THAT(error("1\nnan\n3\n4\n"), HasSubstr("line 2: expected a finite score"));
  EXPECT_THAT(error("1\n2x\n3\n4\n"), HasSubstr("line 2"));
  EXPECT_THAT(error("{\"score\":\"1\"}\n"), HasSubstr("line 1"));
  EXPECT_THAT(error("{\"mt\":\"x\"}\n"), HasSubstr("none of the keys"));
  EXPECT_THAT(error("{\"system\":\"a\",\"id\":\"1\",\"score\":0}\n"),
              HasSubstr("2 of a has no score"));
  EXPECT_THAT(error("{\"system\":\"a\",\"id\":\"1\",\"score\":0}\n{\"system\":\"a\",\"id\":\"1\","
                    "\"score\":0}\n"),
              HasSubstr("line 2: sentence 1 of a has two scores"));
  EXPECT_THAT(error("{\"score\":"), HasSubstr("file:1"));
}

TEST_F(ScoreTest, WhatGoesOutComesBack) {
  std::vector<NeuralSegment> segments;
  const auto names = FourNames();
  for (const SegmentName& name : names) segments.push_back({name, "s \"q\"", "h\u2028", "r"});
  std::string answered;
  size_t number = 0;
  const std::string lines = FormatNeuralLines(NeuralFormat::kMetricX, segments);
  for (size_t begin = 0; begin < lines.size(); begin = lines.find('\n', begin) + 1) {
    auto json = ParseJson(lines.substr(begin, lines.find('\n', begin) - begin), "line");
    ASSERT_TRUE(json);
    EXPECT_EQ((*json)["hypothesis"], "h\u2028");
    (*json)["prediction"] = static_cast<double>(++number);
    answered = json->dump() + "\n" + answered;  // in another order
  }
  const auto scores = ParseSegmentScores(answered, "file", "MetricX", names);
  ASSERT_TRUE(scores) << scores.error().message;
  EXPECT_THAT(*scores, ElementsAre(1, 2, 3, 4));
}

// A metric from outside gets the same test: by hand, of three differences all of one sign.
TEST_F(ScoreTest, ScoresFromOutsideAreTestedAsMetricsAre) {
  ScoreTexts texts{{"a", "b"}, {{"x", "x", "x"}, {"x", "x", "x"}}, {{"x"}, {"x"}, {"x"}}, {}};
  const std::vector<SegmentScores> outside = {{"MetricX", false, {{1, 1, 1}, {2, 3, 4}}}};
  ScorePlan plan;
  plan.test = PairedTest::kRandomisation;
  plan.test_draws = 4000;
  plan.sentences = true;
  const auto report = ScoreSystems(texts, {}, outside, plan);
  ASSERT_TRUE(report);
  const MetricReport& metric = report->metrics.front();
  EXPECT_FALSE(metric.higher_is_better);
  EXPECT_DOUBLE_EQ(metric.systems[1].score, 3);
  EXPECT_THAT(metric.systems[1].sentences, ElementsAre(2, 3, 4));
  // sacreBLEU counts larger differences only, and none is larger: the least p-value there is.
  EXPECT_DOUBLE_EQ(*metric.systems[1].p_value, 1.0 / 4001);
}

}  // namespace
}  // namespace dragoman
