// What a trimmed vocabulary promises: texts of kept characters tokenize as before, whatever they
// are.
#include "text/vocabulary_trim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/utf8.h"
#include "text/kept_languages.h"
#include "text/language_scripts.h"
#include "text/prompt.h"
#include "text/scripts.h"
#include "text/trimmed_tokenizer_json.h"

namespace dragoman {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kTrimRoot = DRAGOMAN_SOURCE_DIR;
const std::string kMiniJson = kTrimRoot + "/models/mini/tokenizer.json";
constexpr uint64_t kAllRows = 1 << 20;

std::vector<Language> LanguagesOf(const std::vector<std::string>& codes) {
  std::vector<Language> languages;
  for (const std::string& code : codes) languages.push_back(*FindLanguage(code));
  return languages;
}

struct TrimmedPair {
  std::string json;  // of the trimmed one
  VocabularyTrim trim;
  std::unique_ptr<Tokenizer> full, trimmed;
};

TrimmedPair TrimMini(const std::vector<std::string>& codes,
                     const std::vector<std::string>& corpus = {}) {
  TrimmedPair pair;
  const Result<std::string> json = ReadFile(kMiniJson);
  DRAGOMAN_CHECK(json);
  pair.full = std::move(*Tokenizer::FromJson(*json, "mini"));
  auto trim = ChooseVocabulary(*pair.full, LanguagesOf(codes), corpus, kAllRows);
  EXPECT_TRUE(trim) << ToString(trim.error());
  pair.trim = std::move(*trim);
  auto trimmed_json = TrimTokenizerJson(*json, pair.trim, "mini");
  EXPECT_TRUE(trimmed_json) << ToString(trimmed_json.error());
  pair.json = std::move(*trimmed_json);
  auto trimmed = Tokenizer::FromJson(pair.json, "trimmed");
  EXPECT_TRUE(trimmed) << ToString(trimmed.error());
  pair.trimmed = std::move(*trimmed);
  return pair;
}

std::vector<std::string_view> Spellings(const Tokenizer& tokenizer, std::string_view text,
                                        bool special) {
  std::vector<std::string_view> pieces;
  for (const int32_t id : tokenizer.Encode(text, {.parse_special = special})) {
    pieces.push_back(tokenizer.piece(id));
  }
  return pieces;
}

bool HasOnly(const ScriptSet& scripts, std::string_view text) {
  for (const char32_t c : ToUtf32(text)) {
    if (!scripts.Uses(c)) return false;
  }
  return true;
}

std::vector<std::string> JsonLines(const std::string& relative) {
  const Result<std::string> file = ReadFile(kTrimRoot + relative);
  DRAGOMAN_CHECK(file);
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < file->size();) {
    const size_t end = std::min(file->find('\n', begin), file->size());
    lines.push_back(ParseJson(file->substr(begin, end - begin), relative)->get<std::string>());
    begin = end + 1;
  }
  return lines;
}

// Characters of the vocabulary and of Unicode at large that the scripts use, in words of pieces and
// of nonsense, with runs of spaces and newlines between them.
class RandomText {
 public:
  RandomText(const Tokenizer& tokenizer, const ScriptSet& scripts, uint64_t seed) : random_(seed) {
    for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
      const bool ordinary =
          tokenizer.kind(id) == TokenKind::kNormal || tokenizer.kind(id) == TokenKind::kUserDefined;
      if (!ordinary || !HasOnly(scripts, tokenizer.piece(id))) continue;
      pieces_.emplace_back(tokenizer.piece(id));
    }
    for (char32_t c = 1; c < 0x20000; ++c) {
      const bool surrogate = c >= 0xd800 && c < 0xe000;
      if (!surrogate && scripts.Uses(c)) characters_.push_back(c);
    }
  }
  std::string Next() {
    std::string text;
    for (size_t parts = 1 + random_.Below(12); parts > 0; --parts) {
      switch (random_.Below(8)) {
        case 0:
          text.append(1 + random_.Below(5), ' ');
          break;
        case 1:
          text.append(1 + random_.Below(4), '\n');
          break;
        case 2:
          AppendUtf8(characters_[random_.Below(characters_.size())], text);
          break;
        case 3: {
          // A part of a piece: merges that stop half-way.
          const std::u32string piece = ToUtf32(pieces_[random_.Below(pieces_.size())]);
          text += ToUtf8(piece.substr(random_.Below(piece.size())));
          break;
        }
        default:
          text += pieces_[random_.Below(pieces_.size())];
      }
    }
    return text;
  }

 private:
  Random random_;
  std::vector<std::string> pieces_;
  std::vector<char32_t> characters_;
};

