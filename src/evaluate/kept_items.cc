#include "evaluate/kept_items.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/utf8.h"
#include "text/protected_spans.h"

namespace dragoman {
namespace {

// The value of a decimal digit in the scripts of the supported languages, -1 for anything else.
int DigitValue(char32_t c) {
  for (const char32_t zero : {U'0', U'\u0660', U'\u06f0', U'\u0966', U'\uff10'}) {
    if (c >= zero && c < zero + 10) return static_cast<int>(c - zero);
  }
  return -1;
}

bool SeparatesDigits(char32_t c) {
  return c == '.' || c == ',' || c == '\'' || c == 0xa0 || c == 0x202f || c == 0x2009 ||
         c == 0x66b || c == 0x66c || c == 0x2019;
}

// Numbers as their digits alone, so that 1,000.5 equals 1.000,5 and Devanagari equals ASCII.
std::vector<std::string> Numbers(std::string_view text) {
  std::vector<std::string> numbers;
  const std::u32string points = ToUtf32(text);
  for (size_t i = 0; i < points.size();) {
    if (DigitValue(points[i]) < 0) {
      ++i;
      continue;
    }
    std::string digits;
    while (i < points.size()) {
      const int value = DigitValue(points[i]);
      if (value >= 0) {
        digits += static_cast<char>('0' + value);
      } else if (!(SeparatesDigits(points[i]) && i + 1 < points.size() &&
                   DigitValue(points[i + 1]) >= 0)) {
        break;
      }
      ++i;
    }
    numbers.push_back(std::move(digits));
  }
  return numbers;
}

Fault KindOf(std::string_view item) {
  if (item.find("://") != std::string_view::npos || item.rfind("www.", 0) == 0)
    return Fault::kLostUrl;
  const size_t at = item.find('@');
  if (at != std::string_view::npos && at > 0 && item.find('.', at) != std::string_view::npos)
    return Fault::kLostEmail;
  if (item.front() == '<' || (item.front() == '&' && item.back() == ';')) return Fault::kLostMarkup;
  if (item.front() == '%' || item.front() == '{' || item.rfind("${", 0) == 0)
    return Fault::kLostPlaceholder;
  return Fault::kLostOther;
}

bool IsPlainNumber(std::string_view item) {
  return std::all_of(item.begin(), item.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Counts what is due and what is there, kind by kind.
class Keeper {
 public:
  Keeper(std::string_view output, OutputChecks& checks) : output_(output), checks_(checks) {
    for (std::string& digits : Numbers(output)) numbers_.insert(std::move(digits));
  }

  void KeepNumber(const std::string& digits) {
    const auto at = numbers_.find(digits);
    Count(Fault::kLostNumber, at != numbers_.end());
    if (at != numbers_.end()) numbers_.erase(at);
  }
  void KeepText(std::string_view text) {
    Count(KindOf(text), output_.find(text) != std::string_view::npos);
  }

 private:
  void Count(Fault kind, bool there) {
    ++checks_.items;
    checks_.kept += there ? 1 : 0;
    checks_.Note(kind, true, checks_.Has(kind) || !there);
  }

  std::string_view output_;
  OutputChecks& checks_;
  std::multiset<std::string> numbers_;
};

// Round, square, curly, angle quotes and corner brackets.
constexpr struct {
  char32_t open, close;
} kBrackets[] = {{'(', ')'},
                 {'[', ']'},
                 {'{', '}'},
                 {U'\uff08', U'\uff09'},
                 {U'\u3010', U'\u3011'},
                 {U'\u300a', U'\u300b'},
                 {U'\u300c', U'\u300d'},
                 {U'\u300e', U'\u300f'},
                 {U'\u3008', U'\u3009'}};

bool IsDoubleQuote(char32_t c) {
  return c == '"' || (c >= 0x201c && c <= 0x201f) || c == 0xab || c == 0xbb || c == 0xff02 ||
         (c >= 0x301d && c <= 0x301f);
}

}  // namespace

void CheckKeptItems(const Prediction& prediction, OutputChecks& checks) {
  Keeper keeper(prediction.hypothesis, checks);
  if (!prediction.keep.empty()) {
    for (const std::string& item : prediction.keep) {
      if (IsPlainNumber(item)) {
        keeper.KeepNumber(item);
      } else {
        keeper.KeepText(item);
      }
    }
    return;
  }
  const std::vector<ProtectedSpan> spans = FindProtectedSpans(prediction.source);
  for (const ProtectedSpan& span : spans) keeper.KeepText(span.text);
  // Digits of addresses are no numbers. A number that the reference puts in words may be put so.
  std::string rest;
  for (const std::string_view stretch : StretchesBetween(spans, prediction.source))
    rest.append(stretch).append(" ");
  std::multiset<std::string> expected;
  for (std::string& digits : Numbers(prediction.reference)) expected.insert(std::move(digits));
  for (const std::string& digits : Numbers(rest)) {
    const auto at = expected.find(digits);
    if (at == expected.end() && !prediction.reference.empty()) continue;
    if (at != expected.end()) expected.erase(at);
    keeper.KeepNumber(digits);
  }
}

bool IsBalanced(std::string_view text) {
  std::vector<char32_t> open;
  int quotes = 0;
  for (const char32_t point : ToUtf32(text)) {
    quotes += IsDoubleQuote(point) ? 1 : 0;
    for (const auto& bracket : kBrackets) {
      if (point == bracket.open) open.push_back(bracket.close);
      if (point != bracket.close) continue;
      if (open.empty() || open.back() != point) return false;
      open.pop_back();
    }
  }
  return open.empty() && quotes % 2 == 0;
}

}  // namespace dragoman
