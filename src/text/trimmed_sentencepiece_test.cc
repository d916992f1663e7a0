#include "text/trimmed_sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#ifdef DRAGOMAN_HAVE_SENTENCEPIECE
#include <sentencepiece_processor.h>
#endif

#include "base/atomic_file.h"
#include "text/tokenizer.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

const std::string kModelFile = DRAGOMAN_SOURCE_DIR "/models/mini/tokenizer.model";

std::string Field(int number, const std::string& payload) {
  return std::string(1, static_cast<char>(number << 3 | 2)) +
         std::string(1, static_cast<char>(payload.size())) + payload;
}

VocabularyTrim Keeping(std::vector<int32_t> ids) {
  VocabularyTrim trim;
  trim.kept_ids = std::move(ids);
  return trim;
}

TEST(TrimmedSentencePiece, KeepsPiecesMapsIdsAndDropsTheSelfTest) {
  const std::string a = Field(1, Field(1, "a")), b = Field(1, Field(1, "b")),
                    c = Field(1, Field(1, "c"));
  const std::string rest = Field(3, "normalizer") + std::string("\x30\x07", 2);
  // vocab_size 3, unk_id 2, bos_id 1, pad_id -1 (ten bytes), model_type 2.
  const std::string minus_one = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  const auto spec = [&](const char* size, const char* unk, const std::string& bos) {
    return Field(2, std::string("\x20") + size + "\xc0\x02" + unk + "\xc8\x02" + bos + "\xd8\x02" +
                        minus_one + "\x18\x02");
  };
  const std::string whole = a + b + spec("\x03", "\x02", "\x01") + c + Field(4, "samples") + rest;
  const auto trimmed = TrimSentencePieceModel(whole, Keeping({0, 2, 700}), "t.model");
  ASSERT_TRUE(trimmed) << ToString(trimmed.error());
  EXPECT_EQ(*trimmed, a + c + spec("\x02", "\x01", minus_one) + rest);
}

TEST(TrimmedSentencePiece, RefusesEveryTruncationThatCutsAField) {
  const std::string whole = Field(1, Field(1, "a")) + Field(2, "\x20\x03");
  const size_t first_field = Field(1, Field(1, "a")).size();
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const auto trimmed = TrimSentencePieceModel(whole.substr(0, bytes), Keeping({0}), "t.model");
    if (bytes == first_field) continue;
    ASSERT_FALSE(trimmed) << bytes;
    EXPECT_EQ(trimmed.error().code, ErrorCode::kCorruptFile);
    EXPECT_EQ(trimmed.error().where, "t.model");
  }
}

TEST(TrimmedSentencePiece, RefusalsNameTheByte) {
  const std::string overlong = Field(1, "a") + "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  for (const std::string& bad : {Field(1, "a") + "\x0b", Field(1, "a") + std::string(1, '\0'),
                                 Field(1, "a") + "\x0a\x7f", overlong}) {
    const auto trimmed = TrimSentencePieceModel(bad, Keeping({0}), "t.model");
    ASSERT_FALSE(trimmed);
    EXPECT_THAT(trimmed.error().message, HasSubstr("byte "));
  }
  const auto none = TrimSentencePieceModel(Field(1, "a"), Keeping({5}), "t.model");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("1 pieces"));
}

#ifdef DRAGOMAN_HAVE_SENTENCEPIECE
TEST(TrimmedSentencePiece, TheLibraryReadsItAndEncodesAsBefore) {
  const auto whole = ReadFile(kModelFile);
  ASSERT_TRUE(whole);
  const auto json = ReadFile(DRAGOMAN_SOURCE_DIR "/models/mini/tokenizer.json");
  const auto tokenizer = Tokenizer::FromJson(*json, "mini");
  const std::vector<Language> languages = {*FindLanguage("en"), *FindLanguage("de")};
  const auto trim = ChooseVocabulary(**tokenizer, languages, {}, 15104);
  ASSERT_TRUE(trim) << ToString(trim.error());
  const auto trimmed = TrimSentencePieceModel(*whole, *trim, kModelFile);
  ASSERT_TRUE(trimmed) << ToString(trimmed.error());
  EXPECT_LT(trimmed->size(), whole->size());
  sentencepiece::SentencePieceProcessor before, after;
  ASSERT_TRUE(before.LoadFromSerializedProto(*whole).ok());
  ASSERT_TRUE(after.LoadFromSerializedProto(*trimmed).ok());
  EXPECT_LT(after.GetPieceSize(), before.GetPieceSize());
  EXPECT_EQ(after.bos_id(), trim->NewId(before.bos_id()));
  EXPECT_EQ(after.eos_id(), trim->NewId(before.eos_id()));
  for (const char* text : {"Good morning, the train leaves at 7:30.", "Über 3 € für Käse?"}) {
    std::vector<std::string> pieces_before, pieces_after;
    ASSERT_TRUE(before.Encode(text, &pieces_before).ok());
    ASSERT_TRUE(after.Encode(text, &pieces_after).ok());
    EXPECT_EQ(pieces_after, pieces_before);
  }
}
#endif

}  // namespace
}  // namespace dragoman
