#include "text/sentences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace dragoman {
namespace {

using testing::ElementsAre;

std::string Joined(const std::vector<TextPiece>& pieces) {
  std::string text;
  for (const TextPiece& piece : pieces) {
    text.append(piece.leading_space).append(piece.text).append(piece.trailing_space);
  }
  return text;
}

std::vector<std::string> Sentences(std::string_view text, std::string_view language) {
  const std::vector<TextPiece> pieces = SplitSentences(text, language);
  EXPECT_EQ(Joined(pieces), text);
  std::vector<std::string> sentences;
  for (const TextPiece& piece : pieces) sentences.emplace_back(piece.text);
  return sentences;
}

TEST(SentencesTest, TenLanguages) {
  EXPECT_THAT(Sentences("It rains. Does it? Yes! \"Go,\" he said.", "en"),
              ElementsAre("It rains.", "Does it?", "Yes!", "\"Go,\" he said."));
  EXPECT_THAT(Sentences("Es kostet 3.50 Euro. Gut.", "de"),
              ElementsAre("Es kostet 3.50 Euro.", "Gut."));
  EXPECT_THAT(Sentences("¿Qué hora es? ¡Ya voy!", "es"), ElementsAre("¿Qué hora es?", "¡Ya voy!"));
  EXPECT_THAT(Sentences("Il pleut ? Viens !", "fr"), ElementsAre("Il pleut ?", "Viens !"));
  EXPECT_THAT(Sentences("Он ушёл. Она осталась.", "ru"), ElementsAre("Он ушёл.", "Она осталась."));
  EXPECT_THAT(Sentences("今天下雨。你去吗？好！", "zh"),
              ElementsAre("今天下雨。", "你去吗？", "好！"));
  EXPECT_THAT(Sentences("「行こう。」彼は言った。", "ja"),
              ElementsAre("「行こう。」", "彼は言った。"));
  EXPECT_THAT(Sentences("비가 온다. 가자!", "ko"), ElementsAre("비가 온다.", "가자!"));
  EXPECT_THAT(Sentences("هل تمطر؟ نعم. هيا!", "ar"), ElementsAre("هل تمطر؟", "نعم.", "هيا!"));
  EXPECT_THAT(Sentences("बारिश हो रही है। चलो।", "hi"), ElementsAre("बारिश हो रही है।", "चलो।"));
}

TEST(SentencesTest, KnowsAbbreviations) {
  EXPECT_THAT(Sentences("El Sr. Gil no está. Vuelva mañana.", "es"),
              ElementsAre("El Sr. Gil no está.", "Vuelva mañana."));
  EXPECT_THAT(Sentences("Mr. Brown met Dr. Gray. They left.", "en"),
              ElementsAre("Mr. Brown met Dr. Gray.", "They left."));
}

TEST(SentencesTest, NewlinesSeparate) {
  EXPECT_THAT(Sentences("one\ntwo\r\n\r\n  three\u2029four", "en"),
              ElementsAre("one", "two", "three", "four"));
  const std::vector<TextPiece> pieces = SplitSentences("\n a. \n\n  b \n", "en");
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].leading_space, "\n ");
  EXPECT_EQ(pieces[0].text, "a.");
  EXPECT_EQ(pieces[0].trailing_space, " \n\n  ");
  EXPECT_EQ(pieces[1].leading_space, "");
  EXPECT_EQ(pieces[1].text, "b");
  EXPECT_EQ(pieces[1].trailing_space, " \n");
}

TEST(SentencesTest, BlankTextIsOneEmptyPiece) {
  for (const char* text : {"", " ", "\n\n", "\u00a0\u3000 \t\r\n"}) {
    EXPECT_THAT(Sentences(text, "en"), ElementsAre("")) << text;
  }
  EXPECT_THAT(Sentences(std::string_view(), "en"), ElementsAre(""));
}

TEST(SentencesTest, UnknownLanguageAndNonsenseAreSafe) {
  EXPECT_THAT(Sentences("One. Two.", "xx-Qqqq"), ElementsAre("One.", "Two."));
  EXPECT_THAT(Sentences("One. Two.", ""), ElementsAre("One.", "Two."));
  EXPECT_THAT(Sentences("One. Two.", "\xff@@@=;" + std::string(1000, 'x')),
              ElementsAre("One.", "Two."));
}

TEST(SentencesTest, AnyBytesComeBack) {
  Random random(7);
  constexpr std::string_view kParts[] = {
      "a", ". ",   "\n", "\xff", "\xe2\x96", "。",  " ", "\xf0\x9f\x98\x80", "\xed\xa0\x80",
      "!", "Mr. ", "B",  "\0x",  "\u00a0",   "\xc2"};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (uint64_t i = random.Below(30); i > 0; --i) text += kParts[random.Below(std::size(kParts))];
    const std::vector<TextPiece> pieces = SplitSentences(text, "en");
    ASSERT_FALSE(pieces.empty());
    EXPECT_EQ(Joined(pieces), text);
    for (size_t i = 1; i < pieces.size(); ++i) {
      EXPECT_EQ(pieces[i].leading_space, "");
      EXPECT_NE(pieces[i].text, "");
    }
  }
}

}  // namespace
}  // namespace dragoman
