// Benchmark runs with a made-up translator: scores, checks, the predictions file and its
// resumption, the JSON form.
#include "evaluate/benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "evaluate/checks.h"
#include "evaluate/json_shape_for_tests.h"
#include "evaluate/metrics/bleu.h"
#include "evaluate/predictions_file.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Suite SmallSuite() {
  Suite suite;
  suite.hash = "0123";
  for (int i = 0; i < 40; ++i) {
    const std::string number = std::to_string(i);
    suite.samples.push_back(
        {"t-" + number,
         "en",
         i % 2 == 0 ? "de" : "zh",
         "Sentence number " + number + " is here.",
         i % 2 == 0 ? "Satz Nummer " + number + " steht hier." : "第" + number + "句在这里。",
         "talk",
         {}});
  }
  suite.samples.push_back({"e-1", "en", "de", "", "", "edge:empty", {}});
  suite.samples.push_back({"e-2",
                           "en",
                           "de",
                           "See https://a.example/x now please.",
                           "",
                           "edge:url",
                           {"https://a.example/x"}});
  return suite;
}

// Answers with the reference, in a fixed time; counts what it was asked, and fails after `limit`
// sentences.
struct FakeTranslator {
  explicit FakeTranslator(const Suite& suite) : suite_(suite) {}
  Result<std::vector<Translation>> operator()(std::span<const TranslationRequest> requests) {
    std::vector<Translation> translations;
    for (const auto& request : requests) {
      if (++asked > limit) return Fail(ErrorCode::kCancelled, "killed");
      Translation translation;
      for (const auto& sample : suite_.samples) {
        if (sample.source == request.text && sample.target_lang == request.target.code) {
          translation.text = sample.is_edge_case() ? sample.source : sample.reference;
        }
      }
      translation.latency_ms = 10;
      translation.first_token_ms = 4;
      translation.new_tokens = 5;
      translations.push_back(translation);
    }
    return translations;
  }
  const Suite& suite_;
  int asked = 0;
  int limit = 1 << 30;
};

TEST(TranslateSuite, ScoresPairsAndLeavesEdgeCasesOut) {
  const Suite suite = SmallSuite();
  FakeTranslator fake(suite);
  BenchmarkResult result;
  ASSERT_TRUE(TranslateSuite(suite, {}, {}, std::ref(fake), result));
  ASSERT_EQ(result.pairs.size(), 2u);
  EXPECT_EQ(result.pairs[0].pair, "en-de");
  EXPECT_EQ(result.pairs[0].samples, 20);
  EXPECT_EQ(result.pairs[0].checked, 22);
  EXPECT_NEAR(result.pairs[0].bleu, 100, 1e-9);
  EXPECT_EQ(result.pairs[1].bleu_signature, BleuSignature({.tokenizer = BleuTokenizer::kZh}));
  EXPECT_NEAR(result.mean_chrf, 100, 1e-9);
  EXPECT_EQ(result.latency_p50_ms, 10);
  EXPECT_EQ(result.first_token_p99_ms, 4);
  EXPECT_EQ(result.pairs[0].kept_rate, 1);
  EXPECT_EQ(result.pairs[0].kept_items, 21);  // a number a sentence, and the address
  EXPECT_GT(result.tokens_per_second, 0);
}

TEST(TranslateSuite, ContinuesAKilledRunAfterATornLine) {
  const Suite suite = SmallSuite();
  BenchmarkOptions options;
  options.max_batch = 2;  // chunks of 8
  options.predictions_path = ::testing::TempDir() + "dragoman_predictions/run.jsonl";
  fs::remove(options.predictions_path);
  const OrderedJson identity = {{"schema", "dragoman.predictions/1"}, {"model_sha256", "a"}};
  BenchmarkResult result;
  FakeTranslator killed(suite);
  killed.limit = 20;
  ASSERT_FALSE(TranslateSuite(suite, options, identity, std::ref(killed), result));
  auto text = ReadFile(options.predictions_path);
  ASSERT_TRUE(text);
  EXPECT_EQ(std::count(text->begin(), text->end(), '\n'), 1 + 16);  // header and two whole chunks
  const std::string torn = text->substr(0, text->size() - 9);
  ASSERT_TRUE(WriteFileAtomically(options.predictions_path, torn));

  FakeTranslator second(suite);
  ASSERT_TRUE(TranslateSuite(suite, options, identity, std::ref(second), result));
  EXPECT_EQ(second.asked, 42 - 15);  // the torn one again, the fifteen whole ones not
  EXPECT_NEAR(result.mean_bleu, 100, 1e-9);
  FakeTranslator third(suite);
  BenchmarkResult again;
  ASSERT_TRUE(TranslateSuite(suite, options, identity, std::ref(third), again));
  EXPECT_EQ(third.asked, 0);
  EXPECT_EQ(again.seconds, result.seconds);
  EXPECT_EQ(again.predictions.size(), suite.samples.size());
}

