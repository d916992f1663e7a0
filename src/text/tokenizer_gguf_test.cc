// The tokenizer inside a GGUF gives the ids of the tokenizer.json it was made from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "base/atomic_file.h"
#include "base/json.h"
#include "text/tokenizer.h"

namespace dragoman {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kRepository = DRAGOMAN_SOURCE_DIR;

// What converters to GGUF write: user-defined pieces with plain spaces, unused rows behind the
// vocabulary.
GgufMetadata MetadataOf(const Tokenizer& tokenizer, int padding_rows) {
  std::vector<std::string> tokens;
  std::vector<double> scores;
  std::vector<int64_t> kinds;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    tokens.push_back(tokenizer.GgufSpelling(id));
    scores.push_back(tokenizer.score(id));
    kinds.push_back(static_cast<int64_t>(tokenizer.kind(id)));
  }
  for (int i = 0; i < padding_rows; ++i) {
    tokens.push_back("[PAD" + std::to_string(tokens.size()) + "]");
    scores.push_back(-10000);
    kinds.push_back(static_cast<int64_t>(TokenKind::kUnused));
  }
  return {
      {"tokenizer.ggml.model", GgufValue::String("llama")},
      {"tokenizer.ggml.tokens", GgufValue::Strings(std::move(tokens))},
      {"tokenizer.ggml.scores", GgufValue::F32s(std::move(scores))},
      {"tokenizer.ggml.token_type", GgufValue::I32s(std::move(kinds))},
      {"tokenizer.ggml.bos_token_id", GgufValue::U32(static_cast<uint32_t>(tokenizer.bos_id()))},
      {"tokenizer.ggml.eos_token_id", GgufValue::U32(1)},
      {"tokenizer.ggml.unknown_token_id",
       GgufValue::U32(static_cast<uint32_t>(tokenizer.unk_id()))},
      {"tokenizer.ggml.padding_token_id",
       GgufValue::U32(static_cast<uint32_t>(tokenizer.pad_id()))},
      {"tokenizer.ggml.add_space_prefix", GgufValue::Bool(false)},
      {"tokenizer.chat_template", GgufValue::String("T")}};
}

Result<std::unique_ptr<Tokenizer>> Load(const GgufMetadata& metadata) {
  const std::string path =
      (std::filesystem::path(testing::TempDir()) / "dragoman_tokenizer_test.gguf").string();
  DRAGOMAN_RETURN_IF_ERROR(WriteGguf(path, metadata, {}, nullptr));
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile gguf, GgufFile::Open(path));
  return Tokenizer::FromGguf(gguf, "t.gguf");
}

std::unique_ptr<Tokenizer> FromJson(const std::string& relative) {
  auto tokenizer = Tokenizer::FromJsonFile(kRepository + relative);
  DRAGOMAN_CHECK(tokenizer);
  return std::move(*tokenizer);
}

std::vector<std::string> Lines(const std::string& relative) {
  const Result<std::string> file = ReadFile(kRepository + relative);
  std::vector<std::string> lines;
  if (!file) return lines;
  for (size_t begin = 0; begin < file->size();) {
    const size_t end = std::min(file->find('\n', begin), file->size());
    lines.push_back(ParseJson(file->substr(begin, end - begin), relative)->get<std::string>());
    begin = end + 1;
  }
  return lines;
}

TEST(TokenizerGgufTest, SameIdsAsTheJsonFile) {
  std::vector<std::string> lines = Lines("/tests/parity_tokenizer/sentences.jsonl");
  const std::vector<std::string> hard = Lines("/tests/parity_tokenizer/hard_text.jsonl");
  lines.insert(lines.end(), hard.begin(), hard.end());
  ASSERT_GT(lines.size(), 4000u);
  for (const char* file :
       {"/models/mini/tokenizer.json", "/tests/corpus/tokenizer_json/small.json"}) {
    const std::unique_ptr<Tokenizer> json = FromJson(file);
    const auto gguf = Load(MetadataOf(*json, 3));
    ASSERT_TRUE(gguf) << ToString(gguf.error());
    for (const std::string& line : lines) {
      for (const bool special : {false, true}) {
        const Tokenizer::EncodeOptions options = {.parse_special = special};
        const std::vector<int32_t> ids = json->Encode(line, options);
        ASSERT_EQ((*gguf)->Encode(line, options), ids) << file << ": " << line;
        ASSERT_EQ((*gguf)->Decode(ids), json->Decode(ids));
      }
    }
  }
}