TEST(VocabularyTrimTest, RandomTextOfKeptScriptsTokenizesAsBefore) {
  for (const auto& codes : std::vector<std::vector<std::string>>{
           {"en", "de", "fr"}, {"ja"}, {"ar", "ru"}, {"zh", "ko", "hi"}}) {
    const TrimmedPair pair = TrimMini(codes);
    ASSERT_LT(pair.trimmed->vocab_size(), pair.full->vocab_size()) << codes[0];
    RandomText texts(*pair.full, *ScriptSet::Of(pair.trim.scripts), 7);
    for (int i = 0; i < 2000; ++i) {
      const std::string text = texts.Next();
      for (const bool special : {false, true}) {
        ASSERT_EQ(Spellings(*pair.trimmed, text, special), Spellings(*pair.full, text, special))
            << codes[0] << ": " << text;
      }
    }
  }
}

TEST(VocabularyTrimTest, RealAndHardTextTokenizesAsBeforeAndForeignTextSurvives) {
  std::vector<std::string> lines = JsonLines("/tests/parity_tokenizer/sentences.jsonl");
  for (std::string& line : JsonLines("/tests/parity_tokenizer/hard_text.jsonl")) {
    lines.push_back(std::move(line));
  }
  const TrimmedPair pair = TrimMini({"en", "ja"});
  const ScriptSet scripts = *ScriptSet::Of(pair.trim.scripts);
  int same = 0, foreign = 0;
  for (const std::string& line : lines) {
    if (HasOnly(scripts, line)) {
      ASSERT_EQ(Spellings(*pair.trimmed, line, false), Spellings(*pair.full, line, false)) << line;
      ++same;
      continue;
    }
    const std::vector<int32_t> ids = pair.trimmed->Encode(line, {.parse_special = false});
    ASSERT_EQ(pair.trimmed->Decode(ids, true),
              pair.full->Decode(pair.full->Encode(line, {.parse_special = false}), true))
        << line;
    ++foreign;
  }
  EXPECT_GT(same, 500);
  EXPECT_GT(foreign, 500);
}

TEST(VocabularyTrimTest, IdsKeepTheirOrderKindAndSpelling) {
  const TrimmedPair pair = TrimMini({"en", "de"});
  const auto& kept = pair.trim.kept_ids;
  ASSERT_EQ(static_cast<size_t>(pair.trimmed->vocab_size()), kept.size());
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  for (size_t i = 0; i < kept.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    ASSERT_EQ(pair.trimmed->piece(id), pair.full->piece(kept[i]));
    ASSERT_EQ(pair.trimmed->kind(id), pair.full->kind(kept[i]));
    ASSERT_EQ(pair.trim.NewId(kept[i]), id);
  }
  EXPECT_EQ(pair.trimmed->piece(pair.trimmed->bos_id()), "<bos>");
  EXPECT_EQ(pair.trimmed->piece(pair.trimmed->pad_id()), "<pad>");
  EXPECT_EQ(pair.trimmed->piece(pair.trimmed->unk_id()), "<unk>");
  EXPECT_EQ(pair.trimmed->end_ids().size(), 2u);
  EXPECT_EQ(pair.trim.NewId(-1), -1);
  EXPECT_EQ(pair.trim.NewId(pair.full->Find("使用")), -1);
  EXPECT_EQ(pair.trim.NewId(int64_t{1} << 40), -1);
}

TEST(VocabularyTrimTest, PromptsOfKeptLanguagesTokenizeAsBefore) {
  const std::vector<std::string> codes = {"nb", "vo", "ja"};  // "Bokmål", "Volapük"
  const TrimmedPair pair = TrimMini(codes);
  for (const Language& source : pair.trim.languages) {
    for (const Language& target : pair.trim.languages) {
      const std::string prompt = BuildPrompt(source, target, "1, 2");
      EXPECT_EQ(Spellings(*pair.trimmed, prompt, true), Spellings(*pair.full, prompt, true));
    }
  }
}

TEST(VocabularyTrimTest, TheCorpusAddsItsCharacters) {
  const std::string text = "β-Amylase";
  const TrimmedPair without = TrimMini({"en"});
  const TrimmedPair with = TrimMini({"en"}, {"β"});
  EXPECT_EQ(without.trimmed->Find("β"), -1);
  EXPECT_NE(Spellings(*without.trimmed, text, false), Spellings(*without.full, text, false));
  EXPECT_EQ(without.trimmed->Decode(without.trimmed->Encode(text, {})), text);
  EXPECT_EQ(with.trim.kept_ids.size(), without.trim.kept_ids.size() + 1);
  EXPECT_EQ(Spellings(*with.trimmed, text, false), Spellings(*with.full, text, false));
}

