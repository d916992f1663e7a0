// tokenizer.json as hostile input: cut off anywhere, bits flipped, and contradictions made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/atomic_file.h"
#include "base/random.h"
#include "text/tokenizer.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

const std::string kSourceFolder = DRAGOMAN_SOURCE_DIR;

const std::string& SmallJson() {
  static const Result<std::string> json =
      ReadFile(kSourceFolder + "/tests/corpus/tokenizer_json/small.json");
  DRAGOMAN_CHECK(json);
  return *json;
}

// The small file with the first `from` replaced; `from` must be in it.
std::string Changed(const std::string& from, const std::string& to) {
  std::string json = SmallJson();
  const size_t at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? json : json.replace(at, from.size(), to);
}

std::string FailureOf(const std::string& json, ErrorCode expected) {
  const auto tokenizer = Tokenizer::FromJson(json, "t.json");
  if (tokenizer) return "no failure";
  EXPECT_EQ(ErrorCodeName(tokenizer.error().code), std::string(ErrorCodeName(expected)))
      << tokenizer.error().message;
  EXPECT_EQ(tokenizer.error().where.substr(0, 6), "t.json");
  return tokenizer.error().message;
}

TEST(TokenizerJsonTest, CutOffAtEveryByte) {
  const std::string& json = SmallJson();
  ASSERT_TRUE(Tokenizer::FromJson(json, "t.json"));
  for (size_t size = 0; size < json.size(); ++size) {
    const auto tokenizer = Tokenizer::FromJson(std::string_view(json).substr(0, size), "t.json");
    ASSERT_FALSE(tokenizer) << size;
    ASSERT_EQ(tokenizer.error().code, ErrorCode::kCorruptFile) << size;
  }
}

TEST(TokenizerJsonTest, FlippedBitsNeverBreakIt) {
  Random random(11);
  size_t loaded = 0;
  for (size_t i = 0; i < SmallJson().size(); ++i) {
    std::string json = SmallJson();
    json[i] = static_cast<char>(json[i] ^ (1 << random.Below(8)));
    const auto tokenizer = Tokenizer::FromJson(json, "t.json");
    if (!tokenizer) continue;
    ++loaded;  // a flipped letter of a piece is a valid file
    const std::string text = "the inn <eos> aaaa\n\n ты";
    EXPECT_EQ((*tokenizer)->Decode((*tokenizer)->Encode(text, {.parse_special = false})), text);
  }
  EXPECT_GT(loaded, 0u);
  EXPECT_LT(loaded, SmallJson().size() / 2);
}

TEST(TokenizerJsonTest, OlderMergesAndOtherOrderGiveTheSameIds) {
  const auto small = Tokenizer::FromJson(SmallJson(), "t.json");
  const auto older =
      Tokenizer::FromJsonFile(kSourceFolder + "/tests/corpus/tokenizer_json/older_merges.json");
  ASSERT_TRUE(small && older);
  for (const char* text : {"the inn", "  <td>aaaaaa", "a> </a ты日本", "<eos>\n\n\n\n"}) {
    EXPECT_EQ((*small)->Encode(text, {}), (*older)->Encode(text, {})) << text;
  }
}

TEST(TokenizerJsonTest, RefusesOtherModels) {
  const ErrorCode unsupported = ErrorCode::kUnsupported;
  EXPECT_THAT(FailureOf(Changed(R"("type":"BPE")", R"("type":"Unigram")"), unsupported),
              HasSubstr("model.type: expected \"BPE\", found \"Unigram\""));
  EXPECT_THAT(
      FailureOf(Changed(R"("byte_fallback":true)", R"("byte_fallback":false)"), unsupported),
      HasSubstr("model.byte_fallback: expected true, found false"));
  EXPECT_THAT(FailureOf(Changed(R"("dropout":null)", R"("dropout":0.1)"), unsupported),
              HasSubstr("model.dropout"));
  EXPECT_THAT(
      FailureOf(Changed(R"("ignore_merges":false)", R"("ignore_merges":true)"), unsupported),
      HasSubstr("model.ignore_merges"));
  EXPECT_THAT(FailureOf(Changed(R"("end_of_word_suffix":null)", R"("end_of_word_suffix":"</w>")"),
                        unsupported),
              HasSubstr("model.end_of_word_suffix"));
  EXPECT_THAT(
      FailureOf(Changed(R"("normalizer":{"type":"Replace")", R"("normalizer":{"type":"NFC")"),
                unsupported),
      HasSubstr("normalizer: expected Replace"));
  EXPECT_THAT(FailureOf(Changed(R"("pre_tokenizer":{"type":"Split")",
                                R"("pre_tokenizer":{"type":"ByteLevel")"),
                        unsupported),
              HasSubstr("pre_tokenizer"));
  EXPECT_THAT(FailureOf(Changed(R"({"type":"Fuse"})", R"({"type":"Strip"})"), unsupported),
              HasSubstr("decoder"));
  EXPECT_THAT(FailureOf(Changed(R"("lstrip":false)", R"("lstrip":true)"), unsupported),
              HasSubstr("added_tokens[0]: expected \"lstrip\" to be false"));
  EXPECT_THAT(FailureOf(Changed(R"("<0x41>":)", R"("<0x4g>":)"), unsupported),
              HasSubstr("none for byte 0x41"));
}

