// Suites: the built-in one, the three formats, sampling, hashes, and files that must be refused.
#include "evaluate/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPlain =
    R"({"source_lang":"en","target_lang":"de","domain":"talk","source":"One.","reference":"Eins.","license":"CC0"}
{"source_lang":"en","target_lang":"de","domain":"talk","source":"Two.","reference":"Zwei.","license":"CC0"}

{"source_lang":"en","target_lang":"fr","domain":"talk","source":"One.","reference":"Un.","license":"CC BY 4.0"}
{"source_lang":"de","target_lang":"en","domain":"talk","source":"Drei.","reference":"Three.","license":"CC0"}
{"source_lang":"en","target_lang":"de","domain":"edge:url","source":"See https://a.example","expect":{"keep":["https://a.example"]}}
)";

Suite MustParse(const std::string& text, const SuiteOptions& options = {}) {
  auto suite = ParseSuite(text, "test.jsonl", options);
  EXPECT_TRUE(suite) << ToString(suite.error());
  return suite ? *suite : Suite{};
}

TEST(BuiltInSuite, CoversNinePairsAndEdgeCases) {
  const auto suite = BuiltInSuite({});
  ASSERT_TRUE(suite) << ToString(suite.error());
  std::map<std::string, int> scored, edges;
  for (const auto& sample : suite->samples)
    ++(sample.is_edge_case() ? edges : scored)[sample.pair()];
  EXPECT_EQ(scored.size(), 9u);
  for (const auto& pair : scored) EXPECT_GE(pair.second, 50) << pair.first;
  EXPECT_EQ(edges.size(), 9u);
  EXPECT_GE(scored.begin()->second * 9 + edges.begin()->second * 9, 450);
  EXPECT_EQ(suite->hash.size(), 64u);
  EXPECT_EQ(suite->name, "dragoman-builtin");
}

TEST(BuiltInSuite, GivesAnyPairAndRefusesUnknownLanguages) {
  SuiteOptions options;
  options.source_lang = "de";
  options.target_langs = {"EN"};
  const auto suite = BuiltInSuite(options);
  ASSERT_TRUE(suite) << ToString(suite.error());
  EXPECT_EQ(suite->samples.front().source_lang, "de");
  options.target_langs = {"xx"};
  const auto refused = BuiltInSuite(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("found \"xx\""));
  options.target_langs = {"de"};
  EXPECT_FALSE(BuiltInSuite(options));
}

TEST(Suite, ReadsPlainLines) {
  const Suite suite = MustParse(kPlain);
  ASSERT_EQ(suite.samples.size(), 4u);  // de-en left out: the source asked is English
  EXPECT_EQ(suite.samples[1].reference, "Zwei.");
  EXPECT_EQ(suite.samples[2].target_lang, "fr");
  EXPECT_THAT(suite.samples[3].keep, ElementsAre("https://a.example"));
  EXPECT_EQ(suite.license, "CC0; CC BY 4.0");
  EXPECT_EQ(suite.name, "test");
  SuiteOptions any;
  any.source_lang.clear();
  any.include_edge_cases = false;
  EXPECT_EQ(MustParse(kPlain, any).samples.size(), 4u);
}

TEST(Suite, SurvivesWritingAndReading) {
  const Suite suite = MustParse(kPlain);
  const std::string path = ::testing::TempDir() + "dragoman_suite/suite.json";
  ASSERT_TRUE(WriteSuite(path, suite));
  const auto again = ReadSuite(path, {});
  ASSERT_TRUE(again) << ToString(again.error());
  EXPECT_EQ(again->hash, suite.hash);
  EXPECT_EQ(again->license, suite.license);
  EXPECT_EQ(again->samples.size(), suite.samples.size());
}

TEST(Suite, SamplesWithASeed) {
  SuiteOptions options;
  options.samples_per_language = 7;
  const auto first = BuiltInSuite(options);
  const auto second = BuiltInSuite(options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->hash, second->hash);
  std::map<std::string, std::vector<std::string>> ids;
  for (const auto& sample : first->samples) {
    if (!sample.is_edge_case()) ids[sample.pair()].push_back(sample.id);
  }
  ASSERT_EQ(ids.size(), 9u);
  for (const auto& pair : ids) {
    EXPECT_EQ(pair.second, ids.begin()->second) << "the same sentences in every language";
    EXPECT_EQ(pair.second.size(), 7u);
    EXPECT_TRUE(std::is_sorted(pair.second.begin(), pair.second.end()));
  }
  options.seed = 1;
  EXPECT_NE(BuiltInSuite(options)->hash, first->hash);
}