TEST(VocabularyTrimTest, PiecesWithoutARowGo) {
  const auto full = std::move(*Tokenizer::FromJsonFile(kMiniJson));
  const auto trim = ChooseVocabulary(*full, LanguagesOf({"en"}), {}, 1000);
  ASSERT_TRUE(trim);
  EXPECT_LT(trim->kept_ids.back(), 1000);
  const auto none = ChooseVocabulary(*full, LanguagesOf({"en"}), {}, 4);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(none.error().message, HasSubstr("<end_of_turn>"));
  EXPECT_EQ(ChooseVocabulary(*full, {}, {}, kAllRows).error().code, ErrorCode::kInvalidArgument);
}

TEST(VocabularyTrimTest, ARepeatedLanguageCountsOnce) {
  const TrimmedPair pair = TrimMini({"de", "de", "de-AT"});
  EXPECT_EQ(pair.trim.languages.size(), 2u);
  EXPECT_THAT(pair.trim.scripts, ElementsAre("Latn"));
}

TEST(LanguageScriptsTest, EveryLanguageHasScriptsThatUnicodeKnows) {
  for (const LanguageEntry& entry : AllLanguages()) {
    const std::vector<std::string> scripts = ScriptsOfLanguage(entry.code);
    EXPECT_FALSE(scripts.empty()) << entry.code;
    EXPECT_TRUE(ScriptSet::Of(scripts)) << entry.code;
  }
  EXPECT_THAT(ScriptsOfLanguage("ja"), ElementsAre("Hani", "Hira", "Kana"));
  EXPECT_THAT(ScriptsOfLanguage("sr"), ElementsAre("Cyrl", "Latn"));
  EXPECT_THAT(ScriptsOfLanguage("sr-Latn-BA"), ElementsAre("Latn"));
  EXPECT_THAT(ScriptsOfLanguage("zh-Hant-HK"), ElementsAre("Bopo", "Hani"));
  EXPECT_THAT(ScriptsOfLanguage("pt-BR"), ElementsAre("Latn"));
  EXPECT_EQ(ScriptSet::Of(std::vector<std::string>{"Nope"}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(LanguageScriptsTest, CharactersOfNoOneScriptAreUsedByAll) {
  const ScriptSet latin = *ScriptSet::Of(std::vector<std::string>{"Latn"});
  for (const char32_t c : U"7 \n.,!€😀🇩\u0301\u200d。「é\u0378")
    EXPECT_TRUE(latin.Uses(c)) << int(c);
  for (const char32_t c : U"жבक日かカ한α") {
    if (c == 0) continue;
    EXPECT_FALSE(latin.Uses(c)) << int(c);
  }
}

TEST(KeptLanguagesTest, RefusesWhatWasDropped) {
  KeptLanguages kept;
  EXPECT_TRUE(kept.Check(*FindLanguage("ja")));
  kept.languages = LanguagesOf({"en", "pt-BR", "sr-Latn"});
  kept.scripts = {"Latn"};
  for (const char* code : {"en", "en-GB", "pt", "pt-PT", "sr-Latn-BA"}) {
    EXPECT_TRUE(kept.Check(*FindLanguage(code))) << code;
  }
  for (const char* code : {"it", "ja", "sr", "sr-Cyrl"}) {
    const Result<void> refused = kept.Check(*FindLanguage(code));
    ASSERT_FALSE(refused) << code;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("en (English), pt-BR (Portuguese), sr-Latn"));
    EXPECT_THAT(refused.error().message, HasSubstr(code));
  }
}

TEST(TrimmedTokenizerJsonTest, KeepsTheRestAndMapsTheIdsOfThePostProcessor) {
  const TrimmedPair pair = TrimMini({"ja"});
  const Json before = *ReadJsonFile(kMiniJson), after = *ParseJson(pair.json, "trimmed");
  EXPECT_EQ(after["normalizer"], before["normalizer"]);
  EXPECT_EQ(after["decoder"], before["decoder"]);
  EXPECT_EQ(after["model"]["byte_fallback"], true);
  EXPECT_LT(after["model"]["merges"].size(), before["model"]["merges"].size());
  EXPECT_EQ(after["post_processor"]["special_tokens"]["<bos>"]["ids"][0], pair.trimmed->bos_id());
  EXPECT_EQ(after["added_tokens"].size(), before["added_tokens"].size());
}

// A tokenizer in which ids move in front of the special ones, so that mapping them is seen.
const char kMovedJson[] = R"({"added_tokens": [{"id": 5, "content": "<s>", "special": true}],
  "post_processor": {"single": [{"SpecialToken": {"id": "<s>"}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [5]}},
                     "sep": ["<s>", 5]},
  "padding": {"pad_id": 5, "pad_token": "<s>"},
  "model": {"vocab": {"a": 0, "б": 1, "\"": 2, "ab": 3, "b": 4, "<s>": 5}, "merges": [["a", "b"], "а б"]}})";

