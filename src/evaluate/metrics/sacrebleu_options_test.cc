// Every option of BLEU, chrF and TER against values recorded from sacreBLEU 2.6.0.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/atomic_file.h"
#include "base/json.h"
#include "evaluate/metrics/metric.h"

namespace dragoman {
namespace {

struct OptionCase {
  std::string kind;
  std::vector<std::string> hypotheses;
  std::vector<std::vector<std::string>> references;  // of each sentence
  int reference_count = 0;                           // 0: varies
  Json scores, first;
};

struct OptionTable {
  Json header;
  std::vector<OptionCase> cases;
};

OptionCase ReadCase(const Json& json) {
  OptionCase one;
  one.kind = json["kind"];
  one.hypotheses = json["hyp"].get<std::vector<std::string>>();
  one.references.resize(one.hypotheses.size());
  for (const auto& stream : json["refs"]) {
    for (size_t i = 0; i < stream.size(); ++i) {
      if (!stream[i].is_null()) one.references[i].push_back(stream[i]);
    }
  }
  one.reference_count = static_cast<int>(one.references[0].size());
  for (const auto& of_sentence : one.references) {
    if (of_sentence.size() != one.references[0].size()) one.reference_count = 0;
  }
  one.scores = json["scores"];
  one.first = json["first"];
  return one;
}

const OptionTable& Table() {
  static const OptionTable table = [] {
    OptionTable out;
    const auto text = ReadFile(DRAGOMAN_SOURCE_DIR "/tests/golden/sacrebleu_options.jsonl");
    EXPECT_TRUE(text);
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const auto json = ParseJson(rest.substr(0, end), "golden");
      EXPECT_TRUE(json);
      rest.remove_prefix(end + 1);
      if (json->contains("configs")) {
        out.header = *json;
      } else {
        out.cases.push_back(ReadCase(*json));
      }
    }
    return out;
  }();
  return table;
}

// Null with a reason where an optional library is missing.
Result<BleuOptions> BleuOptionsOf(const Json& options) {
  BleuOptions bleu;
  const std::string tokenizer = options.value("tokenize", "13a");
  const std::map<std::string, BleuTokenizer> plain = {{"13a", BleuTokenizer::k13a},
                                                      {"intl", BleuTokenizer::kIntl},
                                                      {"zh", BleuTokenizer::kZh},
                                                      {"char", BleuTokenizer::kChar},
                                                      {"none", BleuTokenizer::kNone}};
  const std::map<std::string, std::string> models = {{"flores101", "spm_unigram.model"},
                                                     {"flores200", "spm_bpe.model"}};
  if (const auto found = plain.find(tokenizer); found != plain.end()) {
    bleu.tokenizer = found->second;
  } else {
    bleu.tokenizer = BleuTokenizer::kSegmenter;
    const auto model = models.find(tokenizer);
    auto segmenter =
        model == models.end()
            ? OpenMecab(MecabLanguage::kJapanese, {})
            : OpenSentencePiece(DRAGOMAN_SOURCE_DIR "/tests/golden/" + model->second, tokenizer);
    if (!segmenter) return tl::unexpected(segmenter.error());
    bleu.segmenter = *segmenter;
  }
  const std::map<std::string, BleuSmoothing> smoothings = {{"none", BleuSmoothing::kNone},
                                                           {"floor", BleuSmoothing::kFloor},
                                                           {"add-k", BleuSmoothing::kAddK},
                                                           {"exp", BleuSmoothing::kExp}};
  bleu.smoothing = smoothings.at(options.value("smooth_method", "exp"));
  if (options.contains("smooth_value") && !options["smooth_value"].is_null())
    bleu.smooth_value = options["smooth_value"].get<double>();
  bleu.lowercase = options.value("lowercase", false);
  bleu.effective_order = options.value("effective_order", false);
  bleu.max_order = options.value("max_ngram_order", 4);
  return bleu;
}

Result<std::unique_ptr<Metric>> MakeMetric(const Json& config) {
  const Json& options = config["options"];
  if (config["metric"] == "bleu") {
    auto bleu = BleuOptionsOf(options);
    if (!bleu) return tl::unexpected(bleu.error());
    return MakeBleuMetric(*bleu);
  }
  if (config["metric"] == "chrf") {
    return MakeChrfMetric({.char_order = options.value("char_order", 6),
                           .word_order = options.value("word_order", 0),
                           .beta = options.value("beta", 2),
                           .lowercase = options.value("lowercase", false),
                           .whitespace = options.value("whitespace", false),
                           .eps_smoothing = options.value("eps_smoothing", false)});
  }
  return MakeTerMetric({.normalized = options.value("normalized", false),
                        .no_punct = options.value("no_punct", false),
                        .asian_support = options.value("asian_support", false),
                        .case_sensitive = options.value("case_sensitive", false)});
}

std::vector<double> SumOf(Metric& metric, const OptionCase& one, size_t sentences) {
  std::vector<double> sums(metric.columns()), row(metric.columns());
  for (size_t s = 0; s < sentences; ++s) {
    metric.Count(one.hypotheses[s], one.references[s], row);
    for (size_t c = 0; c < row.size(); ++c) sums[c] += row[c];
  }
  return sums;
}

void ExpectEqualScore(double found, double expected, const std::string& what) {
  EXPECT_EQ(fmt::format("{:.2f}", found), fmt::format("{:.2f}", expected)) << what;
  EXPECT_NEAR(found, expected, 1e-9) << what;
}

TEST(SacrebleuOptions, TableIsLargeEnough) {
  EXPECT_GE(Table().cases.size(), 500u);
  EXPECT_GE(Table().header["configs"].size(), 50u);
}

TEST(SacrebleuOptions, ScoresAndSignaturesAreEqual) {
  const OptionTable& table = Table();
  std::map<std::string, std::unique_ptr<Metric>> metrics;
  size_t compared = 0, missing = 0;
  for (const auto& [name, config] : table.header["configs"].items()) {
    auto metric = MakeMetric(config);
    if (metric) metrics[name] = std::move(*metric);
    if (!metric) {
      EXPECT_EQ(metric.error().code, ErrorCode::kUnsupported) << ToString(metric.error());
    }
  }
  for (size_t i = 0; i < table.cases.size(); ++i) {
    const OptionCase& one = table.cases[i];
    for (const auto& [name, expected] : one.scores.items()) {
      const auto metric = metrics.find(name);
      if (metric == metrics.end()) {
        ++missing;
        continue;
      }
      ++compared;
      const std::string what = fmt::format("case {} ({}), {}", i, one.kind, name);
      const auto sums = SumOf(*metric->second, one, one.hypotheses.size());
      const double score = metric->second->Score(sums);
      ExpectEqualScore(score, expected[0], what);
      std::string line = fmt::format("{} = {:.2f}", metric->second->name(), score);
      if (expected.size() > 1) {
        line += " " + metric->second->Details(sums);
        EXPECT_EQ(line, expected[1].get<std::string>()) << what;
      }
      EXPECT_EQ(metric->second->signature(one.reference_count),
                table.header["signatures"][fmt::format("{} {}", name, one.reference_count)])
          << what;
    }
    for (const auto& [name, expected] : one.first.items()) {
      ExpectEqualScore(metrics[name]->Score(SumOf(*metrics[name], one, 1)), expected,
                       fmt::format("first sentence of case {} ({}), {}", i, one.kind, name));
    }
  }
  EXPECT_GE(compared, 5000u);
  if (missing > 0) GTEST_SKIP() << missing << " scores need a library that this build lacks";
}

TEST(SacrebleuOptions, LanguagesPickTheirTokenizers) {
  EXPECT_EQ(BleuOptionsFor("zh").tokenizer, BleuTokenizer::kZh);
  EXPECT_EQ(BleuOptionsFor("zh-Hant").tokenizer, BleuTokenizer::kZh);
  EXPECT_EQ(BleuOptionsFor("de").tokenizer, BleuTokenizer::k13a);
  EXPECT_EQ(BleuOptionsFor("zhx").tokenizer, BleuTokenizer::k13a);
  EXPECT_EQ(BleuOptionsFor("ko_KR").tokenizer, BleuTokenizer::kChar);  // no dictionary given
  const BleuOptions japanese = BleuOptionsFor("ja");
  if (japanese.tokenizer == BleuTokenizer::kSegmenter) {
    EXPECT_EQ(BleuSignature(japanese),
              "nrefs:1|case:mixed|eff:no|tok:ja-mecab-0.996-IPA|smooth:exp|version:2.6.0");
    EXPECT_EQ(Tokenize(japanese, "すもももももももものうち"), "すもも も もも も もも の うち");
  } else {
    EXPECT_EQ(japanese.tokenizer, BleuTokenizer::kChar);
  }
}

TEST(SacrebleuOptions, SegmentersRefuseWhatIsNoDictionary) {
  EXPECT_FALSE(OpenMecab(MecabLanguage::kJapanese, "/nowhere"));
  EXPECT_FALSE(OpenMecab(MecabLanguage::kKorean, {}));
  EXPECT_FALSE(OpenSentencePiece("/nowhere", "x"));
  const std::string text = DRAGOMAN_SOURCE_DIR "/tests/golden/README.md";
  EXPECT_FALSE(OpenSentencePiece(text, "x"));
}

}  // namespace
}  // namespace dragoman
