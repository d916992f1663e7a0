// The metrics against values recorded from sacreBLEU 2.6.0, and their parts against hand-made
// cases.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/atomic_file.h"
#include "base/json.h"
#include "evaluate/metrics/bleu.h"
#include "evaluate/metrics/bleu_tokenizer.h"
#include "evaluate/metrics/chrf.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

struct GoldenCase {
  std::string kind, format_13a;
  std::vector<std::string> hypotheses;
  std::vector<std::vector<std::string>> references;  // of each sentence
  std::vector<double> scores;                        // bleu 13a, zh, char, none, chrF2, chrF2++
};

struct GoldenTable {
  Json signatures;
  std::vector<GoldenCase> cases;
};

GoldenTable ReadTable() {
  GoldenTable table;
  auto text = ReadFile(DRAGOMAN_SOURCE_DIR "/tests/golden/sacrebleu_cases.jsonl");
  EXPECT_TRUE(text);
  if (!text) return table;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    auto json = ParseJson(rest.substr(0, end), "golden");
    EXPECT_TRUE(json);
    rest.remove_prefix(end + 1);
    if (json->contains("signatures")) {
      table.signatures = (*json)["signatures"];
      continue;
    }
    GoldenCase one;
    one.kind = (*json)["kind"];
    one.format_13a = (*json)["format_13a"];
    one.hypotheses = (*json)["hyp"].get<std::vector<std::string>>();
    one.scores = (*json)["scores"].get<std::vector<double>>();
    for (const char* key : {"ref", "ref2"}) {
      if (!json->contains(key)) continue;
      const auto stream = (*json)[key].get<std::vector<std::string>>();
      one.references.resize(stream.size());
      for (size_t i = 0; i < stream.size(); ++i) one.references[i].push_back(stream[i]);
    }
    table.cases.push_back(std::move(one));
  }
  return table;
}

const BleuOptions kTokenizers[] = {{.tokenizer = BleuTokenizer::k13a},
                                   {.tokenizer = BleuTokenizer::kZh},
                                   {.tokenizer = BleuTokenizer::kChar},
                                   {.tokenizer = BleuTokenizer::kNone}};

void ExpectScore(double found, double expected, const std::string& what) {
  EXPECT_EQ(fmt::format("{:.2f}", found), fmt::format("{:.2f}", expected)) << what;
  EXPECT_LT(std::abs(found - expected), 1e-9) << what;
}

TEST(Golden, BleuEqualsSacrebleu) {
  const GoldenTable table = ReadTable();
  ASSERT_GE(table.cases.size(), 300u);
  for (size_t i = 0; i < table.cases.size(); ++i) {
    const GoldenCase& one = table.cases[i];
    for (size_t t = 0; t < 4; ++t) {
      BleuStats sum;
      for (size_t s = 0; s < one.hypotheses.size(); ++s) {
        sum += SentenceBleuStats(kTokenizers[t], one.hypotheses[s], one.references[s]);
      }
      const BleuScore score = ComputeBleu(sum);
      ExpectScore(score.score, one.scores[t],
                  fmt::format("case {} ({}), column {}", i, one.kind, t));
      EXPECT_EQ(score.score, one.scores[t]) << "to the last digit";
      if (t == 0) {
        EXPECT_EQ(FormatBleu(score), one.format_13a) << "case " << i;
      }
      if (one.references[0].size() > 1) continue;
      std::vector<std::string> references;
      for (const auto& of_sentence : one.references) references.push_back(of_sentence[0]);
      EXPECT_EQ(CorpusBleu(kTokenizers[t], one.hypotheses, references).score, score.score);
    }
  }
}