TEST(TrimmedTokenizerJsonTest, MapsEveryIdThere) {
  VocabularyTrim trim;
  trim.kept_ids = {0, 2, 3, 4, 5};
  const auto trimmed = TrimTokenizerJson(kMovedJson, trim, "t.json");
  ASSERT_TRUE(trimmed) << ToString(trimmed.error());
  const Json json = *ParseJson(*trimmed, "t.json");
  EXPECT_EQ(json["model"]["vocab"], Json::parse(R"({"a":0,"\"":1,"ab":2,"b":3,"<s>":4})"));
  EXPECT_EQ(json["model"]["merges"], Json::parse(R"([["a","b"]])"));
  EXPECT_EQ(json["added_tokens"][0]["id"], 4);
  EXPECT_EQ(json["post_processor"]["special_tokens"]["<s>"]["ids"][0], 4);
  EXPECT_EQ(json["post_processor"]["special_tokens"]["<s>"]["id"], "<s>");
  EXPECT_EQ(json["post_processor"]["sep"][1], 4);
  EXPECT_EQ(json["padding"]["pad_id"], 4);
}

TEST(TrimmedTokenizerJsonTest, RefusesWhatItCannotTrim) {
  VocabularyTrim trim;
  trim.kept_ids = {0, 1};  // the post-processor's token is gone
  EXPECT_EQ(TrimTokenizerJson(kMovedJson, trim, "t").error().code, ErrorCode::kUnsupported);
  for (const char* json :
       {"", "[]", "{", R"({"model": {}})", R"({"model": {"vocab": {"a": "b"}}})",
        R"({"model": {"vocab": {}, "vocab": {"a": "b"}}})",
        R"({"model": {"vocab": {}, "vocab": 1}})", R"({"model": {"vocab": {}, "merges": [["a"]]}})",
        R"({"model": {"vocab": {}, "merges": ["a"]}})",
        R"({"model": {"vocab": {}}, "added_tokens": [1]})",
        R"({"model": {"vocab": {}}, "added_tokens": [{"id": "1"}]})"}) {
    const auto trimmed = TrimTokenizerJson(json, trim, "t.json");
    ASSERT_FALSE(trimmed) << json;
    EXPECT_EQ(trimmed.error().code, ErrorCode::kCorruptFile) << json;
    EXPECT_EQ(trimmed.error().where, "t.json");
  }
}

TEST(TrimmedTokenizerJsonTest, ConfigsNameTheNewIds) {
  VocabularyTrim trim;
  trim.languages = LanguagesOf({"en", "de"});
  trim.scripts = {"Latn"};
  trim.kept_ids = {0, 2, 5, 9};
  OrderedJson config = OrderedJson::parse(
      R"({"vocab_size": 10, "eos_token_id": [2, 9], "bos_token_id": 5, "boi_token_index": 7, "pad_token_id": null,
          "text_config": {"vocab_size": 10, "eos_token_id": 9, "hidden_size": 4}})");
  TrimModelConfig(trim, config);
  EXPECT_EQ(
      config,
      OrderedJson::parse(
          R"({"vocab_size": 4, "eos_token_id": [1, 3], "bos_token_id": 2, "pad_token_id": null,
          "text_config": {"vocab_size": 4, "eos_token_id": 3, "hidden_size": 4},
          "dragoman_languages": ["en", "de"], "dragoman_scripts": ["Latn"]})"));
  OrderedJson tokens = OrderedJson::parse(
      R"({"added_tokens_decoder": {"2": {"content": "a"}, "3": {}, "9": {"content": "b"}, "x": 1}})");
  TrimTokenizerConfig(trim, tokens);
  EXPECT_EQ(tokens,
            OrderedJson::parse(
                R"({"added_tokens_decoder": {"1": {"content": "a"}, "3": {"content": "b"}}})"));
}

}  // namespace
}  // namespace dragoman