TEST(TranslateSuite, BeginsAnewForAnotherModel) {
  const Suite suite = SmallSuite();
  BenchmarkOptions options;
  options.predictions_path = ::testing::TempDir() + "dragoman_predictions/other.jsonl";
  fs::remove(options.predictions_path);
  BenchmarkResult result;
  FakeTranslator first(suite), second(suite);
  ASSERT_TRUE(TranslateSuite(suite, options, {{"model_sha256", "a"}}, std::ref(first), result));
  ASSERT_TRUE(TranslateSuite(suite, options, {{"model_sha256", "b"}}, std::ref(second), result));
  EXPECT_EQ(second.asked, 42);
  const auto text = ReadFile(options.predictions_path);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->rfind("{\"model_sha256\":\"b\"}\n", 0), 0u);
}

TEST(TranslateSuite, SurvivesAnyDamageToThePredictions) {
  const Suite suite = SmallSuite();
  BenchmarkOptions options;
  options.predictions_path = ::testing::TempDir() + "dragoman_predictions/damaged.jsonl";
  const OrderedJson identity = {{"model_sha256", "a"}};
  fs::remove(options.predictions_path);
  BenchmarkResult result;
  FakeTranslator fake(suite);
  ASSERT_TRUE(TranslateSuite(suite, options, identity, std::ref(fake), result));
  const auto whole = ReadFile(options.predictions_path);
  ASSERT_TRUE(whole);
  for (size_t at = 0; at < whole->size(); at += 293) {
    std::string damaged = *whole;
    damaged[at] = at % 2 == 0 ? '\0' : '\n';
    ASSERT_TRUE(WriteFileAtomically(options.predictions_path, damaged));
    BenchmarkResult repaired;
    ASSERT_TRUE(TranslateSuite(suite, options, identity, std::ref(fake), repaired)) << at;
    ASSERT_NEAR(repaired.mean_bleu, 100, 1e-9) << at;
  }
}

TEST(TranslateSuite, RefusesAnUnknownLanguage) {
  Suite suite = SmallSuite();
  suite.samples[0].target_lang = "qqq";
  FakeTranslator fake(suite);
  BenchmarkResult result;
  const auto done = TranslateSuite(suite, {}, {}, std::ref(fake), result);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
}

TEST(BenchmarkJson, SurvivesWritingAndReadingAndFitsItsSchema) {
  const Suite suite = SmallSuite();
  FakeTranslator fake(suite);
  BenchmarkResult result;
  result.model_path = "m.gguf";
  result.model_sha256 = "ff";
  result.model_bytes = 123;
  result.device = "cpu";
  ASSERT_TRUE(TranslateSuite(suite, {}, {}, std::ref(fake), result));
  const std::string path = ::testing::TempDir() + "dragoman_results/baseline_results.json";
  ASSERT_TRUE(WriteJsonFile(path, ToJson(result)));
  const auto again = ReadBenchmarkResult(path);
  ASSERT_TRUE(again) << ToString(again.error());
  EXPECT_EQ(DumpJson(ToJson(*again)), DumpJson(ToJson(result)));

  const auto schema = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/schemas/benchmark_results.schema.json");
  const auto json = ReadJsonFile(path);
  ASSERT_TRUE(schema && json);
  std::vector<std::string> misfits;
  FindMisfits(*schema, *json, "$", misfits);
  EXPECT_THAT(misfits, IsEmpty());
  Json broken = *json;
  broken["language_pairs"][0].erase("bleu");
  broken["model"]["bytes"] = "many";
  FindMisfits(*schema, broken, "$", misfits);
  EXPECT_EQ(misfits.size(), 2u);
}

TEST(BenchmarkJson, RefusesDamagedResults) {
  const std::string path = ::testing::TempDir() + "dragoman_results/damaged.json";
  const std::string good =
      R"({"schema":"dragoman.benchmark_results/1","model":{"path":"m","sha256":"f","bytes":1},"suite":{"hash":"h"},)"
      R"("performance":{"device":"cpu","load_seconds":1,"peak_rss_bytes":1},"predictions":[)"
      R"({"id":"1","pair":"en-de","source_lang":"en","target_lang":"de","domain":"","source":"a","reference":"b",)"
      R"("hypothesis":"c","new_tokens":1,"latency_ms":1,"seconds":1,"length_limit":false}]})";
  ASSERT_TRUE(WriteFileAtomically(path, good));
  ASSERT_TRUE(ReadBenchmarkResult(path));
  const std::pair<const char*, const char*> changes[] = {
      {"\"dragoman.benchmark_results/1\"", "\"other\""},
      {"\"bytes\":1", "\"bytes\":-1"},
      {"\"bytes\":1", "\"bytes\":\"x\""},
      {"\"hash\":\"h\"", "\"hash\":3"},
      {"\"new_tokens\":1", "\"new_tokens\":1e30"},
      {"\"hypothesis\":\"c\",", ""},
      {"\"predictions\":[", "\"other\":["},
      {"\"length_limit\":false", "\"length_limit\":0"}};
  for (const auto& change : changes) {
    std::string text = good;
    text.replace(text.find(change.first), std::string(change.first).size(), change.second);
    ASSERT_TRUE(WriteFileAtomically(path, text));
    const auto read = ReadBenchmarkResult(path);
    ASSERT_FALSE(read) << change.second;
    EXPECT_EQ(read.error().code, ErrorCode::kCorruptFile);
    EXPECT_THAT(ToString(read.error()), HasSubstr("damaged.json"));
  }
}

