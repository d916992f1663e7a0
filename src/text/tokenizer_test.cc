#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/json.h"

namespace dragoman {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSourceRoot = DRAGOMAN_SOURCE_DIR;

const Tokenizer& MiniTokenizer() {
  static const Result<std::unique_ptr<Tokenizer>> mini =
      Tokenizer::FromJsonFile(kSourceRoot + "/models/mini/tokenizer.json");
  DRAGOMAN_CHECK(mini);
  return **mini;
}

// A vocabulary of 337 pieces, small enough to know by heart; see the file.
const Tokenizer& Small() {
  static const Result<std::unique_ptr<Tokenizer>> small =
      Tokenizer::FromJsonFile(kSourceRoot + "/tests/corpus/tokenizer_json/small.json");
  DRAGOMAN_CHECK(small);
  return **small;
}

std::vector<std::string> Pieces(const Tokenizer& tokenizer, std::string_view text,
                                bool parse_special = true) {
  std::vector<std::string> pieces;
  for (const int32_t id : tokenizer.Encode(text, {.parse_special = parse_special})) {
    pieces.emplace_back(tokenizer.piece(id));
  }
  return pieces;
}

std::string Streamed(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  StreamingDecoder decoder(tokenizer);
  std::string text;
  for (const int32_t id : ids) text += decoder.Push(id);
  return text + decoder.Finish();
}

TEST(TokenizerTest, MiniModelsFacts) {
  EXPECT_EQ(MiniTokenizer().vocab_size(), 15104);
  EXPECT_EQ(MiniTokenizer().bos_id(), 2);
  EXPECT_EQ(MiniTokenizer().pad_id(), 0);
  EXPECT_EQ(MiniTokenizer().unk_id(), 3);
  EXPECT_THAT(MiniTokenizer().end_ids(), ElementsAre(1, 5));
  EXPECT_EQ(MiniTokenizer().kind(5), TokenKind::kControl);
  EXPECT_EQ(MiniTokenizer().kind(3), TokenKind::kUnknown);
  EXPECT_EQ(MiniTokenizer().kind(6), TokenKind::kUserDefined);
  EXPECT_EQ(MiniTokenizer().kind(13), TokenKind::kByte);
  EXPECT_EQ(MiniTokenizer().kind(300), TokenKind::kNormal);
  EXPECT_EQ(MiniTokenizer().score(300), -300.0f);
  EXPECT_EQ(MiniTokenizer().score(13), 0.0f);
  EXPECT_EQ(MiniTokenizer().score(5), -1000.0f);
  EXPECT_EQ(MiniTokenizer().piece(5), "<end_of_turn>");
  EXPECT_EQ(MiniTokenizer().Find("<end_of_turn>"), 5);
  EXPECT_EQ(MiniTokenizer().Find("no such piece"), -1);
  EXPECT_THAT(MiniTokenizer().chat_template(), HasSubstr("You are a professional "));
}

TEST(TokenizerTest, EveryPieceIsFoundByItsSpelling) {
  for (int32_t id = 0; id < MiniTokenizer().vocab_size(); ++id) {
    ASSERT_EQ(MiniTokenizer().Find(MiniTokenizer().piece(id)), id);
  }
}

TEST(TokenizerTest, MergesByRankLeftmostFirst) {
  EXPECT_THAT(Pieces(Small(), "the"), ElementsAre("t", "he"));
  EXPECT_THAT(Pieces(Small(), "in the inn"), ElementsAre("in", "▁the", "▁in", "n"));
  EXPECT_THAT(Pieces(Small(), " an"), ElementsAre("▁an"));
  EXPECT_THAT(Pieces(Small(), "aaaaaaa"), ElementsAre("aaaa", "aa", "a"));
  EXPECT_THAT(Pieces(Small(), "ты日本"), ElementsAre("ты", "日本"));
}

TEST(TokenizerTest, PieceAcrossASpaceIsFound) {
  EXPECT_THAT(Pieces(Small(), "a> </a"), ElementsAre("a", ">▁</", "a"));
  EXPECT_THAT(Pieces(Small(), "a> a"), ElementsAre("a", ">", "▁a"));
  EXPECT_THAT(Pieces(Small(), "a> z"), ElementsAre("a", ">▁", "z"));
}

TEST(TokenizerTest, AddedTokensAreCutLeftmostLongest) {
  EXPECT_THAT(Pieces(Small(), "\n\n\n\n\n"), ElementsAre("\n\n\n", "\n\n"));
  EXPECT_THAT(Pieces(Small(), "a<td>b<td"), ElementsAre("a", "<td>", "b", "<", "t", "d"));
  EXPECT_THAT(Pieces(Small(), "▁▁▁▁▁"), ElementsAre("▁▁▁▁", "▁"));
  EXPECT_THAT(Pieces(Small(), "     in"), ElementsAre("▁▁▁▁", "▁in"));
  EXPECT_THAT(Pieces(Small(), "a<bos><eos>"), ElementsAre("a", "<bos>", "<eos>"));
  EXPECT_THAT(Pieces(Small(), "<image_soft_token>"), ElementsAre("<image_soft_token>"));
}

TEST(TokenizerTest, WithoutSpecialsTheirSpellingIsText) {
  EXPECT_THAT(Pieces(Small(), "<eos>", false), ElementsAre("<", "e", "o", "s", ">"));
  EXPECT_THAT(
      Pieces(Small(), "<unused0><mask>", false),
      ElementsAre("<", "u", "n", "u", "s", "e", "d", "0", ">", "<", "m", "a", "s", "k", ">"));
  EXPECT_THAT(Pieces(Small(), "<td>\n\n", false), ElementsAre("<td>", "\n\n"));
}

TEST(TokenizerTest, UnknownCharactersBecomeBytes) {
  EXPECT_THAT(Pieces(Small(), "aÄ"), ElementsAre("a", "<0xC3>", "<0x84>"));
  EXPECT_THAT(Pieces(Small(), "\r\n"), ElementsAre("<0x0D>", "\n"));
  EXPECT_THAT(Pieces(Small(),
                     "\xff"
                     "a\xe2\x96"),
              ElementsAre("<0xFF>", "a", "<0xE2>", "<0x96>"));
}

TEST(TokenizerTest, BeginsWithBosOnRequest) {
  EXPECT_THAT(Small().Encode("", {.add_bos = true}), ElementsAre(Small().bos_id()));
  EXPECT_TRUE(Small().Encode("", {}).empty());
}

TEST(TokenizerTest, DecodeJoinsBytesAndLeavesControlOut) {
  const auto byte = [](const char* piece) { return Small().Find(piece); };
  const int32_t a = Small().Find("a");
  const std::vector<int32_t> good = {a, byte("<0xC3>"), Small().bos_id(), byte("<0x84>"), a};
  EXPECT_EQ(Small().Decode(good), "aÄa");
  EXPECT_EQ(Small().Decode(good, true), "a\ufffd<bos>\ufffda");
  // One wrong byte spoils the run, as in the reference.
  EXPECT_EQ(Small().Decode(std::vector<int32_t>{byte("<0xC3>"), byte("<0x84>"), byte("<0xC3>"), a}),
            "\ufffd\ufffd\ufffda");
  EXPECT_EQ(Small().Decode(std::vector<int32_t>{-1, a, 1 << 20}), "a");
  EXPECT_EQ(Small().Decode(std::vector<int32_t>{Small().Find("▁▁▁"), Small().Find("▁the")}),
            "    the");
}

TEST(TokenizerTest, StreamingGivesWholeCharactersAndTheSameText) {
  for (const char* text :
       {"Good morning, Müller! 日本語 👩‍👩‍👧‍👦 नमस्ते\n\n\n  x",
        "\u0301\u00a0𐍈", "<end_of_turn>a<eos>"}) {
    const std::vector<int32_t> ids = MiniTokenizer().Encode(text, {});
    StreamingDecoder decoder(MiniTokenizer());
    for (const int32_t id : ids) {
      const std::string part = decoder.Push(id);
      EXPECT_EQ(part.find('\xff'), std::string::npos);
      EXPECT_TRUE(part.empty() || (static_cast<uint8_t>(part[0]) & 0xc0) != 0x80)
          << "half a character";
    }
    EXPECT_EQ(Streamed(MiniTokenizer(), ids), MiniTokenizer().Decode(ids));
  }
  const int32_t lead = MiniTokenizer().Find("<0xE2>");
  EXPECT_EQ(Streamed(MiniTokenizer(), {lead, lead}), "\ufffd\ufffd");
}

TEST(TokenizerTest, RoundTripOfOrdinaryText) {
  for (const char* text :
       {"", " ", "  leading and trailing  ", "tabs\tand\r\nnewlines\n\n", "<bos> is a word here",
        "\u00a0\u200d\ufeff", "مرحبا بالعالم", "안녕하세요", "x\x01\x7f"}) {
    EXPECT_EQ(MiniTokenizer().Decode(MiniTokenizer().Encode(text, {.parse_special = false})), text);
  }
}

TEST(TokenizerTest, LongWordsAreNotQuadratic) {
  const std::string letters(1 << 20, 'a');
  EXPECT_EQ(MiniTokenizer().Decode(MiniTokenizer().Encode(letters, {})), letters);
  const std::string spaces(1 << 20, ' ');
  EXPECT_EQ(MiniTokenizer().Decode(MiniTokenizer().Encode(spaces, {})), spaces);
  std::string mixed;
  while (mixed.size() < (1 << 20)) mixed += "ab<end_of_tur";
  EXPECT_EQ(MiniTokenizer().Decode(MiniTokenizer().Encode(mixed, {})), mixed);
}

TEST(TokenizerTest, HeapAndScanAgree) {
  // The same word below and above the length where the algorithm changes, cut at a place nothing
  // merges across.
  std::string word = "inherthean日本tyingaaaa>";
  std::vector<std::string> one = Pieces(Small(), word + ",");
  std::vector<std::string> expected;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    text += word + ",";
    expected.insert(expected.end(), one.begin(), one.end());
  }
  EXPECT_EQ(Pieces(Small(), text), expected);
}