TEST(Golden, ChrfEqualsSacrebleu) {
  const GoldenTable table = ReadTable();
  for (size_t i = 0; i < table.cases.size(); ++i) {
    const GoldenCase& one = table.cases[i];
    for (int words : {0, 2}) {
      const ChrfOptions options{.word_order = words};
      ChrfStats sum;
      for (size_t s = 0; s < one.hypotheses.size(); ++s) {
        sum += SentenceChrfStats(options, one.hypotheses[s], one.references[s]);
      }
      const size_t column = words == 0 ? 4 : 5;
      const double score = ComputeChrf(options, sum);
      ExpectScore(score, one.scores[column],
                  fmt::format("case {} ({}), column {}", i, one.kind, column));
      if (one.references[0].size() > 1) continue;
      std::vector<std::string> references;
      for (const auto& of_sentence : one.references) references.push_back(of_sentence[0]);
      EXPECT_EQ(CorpusChrf(options, one.hypotheses, references), score);
    }
  }
}

TEST(Golden, SignaturesEqualSacrebleu) {
  const GoldenTable table = ReadTable();
  const char* names[] = {"13a", "zh", "char", "none"};
  for (int references : {1, 2}) {
    for (size_t t = 0; t < 4; ++t) {
      EXPECT_EQ(BleuSignature(kTokenizers[t], references),
                table.signatures[fmt::format("bleu_{}_{}", names[t], references)]);
    }
    EXPECT_EQ(ChrfSignature({}, references), table.signatures[fmt::format("chrf_{}", references)]);
    EXPECT_EQ(ChrfSignature({.word_order = 2}, references),
              table.signatures[fmt::format("chrfpp_{}", references)]);
  }
}

TEST(BleuTokenizer, SplitsAsMteval) {
  struct Case {
    BleuTokenizer tokenizer;
    const char* line;
    const char* tokens;
  };
  const Case cases[] = {
      {BleuTokenizer::k13a, "Hello, world.", "Hello , world ."},
      {BleuTokenizer::k13a, "1,000.5 3-4 a-b don't", "1,000.5 3 - 4 a-b don't"},
      {BleuTokenizer::k13a, "well-\nknown\nline", "wellknown line"},
      {BleuTokenizer::k13a, "&amp;lt; <skipped>&quot;",
       "< \""},  // &amp; first, then the &lt; it uncovers
      {BleuTokenizer::k13a, "a.b 5. .5", "a . b 5 . . 5"},
      {BleuTokenizer::kZh, "我有3.5个“苹果”。", "我 有 3.5 个 “ 苹 果 ” 。"},
      {BleuTokenizer::kZh, "𠀀𠀁", "𠀀𠀁"},  // extension B is not split
      {BleuTokenizer::kChar, "ab c", "a b c"},
      {BleuTokenizer::kNone, "  a\tb. ", "a b."},
  };
  for (const Case& one : cases)
    EXPECT_EQ(Tokenize({.tokenizer = one.tokenizer}, one.line), one.tokens) << one.line;
}

TEST(WhiteSpace, IsPythons) {
  EXPECT_EQ(Strip("\u00a0\u2028 a b\u3000\x1c"), "a b");
  EXPECT_EQ(StripRight("a\u200b"), "a\u200b");  // a zero-width space is none
  EXPECT_EQ(StripRight("\u3000"), "");
  EXPECT_EQ(StripRight("\x80\x80\x80\x80\x80"), "\x80\x80\x80\x80\x80");  // not UTF-8: left alone
  std::vector<std::string_view> words;
  SplitWhiteSpace("\u0085x\u205fy\u180ez ", words);
  EXPECT_THAT(words, ::testing::ElementsAre("x", "y\u180ez"));
}

TEST(Metrics, SurviveAnyBytes) {
  std::string bytes;
  uint64_t state = 1;
  for (int i = 0; i < 4000; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    bytes.push_back(static_cast<char>(state >> 56));
  }
  const std::string references[] = {bytes.substr(7)};
  for (const BleuOptions& tokenizer : kTokenizers) {
    const double score = ComputeBleu(SentenceBleuStats(tokenizer, bytes, references)).score;
    EXPECT_GT(score, 50);
    EXPECT_LE(score, 100);
  }
  EXPECT_GT(ComputeChrf({}, SentenceChrfStats({}, bytes, references)), 90);
}

TEST(Metrics, EmptyCorpusScoresZero) {
  EXPECT_EQ(CorpusBleu({}, {}, {}).score, 0);
  EXPECT_EQ(CorpusChrf({}, {}, {}), 0);
}

}  // namespace
}  // namespace dragoman