Prediction Of(const char* target, const char* source, const char* reference,
              const char* hypothesis) {
  Prediction one;
  one.source_lang = "en";
  one.target_lang = target;
  one.pair = std::string("en-") + target;
  one.source = source;
  one.reference = reference;
  one.hypothesis = hypothesis;
  return one;
}

TEST(Checks, ScriptByLanguage) {
  EXPECT_FALSE(InWrongScript("我在 GitHub 上写代码。", "I write code on GitHub.", "zh"));
  EXPECT_TRUE(InWrongScript("I write some code.", "Ich schreibe Code.", "zh-Hant"));
  EXPECT_TRUE(InWrongScript("これはひらがなです", "This is hiragana", "zh"));
  EXPECT_FALSE(InWrongScript("東京タワーは高い", "Tokyo tower is high", "ja"));
  EXPECT_TRUE(InWrongScript("Токио большой", "Tokyo is big", "ko"));
  EXPECT_FALSE(InWrongScript("도쿄는 크다", "Tokyo is big", "ko"));
  EXPECT_FALSE(InWrongScript("اكتب إلى a@b.example", "Write to a@b.example", "ar"));
  EXPECT_TRUE(InWrongScript("नमस्ते दुनिया", "Hello world", "ru"));
  EXPECT_FALSE(InWrongScript("नमस्ते दुनिया", "Hello world", "hi"));
  EXPECT_TRUE(InWrongScript("Привет мир", "Hello world", "de"));
  EXPECT_FALSE(InWrongScript("12:30", "12:30", "ru"));
  EXPECT_TRUE(InWrongScript("Καλημέρα σας", "Good morning", "he"));
  EXPECT_FALSE(InWrongScript("Καλημέρα σας", "Good morning", "el"));
  EXPECT_TRUE(InWrongScript("Good day to you", "Guten Tag", "th"));
  EXPECT_FALSE(InWrongScript("Добар дан", "Good day", "sr")) << "Cyrillic and Latin both";
  EXPECT_FALSE(InWrongScript("Dobar dan", "Good day", "sr"));
  EXPECT_TRUE(InWrongScript("今天天气很好", "The weather is fine", "ko"));
  EXPECT_FALSE(InWrongScript("https://example.org/page", "https://example.org/page", "ar"));
}

TEST(Checks, FaultsOfAnOutput) {
  EXPECT_TRUE(CheckOutput(Of("de", "Hello there.", "Hallo.", " ")).empty);
  EXPECT_FALSE(CheckOutput(Of("de", " ", "", "")).empty);
  EXPECT_TRUE(CheckOutput(Of("de", "Hello there.", "Hallo.", "Hello there.")).copy);
  EXPECT_FALSE(CheckOutput(Of("de", "Berlin", "Berlin", "Berlin")).copy);
  EXPECT_FALSE(CheckOutput(Of("de", "https://a.example", "", "https://a.example")).copy);
  EXPECT_TRUE(
      CheckOutput(Of("de", "Please close the small door.", "", "Please close the small door."))
          .copy);
  EXPECT_TRUE(CheckOutput(Of("de", "Go.", "Geh.", "geh geh geh geh geh geh")).repetition);
  EXPECT_FALSE(CheckOutput(Of("de", "Go.", "Geh.", "Geh, geh.")).repetition);
  EXPECT_FALSE(CheckOutput(Of("de", "------------", "", "------------")).repetition);
  Prediction endless = Of("de", "Go.", "Geh.", "Geh und geh");
  endless.length_limit = true;
  EXPECT_TRUE(CheckOutput(endless).runaway);
}

TEST(Checks, WhatIsKept) {
  OutputChecks checks = CheckOutput(
      Of("de", "It costs 1,000.5 or 15 at www.a.example.", "", "1.000,5 www.a.example"));
  EXPECT_EQ(checks.items, 3);
  EXPECT_EQ(checks.kept, 2);
  checks = CheckOutput(Of("hi", "Room 417", "कमरा ४१७", "कमरा ४१७"));
  EXPECT_EQ(checks.kept, 1);
  checks = CheckOutput(Of("de", "50 and 50", "50 und 50", "50"));  // each number once
  EXPECT_EQ(checks.items, 2);
  EXPECT_EQ(checks.kept, 1);
  Prediction marked = Of("de", "%s deleted 7 files", "", "%s löschte sieben Dateien");
  marked.keep = {"%s", "7"};
  checks = CheckOutput(marked);
  EXPECT_EQ(checks.items, 2);
  EXPECT_EQ(checks.kept, 1);
}

}  // namespace
}  // namespace dragoman
