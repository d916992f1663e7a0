// Tests of cutting texts into pieces: nothing lost, sentences whole, endless ones cut where it
// hurts least.
#include "translate/text_pieces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "base/utf8.h"
#include "text/prompt.h"

namespace dragoman {
namespace {

using ::testing::ElementsAre;

// One token per four bytes, so that expectations can be counted by hand.
int64_t CountFours(std::string_view text) { return static_cast<int64_t>((text.size() + 3) / 4); }

PiecePlan Plan(std::string_view text, int64_t pack, int64_t cut) {
  return PlanPieces(text, "en", {pack, cut}, CountFours);
}

std::string Joined(const PiecePlan& plan) {
  std::string text(plan.leading_space);
  for (const SourcePiece& piece : plan.pieces) {
    text += piece.text;
    text += piece.space_after;
  }
  return text;
}

std::vector<std::string> Texts(const PiecePlan& plan) {
  std::vector<std::string> texts;
  for (const SourcePiece& piece : plan.pieces) texts.emplace_back(piece.text);
  return texts;
}

TEST(TextPieces, ShortTextStaysWholeBetweenItsSpace) {
  const PiecePlan plan = Plan(" \n One. Two.\n\n Three!\t", 100, 100);
  EXPECT_EQ(plan.leading_space, " \n ");
  EXPECT_THAT(Texts(plan), ElementsAre("One. Two.\n\n Three!"));
  EXPECT_EQ(plan.pieces[0].space_after, "\t");
}

TEST(TextPieces, BlankTextHasNoPieces) {
  for (const char* text : {"", " ", "\n\t \r\n", "\xc2\xa0\xe3\x80\x80"}) {
    const PiecePlan plan = Plan(text, 8, 8);
    EXPECT_EQ(plan.leading_space, text);
    EXPECT_TRUE(plan.pieces.empty());
  }
}

TEST(TextPieces, PacksSentencesUpToTheLimit) {
  const std::string text = "First one here. Second one here.  Third one here. Fourth.";
  const PiecePlan plan = Plan(text, 8, 20);
  EXPECT_THAT(Texts(plan),
              ElementsAre("First one here. Second one here.", "Third one here. Fourth."));
  EXPECT_EQ(plan.pieces[0].space_after, "  ");
  EXPECT_EQ(Joined(plan), text);
}

TEST(TextPieces, ParagraphsNeverShareAPiece) {
  const std::string text = "One.\n\nTwo.\r\nThree. Four.\n \nFive has rather many letters in it.";
  const PiecePlan plan = Plan(text, 12, 40);
  EXPECT_THAT(Texts(plan),
              ElementsAre("One.", "Two.", "Three. Four.", "Five has rather many letters in it."));
  EXPECT_EQ(Joined(plan), text);
}

TEST(TextPieces, OneLongSentenceStaysWholeBelowTheCut) {
  const std::string text =
      "A short one. A sentence that is longer than the packing limit but below the cut. End.";
  const PiecePlan plan = Plan(text, 6, 30);
  EXPECT_THAT(
      Texts(plan),
      ElementsAre("A short one.",
                  "A sentence that is longer than the packing limit but below the cut.", "End."));
  for (const SourcePiece& piece : plan.pieces) EXPECT_FALSE(piece.cut_inside_sentence);
  EXPECT_EQ(Joined(plan), text);
}

TEST(TextPieces, EndlessSentenceIsCutAtClauseThenSpaceThenCharacter) {
  const std::string clauses =
      "when it rains, we stay inside, when the sun shines, we walk to the lake and swim";
  const PiecePlan at_clauses = Plan(clauses, 9, 9);
  EXPECT_EQ(at_clauses.pieces[0].text, "when it rains, we stay inside,");
  EXPECT_EQ(at_clauses.pieces[0].space_after, " ");
  EXPECT_TRUE(at_clauses.pieces[0].cut_inside_sentence);
  EXPECT_EQ(Joined(at_clauses), clauses);

  const std::string words = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda";
  const PiecePlan at_spaces = Plan(words, 5, 5);
  EXPECT_THAT(Texts(at_spaces), ElementsAre("alpha beta gamma", "delta epsilon zeta",
                                            "eta theta iota", "kappa lambda"));
  EXPECT_EQ(Joined(at_spaces), words);

  std::string solid;
  for (int i = 0; i < 50; ++i) solid += "\xe6\xbc\xa2";  // one character of three bytes
  const PiecePlan at_characters = Plan(solid, 4, 4);
  EXPECT_GE(at_characters.pieces.size(), 9u);
  for (const SourcePiece& piece : at_characters.pieces) {
    EXPECT_TRUE(IsValidUtf8(piece.text));
    EXPECT_LE(CountFours(piece.text), 4);
  }
  EXPECT_EQ(Joined(at_characters), solid);
}

TEST(TextPieces, AddressesAndTagsStayWhole) {
  const std::string text =
      "Read https://a.org/b?c=d first. Press <a title=\"No? Yes.\">this</a> now.";
  const PiecePlan plan = Plan(text, 10, 100);
  EXPECT_EQ(Joined(plan), text);
  ASSERT_EQ(plan.pieces.size(), 2u);
  EXPECT_EQ(plan.pieces[0].text, "Read https://a.org/b?c=d first.");
}

// Any bytes, any limits: lossless, within the limit, pieces never blank.
TEST(TextPieces, RandomTextsLoseNothing) {
  const std::string_view parts[] = {"word ",
                                    "Sentence. ",
                                    "\n",
                                    "\n\n",
                                    "  ",
                                    ", ",
                                    "\xe3\x80\x82",
                                    "\xf0\x9f\x98\x80",
                                    "\xff",
                                    "\x80\x80\x80\x80\x80",
                                    "\xc2\xa0",
                                    "\xe3\x80\x80",
                                    "12.5 ",
                                    "!?",
                                    "\r\n",
                                    "\xe2\x80\xa8",
                                    "a",
                                    "https://a.org/b?c=d!e ",
                                    "<a title=\"No. Yes.\">",
                                    "averyveryverylongwordwithoutend"};
  Random random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const uint64_t count = random.Below(40);
    for (uint64_t i = 0; i < count; ++i) text += parts[random.Below(std::size(parts))];
    const auto pack = static_cast<int64_t>(1 + random.Below(12));
    const auto cut = pack + static_cast<int64_t>(random.Below(12));
    const PiecePlan plan = Plan(text, pack, cut);
    ASSERT_EQ(Joined(plan), text);
    for (const SourcePiece& piece : plan.pieces) {
      ASSERT_EQ(TrimForPrompt(piece.text), piece.text);
      ASSERT_FALSE(piece.text.empty());
      ASSERT_TRUE(TrimForPrompt(piece.space_after).empty());
      // Packed sentences count their inner spaces on top.
      ASSERT_LE(CountFours(piece.text), 2 * cut + 8) << text;
    }
  }
}

}  // namespace
}  // namespace dragoman
