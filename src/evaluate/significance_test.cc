// Random stream, p-values and intervals against NumPy 2.5.2 and sacreBLEU 2.6.0.
#include "evaluate/significance.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/atomic_file.h"
#include "base/json.h"
#include "evaluate/numpy_random.h"

namespace dragoman {
namespace {

Json ReadPairedTable() {
  const auto json = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/tests/golden/sacrebleu_paired.json");
  EXPECT_TRUE(json);
  return json ? *json : Json();
}

std::vector<uint32_t> Draw(NumpyRandom& random, uint32_t bound, size_t count) {
  std::vector<uint32_t> out(count);
  random.Choice(bound, out);
  return out;
}

TEST(NumpyRandom, DrawsAsNumpyDoes) {
  const Json expected = ReadPairedTable()["numpy"];
  NumpyRandom random(12345);
  EXPECT_EQ(Draw(random, 7, 40), expected["choice_7"].get<std::vector<uint32_t>>());
  std::vector<uint8_t> bits(70);
  random.Bits(std::span(bits).first(33));  // in pieces
  random.Bits(std::span(bits).subspan(33));
  EXPECT_EQ(bits, expected["bits"].get<std::vector<uint8_t>>());
  for (const auto& row : expected["choice_3004"])
    EXPECT_EQ(Draw(random, 3004, 6), row.get<std::vector<uint32_t>>());
  for (const double one : expected["random"]) EXPECT_EQ(random.Uniform(), one);
  NumpyRandom large((uint64_t{1} << 40) + 5);
  EXPECT_EQ(Draw(large, 1000, 8), expected["seed_2p40"].get<std::vector<uint32_t>>());
  EXPECT_EQ(Draw(large, 1, 3), (std::vector<uint32_t>{0, 0, 0}));
  EXPECT_EQ(NumpyRandom(12345).Uniform(), 0.22733602246716966);  // of NumPy's own documentation
}

struct PairedCorpus {
  std::vector<std::vector<std::string>> systems, references;  // references of each sentence
  int reference_count = 0;
};

std::map<int, PairedCorpus> ReadCorpora(const Json& table) {
  std::map<int, PairedCorpus> corpora;
  for (const auto& one : table["corpora"]) {
    if (!one.contains("systems")) continue;
    PairedCorpus& corpus = corpora[one["corpus"].get<int>()];
    for (const auto& system : one["systems"])
      corpus.systems.push_back(system[1].get<std::vector<std::string>>());
    corpus.references.resize(corpus.systems[0].size());
    corpus.reference_count = static_cast<int>(one["refs"].size());
    for (const auto& stream : one["refs"]) {
      for (size_t i = 0; i < stream.size(); ++i) corpus.references[i].push_back(stream[i]);
    }
  }
  return corpora;
}

std::map<std::string, std::unique_ptr<Metric>> AllMetrics() {
  std::map<std::string, std::unique_ptr<Metric>> metrics;
  metrics["BLEU"] = MakeBleuMetric({});
  metrics["chrF2"] = MakeChrfMetric({});
  metrics["chrF2++"] = MakeChrfMetric({.word_order = 2});
  metrics["TER"] = MakeTerMetric({});
  return metrics;
}

TEST(Significance, PValuesAndIntervalsEqualSacrebleu) {
  const Json table = ReadPairedTable();
  const auto corpora = ReadCorpora(table);
  const auto metrics = AllMetrics();
  int compared = 0;
  for (const auto& run : table["corpora"]) {
    if (!run.contains("results")) continue;
    const PairedCorpus& corpus = corpora.at(run["corpus"].get<int>());
    const PairedTest test =
        run["test"] == "bs" ? PairedTest::kBootstrap : PairedTest::kRandomisation;
    const int draws = run["draws"];
    const uint64_t seed = run["seed"];
    for (const auto& [name, rows] : run["results"].items()) {
      Metric& metric = *metrics.at(name);
      const std::string what = fmt::format("corpus {}, {}, seed {}, {}", run["corpus"].get<int>(),
                                           run["test"].get<std::string>(), seed, name);
      EXPECT_EQ(metric.signature(corpus.reference_count, DescribeTest(test, draws, seed)),
                run["signatures"][name].get<std::string>());
      const StatsTable baseline = CountStats(metric, corpus.systems[0], corpus.references);
      for (size_t s = 1; s < rows.size(); ++s) {
        const StatsTable system = CountStats(metric, corpus.systems[s], corpus.references);
        const auto result = TestPair(test, metric, baseline, system, draws, seed);
        ASSERT_TRUE(result) << what;
        ++compared;
        EXPECT_NEAR(result->score, rows[s][0].get<double>(), 1e-9) << what;
        EXPECT_EQ(result->p_value, rows[s][1].get<double>()) << what;
        if (test != PairedTest::kBootstrap) continue;
        EXPECT_NEAR(result->resampled.mean, rows[s][2].get<double>(), 1e-9) << what;
        EXPECT_NEAR(result->resampled.half_width, rows[s][3].get<double>(), 1e-9) << what;
      }
    }
  }
  EXPECT_EQ(compared, 96);
}

// The examples of sacreBLEU's README: WMT 2017 English to German, LIUM's system against online-B.
TEST(Significance, PublishedPValuesOfSacrebleu) {
  const auto text = ReadFile(DRAGOMAN_SOURCE_DIR "/tests/golden/wmt17_en_de_statistics.jsonl");
  ASSERT_TRUE(text);
  std::map<std::string, std::vector<StatsTable>> tables;  // by metric: the baseline's, online-B's
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const auto json = ParseJson(line, "statistics");
    ASSERT_TRUE(json);
    StatsTable& table = tables[(*json)["metric"]].emplace_back();
    for (const auto& row : (*json)["rows"]) {
      table.columns = row.size();
      for (const double count : row) table.values.push_back(count);
    }
  }
  const struct {
    const char* metric;
    PairedTest test;
    int draws;
    const char* published;
  } cases[] = {
      {"BLEU", PairedTest::kBootstrap, 1000, "26.7 (26.6 ± 0.7) (p = 0.3077)"},
      {"chrF2", PairedTest::kBootstrap, 1000, "56.3 (56.3 ± 0.5) (p = 0.0240)"},
      {"BLEU", PairedTest::kRandomisation, 10000, "26.7 (p = 0.8066)"},
      {"chrF2", PairedTest::kRandomisation, 10000, "56.3 (p = 0.0385)"},
  };
  const auto metrics = AllMetrics();
  for (const auto& one : cases) {
    const auto& pair = tables[one.metric];
    ASSERT_EQ(pair.size(), 2u);
    ASSERT_EQ(pair[0].rows(), 3004u);
    const auto result = TestPair(one.test, *metrics.at(one.metric), pair[0], pair[1], one.draws);
    ASSERT_TRUE(result) << ToString(result.error());
    std::string said = fmt::format("{:.1f}", result->score);
    if (one.test == PairedTest::kBootstrap) {
      said +=
          fmt::format(" ({:.1f} ± {:.1f})", result->resampled.mean, result->resampled.half_width);
    }
    EXPECT_EQ(said + fmt::format(" (p = {:.4f})", result->p_value), one.published) << one.metric;
  }
}

TEST(Significance, IntervalOfOneSystemEqualsSacrebleu) {
  const Json table = ReadPairedTable();
  const auto corpora = ReadCorpora(table);
  const auto metrics = AllMetrics();
  for (const auto& run : table["corpora"]) {
    if (!run.contains("single")) continue;
    const PairedCorpus& corpus = corpora.at(run["corpus"].get<int>());
    for (const auto& [name, expected] : run["single"].items()) {
      Metric& metric = *metrics.at(name);
      const StatsTable stats = CountStats(metric, corpus.systems[0], corpus.references);
      const Resampled interval = EstimateInterval(metric, stats, 1000, kDefaultSeed);
      const std::string said =
          fmt::format("{} = {:.2f} (μ = {:.2f} ± {:.2f})", name, metric.Score(stats.Sum()),
                      interval.mean, interval.half_width);
      EXPECT_EQ(expected[0].get<std::string>().substr(0, said.size()), said);
      EXPECT_EQ(metric.signature(corpus.reference_count,
                                 DescribeTest(PairedTest::kBootstrap, 1000, kDefaultSeed)),
                expected[1].get<std::string>());
    }
  }
}

TEST(Significance, RefusesWhatCannotBePaired) {
  const auto metric = MakeTerMetric({});
  const StatsTable two{2, {1, 2, 3, 4}}, one{2, {1, 2}};
  EXPECT_FALSE(TestPair(PairedTest::kBootstrap, *metric, two, one, 100));
  EXPECT_FALSE(TestPair(PairedTest::kBootstrap, *metric, {}, {}, 100));
  EXPECT_FALSE(TestPair(PairedTest::kRandomisation, *metric, two, two, 0));
  const auto same = TestPair(PairedTest::kRandomisation, *metric, two, two, 100);
  ASSERT_TRUE(same);
  EXPECT_GT(same->p_value, 0.0);
}

}  // namespace
}  // namespace dragoman