TEST(TokenizerTest, TakesTheTemplateFromTheFolder) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "dragoman_template";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string json = (folder / "tokenizer.json").string();
  fs::copy_file(kSourceRoot + "/tests/corpus/tokenizer_json/small.json", json);
  const auto chat_template = [&json] {
    const auto tokenizer = Tokenizer::FromJsonFile(json);
    return tokenizer ? (*tokenizer)->chat_template() : ToString(tokenizer.error());
  };
  const auto write = [&folder](const char* name, const char* text) {
    EXPECT_TRUE(WriteFileAtomically((folder / name).string(), text));
  };
  EXPECT_EQ(chat_template(), "");
  write("tokenizer_config.json", R"({"chat_template": [{"name": "x", "template": "X"},)"
                                 R"( {"name": "default", "template": "D"}]})");
  EXPECT_EQ(chat_template(), "D");
  write("tokenizer_config.json", R"({"chat_template": "S"})");
  EXPECT_EQ(chat_template(), "S");
  write("chat_template.jinja", "J");
  EXPECT_EQ(chat_template(), "J");
  fs::remove(folder / "chat_template.jinja");
  write("tokenizer_config.json", "{");
  EXPECT_THAT(chat_template(), HasSubstr("tokenizer_config.json"));
}

TEST(TokenizerTest, MissingFile) {
  const auto tokenizer = Tokenizer::FromJsonFile("/nonexistent/tokenizer.json");
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dragoman
