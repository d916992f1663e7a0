#include "text/protected_spans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragoman {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> SpansOf(std::string_view text) {
  std::vector<std::string> spans;
  for (const ProtectedSpan& span : FindProtectedSpans(text)) spans.emplace_back(span.text);
  return spans;
}

TEST(ProtectedSpans, Addresses) {
  EXPECT_THAT(SpansOf("Read https://example.org/guide?lang=en&page=2, then stop."),
              ElementsAre("https://example.org/guide?lang=en&page=2"));
  EXPECT_THAT(SpansOf("(see www.example.org/a_(b)) or ftp://a.b/c."),
              ElementsAre("www.example.org/a_(b)", "ftp://a.b/c"));
  EXPECT_THAT(SpansOf("https://de.wikipedia.org/wiki/K\xc3\xb6ln!"),
              ElementsAre("https://de.wikipedia.org/wiki/K\xc3\xb6ln"));
  EXPECT_THAT(SpansOf("https://example.org/x\xe3\x82\x92\xe8\xa6\x8b\xe3\x82\x8b"),
              ElementsAre("https://example.org/x"));
  EXPECT_THAT(SpansOf("Write to anna.keller+x@mail.example.com."),
              ElementsAre("anna.keller+x@mail.example.com"));
  EXPECT_THAT(SpansOf("a@b, http://, www., @anna, 3:30"), IsEmpty());
}

TEST(ProtectedSpans, Placeholders) {
  EXPECT_THAT(SpansOf("Hello {name}, you have {{ count }} of ${n} and %{m} or {}."),
              ElementsAre("{name}", "{{ count }}", "${n}", "%{m}", "{}"));
  EXPECT_THAT(SpansOf("%s deleted %d files (%1$s, %.2f, %-5ld, %@, %(name)s, %1)"),
              ElementsAre("%s", "%d", "%1$s", "%.2f", "%-5ld", "%@", "%(name)s", "%1"));
  EXPECT_THAT(SpansOf("50% of 20 % discount, 100%dutiable, {a b c}, {"), IsEmpty());
}

TEST(ProtectedSpans, MarkupCodePathsAndEmoji) {
  EXPECT_THAT(
      SpansOf("Click <b>Save</b> &amp; <a href=\"#x\">go</a><br/> 3 < 4 > 2 <!-- no -->"),
      ElementsAre("<b>", "</b>", "&amp;", "<a href=\"#x\">", "</a>", "<br/>", "<!-- no -->"));
  EXPECT_THAT(SpansOf("Run `git status --short`, then parse_line(text, 1) and MAX_SIZE."),
              ElementsAre("`git status --short`", "parse_line(text, 1)", "MAX_SIZE"));
  EXPECT_THAT(SpansOf("Open /usr/share/doc or ~/notes/a.txt, and/or he/she; file(s) _"),
              ElementsAre("/usr/share/doc", "~/notes/a.txt"));
  EXPECT_THAT(SpansOf("We won \xf0\x9f\x8e\x89 See you \xf0\x9f\x91\x8b\xf0\x9f\x8f\xbd!"),
              ElementsAre("\xf0\x9f\x8e\x89", "\xf0\x9f\x91\x8b\xf0\x9f\x8f\xbd"));
}

TEST(ProtectedSpans, AnyBytesGiveSpansInOrderInsideTheText) {
  uint32_t state = 1;
  constexpr std::string_view kBytes = "`<>&#;%{}$()/.:@_aZ09 \n\xe3\x82\x92\xf0\x9f\x8e\x89\xff";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) {
      state = state * 1664525u + 1013904223u;
      text += kBytes[(state >> 16) % kBytes.size()];
    }
    size_t from = 0;
    for (const ProtectedSpan& span : FindProtectedSpans(text)) {
      const size_t at = static_cast<size_t>(span.text.data() - text.data());
      ASSERT_GE(at, from) << text;
      ASSERT_FALSE(span.text.empty());
      from = at + span.text.size();
    }
    ASSERT_LE(from, text.size());
    const auto spans = FindProtectedSpans(text);
    const MaskedText masked(text, spans, '#');
    EXPECT_EQ(masked.Unmask(masked.text()).value_or(text), text);  // a digit may follow a mark
  }
}

TEST(KeepsSpans, CountsAndOrdersThem) {
  const auto spans = FindProtectedSpans("{{a}} {a} <b>x</b> <b>y</b>");
  EXPECT_TRUE(KeepsSpans(spans, "<b>x</b> {a} <b>y</b> {{a}}"));
  EXPECT_FALSE(KeepsSpans(spans, "<b>x</b> <b>y</b> {{a}}"));          // {a} stands in {{a}} only
  EXPECT_FALSE(KeepsSpans(spans, "</b>x<b> </b>y<b> {a} {{a}}"));      // the tags' order
  EXPECT_FALSE(KeepsSpans(spans, "<b>x</b> {a} {a} <b>y</b> {{a}}"));  // once too often
}

TEST(MaskedText, MarksComeBackOrNothingDoes) {
  const std::string text = "Hi {name}, %1 of #2: {name}";
  const MaskedText masked(text, FindProtectedSpans(text), '#');
  EXPECT_EQ(masked.text(), "Hi #1, #3 of #2: #4");
  EXPECT_EQ(masked.Unmask("#3 von #2, #1: #4!"), "%1 von #2, {name}: {name}!");
  EXPECT_EQ(masked.Unmask("#3 von #2, #1"), std::nullopt);          // lost
  EXPECT_EQ(masked.Unmask("#3 von #2, #1: #4 #4"), std::nullopt);   // twice
  EXPECT_EQ(masked.Unmask("#3 von #2, #1: #4 #14"), std::nullopt);  // unknown
  EXPECT_EQ(masked.Unmask("#3 von #2, #1: #45"), std::nullopt);     // ran into a digit
}

TEST(HasLetters, InAnyScript) {
  EXPECT_TRUE(HasLetters("1a"));
  EXPECT_TRUE(HasLetters("\xe6\x9d\xb1"));
  EXPECT_TRUE(HasLetters("\xd8\xb3"));
  EXPECT_FALSE(HasLetters(" 12, \xe2\x80\x93 \xc2\xa7 \xe3\x80\x82 \xf0\x9f\x8e\x89 ..."));
}

}  // namespace
}  // namespace dragoman
