#include "evaluate/balance.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"
#include "text/protected_spans.h"

namespace dragoman {
namespace {

// Round, square, curly, angle quotes and corner brackets.
constexpr struct {
  char32_t open, close;
} kBrackets[] = {{'(', ')'},
                 {'[', ']'},
                 {'{', '}'},
                 {U'\u3010', U'\u3011'},
                 {U'\u300a', U'\u300b'},
                 {U'\u300c', U'\u300d'},
                 {U'\u300e', U'\u300f'},
                 {U'\u3008', U'\u3009'}};

// Chinese and Japanese texts mix the two widths freely.
char32_t NarrowBracket(char32_t c) {
  switch (c) {
    case 0xff08:
    case 0xff09:
    case 0xff3b:
    case 0xff3d:
    case 0xff5b:
    case 0xff5d:
      return c - 0xfee0;
    default:
      return c;
  }
}

bool IsDoubleQuote(char32_t c) {
  return c == '"' || (c >= 0x201c && c <= 0x201f) || c == 0xab || c == 0xbb || c == 0xff02 ||
         (c >= 0x301d && c <= 0x301f);
}

bool IsHebrew(char32_t c) { return c >= 0x5d0 && c <= 0x5ea; }
bool IsAsciiDigit(char32_t c) { return c >= '0' && c <= '9'; }
bool IsOneOf32(char32_t c, std::u32string_view set) {
  return set.find(c) != std::u32string_view::npos;
}

class BalanceReader {
 public:
  explicit BalanceReader(std::u32string points) : points_(std::move(points)) {}

  bool Read() {
    for (size_t i = 0; i < points_.size(); ++i) {
      CountQuote(i);
      if (!ReadBracket(i)) return false;
    }
    return open_.empty() && (quotes_ % 2 == 0 || inches_ > 0);
  }

 private:
  char32_t At(size_t i) const { return i < points_.size() ? points_[i] : U' '; }
  char32_t Before(size_t i) const { return i > 0 ? points_[i - 1] : U' '; }

  void CountQuote(size_t i) {
    if (!IsDoubleQuote(points_[i])) return;
    if (points_[i] == '"' && IsHebrew(Before(i)) && IsHebrew(At(i + 1))) return;
    ++quotes_;
    inches_ += points_[i] == '"' && IsAsciiDigit(Before(i)) ? 1 : 0;
  }

  // False where a bracket closes what is not open.
  bool ReadBracket(size_t i) {
    for (const auto& bracket : kBrackets) {
      if (points_[i] == bracket.open && !IsOpenMouth(i)) open_.push_back(bracket.close);
      if (points_[i] != bracket.close) continue;
      if (!open_.empty() && open_.back() == bracket.close) {
        open_.pop_back();
        mouths_that_closed_ += IsMouth(i) ? 1 : 0;
      } else if (!IsMouth(i) && mouths_that_closed_ > 0) {
        --mouths_that_closed_;  // it was a mouth alone, and this is the bracket
      } else if (!IsListMark(i) && !HasEyes(i)) {
        return false;
      }
    }
    return true;
  }

  // Where the eyes of a smiley begin before `i`; npos without any.
  size_t EyesBefore(size_t i) const {
    if (i == 0) return std::u32string::npos;
    size_t at = i - 1;
    if (at > 0 && IsOneOf32(points_[at], U"-'^o")) --at;
    return IsOneOf32(points_[at], U":;=") ? at : std::u32string::npos;
  }
  bool HasEyes(size_t i) const { return EyesBefore(i) != std::u32string::npos; }
  // A smiley that stands by itself. In "as follows:(a)" none does.
  bool IsMouth(size_t i) const {
    const size_t eyes = EyesBefore(i);
    return eyes != std::u32string::npos && IsPythonSpace(Before(eyes));
  }

  // A bracket in ":(see below)": a mouth ends a word.
  bool IsOpenMouth(size_t i) const { return IsMouth(i) && !IsUnicodeLetter(At(i + 1)); }

  // "a)", "12)", "iv)" at the beginning or after a space.
  bool IsListMark(size_t i) const {
    size_t begin = i;
    while (begin > 0 && (IsUnicodeLetter(points_[begin - 1]) || IsAsciiDigit(points_[begin - 1])))
      --begin;
    if (points_[i] != ')' || begin == i || !IsPythonSpace(Before(begin))) return false;
    const std::u32string_view mark = std::u32string_view(points_).substr(begin, i - begin);
    const auto consists_of = [&](std::u32string_view set) {
      return std::all_of(mark.begin(), mark.end(), [&](char32_t c) { return IsOneOf32(c, set); });
    };
    return mark.size() == 1 || (mark.size() <= 3 && consists_of(U"0123456789")) ||
           (mark.size() <= 4 && consists_of(U"ivx"));
  }

  std::u32string points_;
  std::vector<char32_t> open_;
  int quotes_ = 0, inches_ = 0, mouths_that_closed_ = 0;
};

}  // namespace

bool IsBalanced(std::string_view text) {
  std::u32string points;
  for (const std::string_view stretch : StretchesBetween(FindProtectedSpans(text), text)) {
    for (const char32_t c : ToUtf32(stretch)) points += NarrowBracket(c);
    points += U'\ufffc';  // something stood there
  }
  return BalanceReader(std::move(points)).Read();
}

}  // namespace dragoman