TEST(Suite, HashSeesEveryField) {
  const Suite suite = MustParse(kPlain);
  std::string changed = kPlain;
  changed.replace(changed.find("Zwei"), 4, "Drei");
  EXPECT_NE(MustParse(changed).hash, suite.hash);
}

TEST(Suite, RefusesBadFiles) {
  struct Case {
    const char* text;
    ErrorCode code;
    const char* message;
  };
  const Case cases[] = {
      {"", ErrorCode::kInvalidArgument, "in two languages, found none"},
      {"{\"source_lang\":\"en\"\n", ErrorCode::kCorruptFile, "test.jsonl: line 1"},
      {"[1]\n", ErrorCode::kCorruptFile, "expected an object, found array"},
      {"{\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":\"a\"}", ErrorCode::kCorruptFile,
       "\"reference\""},
      {"{\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":5,\"reference\":\"a\"}",
       ErrorCode::kCorruptFile, "\"source\": expected a string, found number"},
      {"{\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":\"a\",\"reference\":\" \"}",
       ErrorCode::kCorruptFile, "found an empty one"},
      {"{\"source_lang\":\"\",\"target_lang\":\"de\",\"source\":\"a\",\"reference\":\"b\"}",
       ErrorCode::kCorruptFile, "language codes"},
      {"{\"schema\":\"other/1\"}", ErrorCode::kUnsupported, "other/1"},
      {"{\n\"schema\":\"dragoman.test_suite/1\"}", ErrorCode::kCorruptFile, "\"samples\""},
      {"{\n\"samples\":[]}", ErrorCode::kUnsupported, "schema"},
      {"{\"id\":\"a\",\"domain\":\"x\",\"text\":7}", ErrorCode::kCorruptFile, "\"text\""},
      {"{\"id\":\"a\",\"domain\":\"x\",\"text\":{\"en\":\"\"}}", ErrorCode::kCorruptFile,
       "empty in en"},
      {"{\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":\"\xff\",\"reference\":\"b\"}",
       ErrorCode::kCorruptFile, "line 1"},
      {"{\"id\":\"1\",\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":\"a\",\"reference\":"
       "\"b\"}\n"
       "{\"id\":\"1\",\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":\"a\",\"reference\":"
       "\"b\"}",
       ErrorCode::kCorruptFile, "line 2: expected each id once in en-de"},
      {"{\"source_lang\":\"fr\",\"target_lang\":\"de\",\"source\":\"a\",\"reference\":\"b\"}",
       ErrorCode::kInvalidArgument, "fr-de"},
      {"{\"source_lang\":\"en\",\"target_lang\":\"de\",\"domain\":\"edge:x\",\"source\":\"a\","
       "\"keep\":[\"\"]}",
       ErrorCode::kCorruptFile, "\"keep\""},
  };
  for (const Case& one : cases) {
    const auto suite = ParseSuite(one.text, "test.jsonl", {});
    ASSERT_FALSE(suite) << one.text;
    EXPECT_EQ(suite.error().code, one.code) << one.text;
    EXPECT_THAT(ToString(suite.error()), HasSubstr(one.message)) << one.text;
  }
}

TEST(Suite, RefusesOverlongTextsAndSurvivesEveryTruncation) {
  const std::string text = R"({"source_lang":"en","target_lang":"de","source":")" +
                           std::string((1 << 20) + 1, 'a') + R"(","reference":"b"})";
  const auto suite = ParseSuite(text, "t", {});
  ASSERT_FALSE(suite);
  EXPECT_THAT(suite.error().message, HasSubstr("at most 1048576 bytes"));
  const std::string plain = kPlain;
  size_t refused = 0;
  for (size_t size = 0; size < plain.size(); ++size) {
    refused += ParseSuite(plain.substr(0, size), "t", {}) ? 0 : 1;
  }
  EXPECT_GT(refused, plain.size() / 2);
}

}  // namespace
}  // namespace dragoman