TEST(TokenizerGgufTest, UserDefinedPiecesAreSpelledWithSpaces) {
  const std::unique_ptr<Tokenizer> json = FromJson("/models/mini/tokenizer.json");
  EXPECT_EQ(json->GgufSpelling(11), "   ");
  EXPECT_EQ(json->GgufSpelling(7), "\n\n");
  EXPECT_EQ(json->GgufSpelling(271), "▁d");
  EXPECT_EQ(json->GgufSpelling(5), "<end_of_turn>");
}

TEST(TokenizerGgufTest, SamePiecesAndFacts) {
  const std::unique_ptr<Tokenizer> json = FromJson("/models/mini/tokenizer.json");
  const auto gguf = Load(MetadataOf(*json, 2));
  ASSERT_TRUE(gguf) << ToString(gguf.error());
  EXPECT_EQ((*gguf)->vocab_size(), json->vocab_size() + 2);
  for (int32_t id = 0; id < json->vocab_size(); ++id) {
    ASSERT_EQ((*gguf)->piece(id), json->piece(id));
    ASSERT_EQ((*gguf)->kind(id), json->kind(id));
    ASSERT_EQ((*gguf)->score(id), json->score(id));
  }
  EXPECT_EQ((*gguf)->kind(json->vocab_size()), TokenKind::kUnused);
  EXPECT_EQ((*gguf)->bos_id(), 2);
  EXPECT_EQ((*gguf)->pad_id(), 0);
  EXPECT_EQ((*gguf)->unk_id(), 3);
  EXPECT_THAT((*gguf)->end_ids(), ElementsAre(1, 5));
  EXPECT_EQ((*gguf)->chat_template(), "T");
}

// The metadata of the small tokenizer with one value replaced; without a value the key goes away.
std::string FailureWith(const std::string& key, const GgufValue* value, ErrorCode expected) {
  GgufMetadata metadata = MetadataOf(*FromJson("/tests/corpus/tokenizer_json/small.json"), 0);
  const auto at = std::find_if(metadata.begin(), metadata.end(),
                               [&key](const auto& entry) { return entry.first == key; });
  EXPECT_NE(at, metadata.end()) << key;
  if (value != nullptr) {
    at->second = *value;
  } else {
    metadata.erase(at);
  }
  const auto tokenizer = Load(metadata);
  if (tokenizer) return "no failure";
  EXPECT_EQ(tokenizer.error().code, expected) << tokenizer.error().message;
  EXPECT_EQ(tokenizer.error().where, "t.gguf");
  return tokenizer.error().message;
}

std::string FailureWith(const std::string& key, const GgufValue& value, ErrorCode expected) {
  return FailureWith(key, &value, expected);
}

TEST(TokenizerGgufTest, RefusesWhatItCannotRead) {
  const ErrorCode unsupported = ErrorCode::kUnsupported;
  const ErrorCode corrupt = ErrorCode::kCorruptFile;
  EXPECT_THAT(FailureWith("tokenizer.ggml.model", GgufValue::String("gpt2"), unsupported),
              HasSubstr("expected \"llama\", found \"gpt2\""));
  EXPECT_THAT(FailureWith("tokenizer.ggml.model", nullptr, unsupported),
              HasSubstr("found nothing"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.add_space_prefix", GgufValue::Bool(true), unsupported),
              HasSubstr("expected false"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.tokens", GgufValue::Strings({"a"}), corrupt),
              HasSubstr("found 337 and 1"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.tokens", nullptr, corrupt), HasSubstr("found 337 and 0"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.token_type",
                          GgufValue::I32s(std::vector<int64_t>(337, 7)), corrupt),
              HasSubstr("token 0: expected 1 to 6, found 7"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.token_type",
                          GgufValue::I32s(std::vector<int64_t>(337, 1)), unsupported),
              HasSubstr("byte pieces"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.scores", GgufValue::F32s({1.0}), corrupt),
              HasSubstr("expected 337, found 1"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(
      FailureWith("tokenizer.ggml.scores", GgufValue::F32s(std::vector<double>(337, nan)), corrupt),
      HasSubstr("finite"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.bos_token_id", GgufValue::U32(337), corrupt),
              HasSubstr("expected an id below 337"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.bos_token_id", nullptr, unsupported),
              HasSubstr("no <bos>"));
  EXPECT_THAT(FailureWith("tokenizer.ggml.tokens",
                          GgufValue::Strings(std::vector<std::string>(337, "a")), corrupt),
              HasSubstr("is given to both id 0 and id 1"));
}

}  // namespace
}  // namespace dragoman
