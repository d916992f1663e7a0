// The one-pass forms of the metrics' inner parts against the plain definitions they stand for.
#include <gtest/gtest.h>
#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <map>
#include <random>
#include <regex>

#include "evaluate/metrics/edit_distance.h"
#include "evaluate/metrics/mteval.h"
#include "evaluate/metrics/ngram_matcher.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

// sacreBLEU's own substitutions, one after another.
std::vector<std::string> SplitBySubstitutions(const std::string& text, const MtevalRules& rules) {
  const std::string pad = rules.padded ? " " : "";
  std::string out = pad + text + pad;
  out = std::regex_replace(out, std::regex(R"(([!-&(-+:-@/\[-`{-~]))"), " $1 ");
  if (rules.genitives) out = std::regex_replace(out, std::regex("'s "), " 's ");
  out = std::regex_replace(out, std::regex(R"(([^0-9])([.,]))"), "$1 $2 ");
  out = std::regex_replace(out, std::regex(R"(([.,])([^0-9]))"), " $1 $2");
  out = std::regex_replace(out, std::regex(R"(([0-9])(-))"), "$1 $2 ");
  std::vector<std::string_view> words;
  SplitWhiteSpace(out, words);
  return {words.begin(), words.end()};
}

TEST(Mteval, OnePassEqualsTheSubstitutions) {
  std::mt19937 random(7);
  const std::string alphabet = "ab15..,,--''s \t!(";
  for (int repetition = 0; repetition < 200; ++repetition) {
    std::string text(random() % 12, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    for (const MtevalRules rules : {MtevalRules{}, MtevalRules{.padded = false},
                                    MtevalRules{.padded = true, .genitives = true}}) {
      std::vector<std::string_view> tokens;
      SplitAsMteval(text, rules, tokens);
      EXPECT_EQ(std::vector<std::string>(tokens.begin(), tokens.end()),
                SplitBySubstitutions(text, rules))
          << '"' << text << '"';
    }
  }
}

using Symbols = std::vector<uint32_t>;

int64_t ClippedMatches(const Symbols& hypothesis, const std::vector<Symbols>& references,
                       size_t order) {
  const auto count = [order](const Symbols& symbols) {
    std::map<Symbols, int64_t> counts;
    for (size_t i = 0; i + order <= symbols.size(); ++i) {
      const auto at = symbols.begin() + static_cast<int64_t>(i);
      ++counts[Symbols(at, at + static_cast<int64_t>(order))];
    }
    return counts;
  };
  std::map<Symbols, int64_t> most;
  for (const Symbols& reference : references) {
    for (const auto& [ngram, found] : count(reference)) most[ngram] = std::max(most[ngram], found);
  }
  int64_t matches = 0;
  for (const auto& [ngram, own] : count(hypothesis)) matches += std::min(own, most[ngram]);
  return matches;
}

TEST(NgramMatcher, EqualsCountingInMapsAtEveryLength) {
  std::mt19937 random(11);
  NgramMatcher matcher;
  const auto draw = [&random](size_t size) {
    Symbols symbols(size);
    for (uint32_t& symbol : symbols) symbol = random() % 4;
    return symbols;
  };
  // Around the words of a mask, and beyond what masks hold.
  for (const size_t size : {0u, 1u, 3u, 63u, 64u, 65u, 129u, 300u, 513u}) {
    for (const size_t sides : {1u, 3u}) {
      for (const size_t orders : {2u, 4u, 6u, 12u}) {
        std::vector<Symbols> references;
        for (size_t r = 0; r < sides; ++r) references.push_back(draw(size >> r));
        const Symbols hypothesis = draw(size + 5);
        const std::vector<std::span<const uint32_t>> spans(references.begin(), references.end());
        std::vector<int64_t> matches(orders);
        matcher.Match(hypothesis, spans, matches);
        for (size_t n = 0; n < orders; ++n)
          EXPECT_EQ(matches[n], ClippedMatches(hypothesis, references, n + 1))
              << size << " symbols, " << sides << " references, order " << n + 1;
      }
    }
  }
}

using Step = BeamEditDistance::Step;

// The whole matrix, and the way back through it in sacreBLEU's order of preference.
struct PlainDistance {
  PlainDistance(const Symbols& hypothesis, const Symbols& reference)
      : cells(hypothesis.size() + 1, std::vector<int32_t>(reference.size() + 1)) {
    for (size_t i = 0; i <= hypothesis.size(); ++i) {
      for (size_t j = 0; j <= reference.size(); ++j) {
        int32_t& cell = cells[i][j];
        cell = static_cast<int32_t>(i + j);
        if (i > 0 && j > 0)
          cell = std::min({cells[i - 1][j] + 1, cells[i][j - 1] + 1,
                           cells[i - 1][j - 1] + (hypothesis[i - 1] == reference[j - 1] ? 0 : 1)});
      }
    }
    size_t i = hypothesis.size(), j = reference.size();
    while (i + j > 0) {
      const bool both = i > 0 && j > 0;
      const bool same = both && hypothesis[i - 1] == reference[j - 1];
      if (both && cells[i - 1][j - 1] + (same ? 0 : 1) == cells[i][j]) {
        steps.push_back(same ? Step::kSame : Step::kSubstitute);
        --i, --j;
      } else if (i > 0 && cells[i - 1][j] + 1 == cells[i][j]) {
        steps.push_back(Step::kDelete);
        --i;
      } else {
        steps.push_back(Step::kInsert);
        --j;
      }
    }
    std::reverse(steps.begin(), steps.end());
  }
  std::vector<std::vector<int32_t>> cells;
  std::vector<Step> steps;
};

TEST(BeamEditDistance, EqualsTheWholeMatrixWhereTheBeamHoldsIt) {
  std::mt19937 random(5);
  BeamEditDistance distance;
  std::vector<Step> steps;
  for (int repetition = 0; repetition < 3000; ++repetition) {
    const uint32_t words = 2 + random() % 12;
    Symbols hypothesis(random() % 30), reference(1 + random() % 24);
    for (uint32_t& word : hypothesis) word = random() % words;
    for (uint32_t& word : reference) word = random() % words;
    const PlainDistance plain(hypothesis, reference);
    distance.SetReference(reference, hypothesis.size());
    ASSERT_EQ(distance.Base(hypothesis), plain.cells.back().back());
    distance.TraceBase(hypothesis, steps);
    ASSERT_EQ(steps, plain.steps);
    if (hypothesis.empty()) continue;
    const size_t same = random() % hypothesis.size();
    Symbols changed = hypothesis;
    std::shuffle(changed.begin() + static_cast<int64_t>(same), changed.end(), random);
    ASSERT_EQ(distance.Changed(changed, same, 1000),
              PlainDistance(changed, reference).cells.back().back());
  }
}

TEST(LowerCase, EqualsIcusForEveryCharacter) {
  for (UChar32 c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    icu::UnicodeString text = icu::UnicodeString(c) + u"A";  // a sigma in the middle
    std::string own, expected;
    LowerCase(text.toUTF8String(own), expected);
    own.clear();
    text.toLower(icu::Locale::getRoot()).toUTF8String(own);
    ASSERT_EQ(expected, own) << c;
  }
  EXPECT_EQ(LowerCase("\xce\x91\xce\xa3 \xff"), "\xce\xb1\xcf\x82 \xff");  // a final sigma
}

// Runs of ASCII are lowered eight bytes at a time, wherever something else begins or the text ends.
TEST(LowerCase, EqualsIcusAtEveryPlace) {
  const std::string_view pieces[] = {"@",      "A",      "Z",      "[",      "`",
                                     "a",      "z",      "{",      "\u00c4", "\u0416",
                                     "\u0939", "\u1e9e", "\u0130", "\u03a3", "\U00010400"};
  std::mt19937 random(3);
  for (int repetition = 0; repetition < 5000; ++repetition) {
    std::string own, expected;
    for (size_t left = random() % 30; left > 0; --left)
      own += pieces[random() % (repetition % 2 == 0 ? 12 : std::size(pieces))];
    auto text = icu::UnicodeString::fromUTF8(own);
    text.toLower(icu::Locale::getRoot()).toUTF8String(expected);
    ASSERT_EQ(LowerCase(own), expected) << own;
  }
}

}  // namespace
}  // namespace dragoman