TEST(TokenizerJsonTest, RefusesContradictions) {
  const ErrorCode corrupt = ErrorCode::kCorruptFile;
  EXPECT_THAT(FailureOf(Changed(R"("<0x41>":)", R"("<0x42>":)"), corrupt),
              HasSubstr("is given to both id"));
  EXPECT_THAT(FailureOf(Changed(R"("<0x00>":15)", R"("<0x00>":16)"), corrupt),
              HasSubstr("id 16 is given"));
  EXPECT_THAT(FailureOf(Changed(R"("<0x00>":15)", R"("<0x00>":4000)"), corrupt),
              HasSubstr("without holes"));
  EXPECT_THAT(FailureOf(Changed(R"("<0x00>":15)", R"("<0x00>":-1)"), corrupt),
              HasSubstr("without holes"));
  EXPECT_THAT(FailureOf(Changed(R"("<0x00>":15)", R"("<0x00>":"15")"), corrupt),
              HasSubstr("an id"));
  EXPECT_THAT(FailureOf(Changed(R"("<0x00>":15)", R"("":15)"), corrupt),
              HasSubstr("1 to 1024 bytes"));
  EXPECT_THAT(
      FailureOf(Changed(R"("<0x00>":15)", "\"" + std::string(2000, 'x') + "\":15"), corrupt),
      HasSubstr("1 to 1024 bytes"));
  EXPECT_THAT(
      FailureOf(Changed(R"("id":0,"content":"<pad>")", R"("id":0,"content":"<dap>")"), corrupt),
      HasSubstr("id 0 is given to both"));
  EXPECT_THAT(
      FailureOf(Changed(R"("id":0,"content":"<pad>")", R"("id":1,"content":"<pad>")"), corrupt),
      HasSubstr("is given to both"));
  EXPECT_THAT(FailureOf(Changed(R"("id":0,)", R"("id":-7,)"), corrupt),
              HasSubstr("added_tokens[0]"));
  EXPECT_THAT(FailureOf(Changed(R"(["h","e"])", R"(["h","Q"])"), corrupt),
              HasSubstr("model.merges["));
  EXPECT_THAT(FailureOf(Changed(R"(["h","e"])", R"(["h"])"), corrupt),
              HasSubstr("two strings, found 1"));
  EXPECT_THAT(FailureOf(Changed(R"(["h","e"])", R"("h e x")"), corrupt), HasSubstr("one space"));
  EXPECT_THAT(FailureOf(Changed(R"(["h","e"])", R"(["h","e"],["h","e"])"), corrupt),
              HasSubstr("is there already"));
  EXPECT_THAT(FailureOf(Changed(R"("dropout":null)", R"("type":"BPE")"), corrupt),
              HasSubstr("\"model.type\" is there twice"));
  EXPECT_THAT(FailureOf(Changed(R"("merges":[)", R"("merge":[)"), ErrorCode::kUnsupported),
              HasSubstr("model.merge"));
  EXPECT_THAT(FailureOf(Changed(R"("decoder":)", R"("encoder":)"), corrupt),
              HasSubstr("\"decoder\" is missing"));
}

TEST(TokenizerJsonTest, RefusesWhatIsNoJson) {
  const ErrorCode corrupt = ErrorCode::kCorruptFile;
  EXPECT_THAT(FailureOf("", corrupt), HasSubstr("expected JSON"));
  EXPECT_THAT(FailureOf("[]", corrupt), HasSubstr("expected an object"));
  EXPECT_THAT(FailureOf("{}", corrupt), HasSubstr("is missing"));
  EXPECT_THAT(FailureOf(SmallJson() + "x", corrupt), HasSubstr("expected an object"));
  EXPECT_THAT(FailureOf(SmallJson() + "}", corrupt), HasSubstr("after the closing brace"));
  EXPECT_THAT(FailureOf("{\"x\":" + std::string(1 << 20, '[') + "}", corrupt),
              HasSubstr("the file"));
  EXPECT_THAT(FailureOf(Changed("<pad>", "<p\xff>"), corrupt), HasSubstr("UTF-8"));
  EXPECT_THAT(FailureOf(Changed("<pad>", "<p\\ud800>"), corrupt), HasSubstr("parsing a string"));
}

TEST(TokenizerJsonTest, MergesMayNotMakeSpecialTokens) {
  // "aa", made special: merging two letters of user text must not give it.
  EXPECT_THAT(FailureOf(Changed(R"({"id":3,"content":"<unk>","single_word":false)",
                                R"({"id":277,"content":"aa","special":true},)"
                                R"({"id":3,"content":"<unk>","single_word":false)"),
                        ErrorCode::kUnsupported),
              HasSubstr("expected ordinary pieces"));
}

}  // namespace
}  // namespace dragoman
