#include "evaluate/number_forms.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "base/utf8.h"
#include "evaluate/metrics/unicode.h"

namespace dragoman {
namespace {

// The value of a decimal digit in the scripts of the supported languages, -1 for anything else.
int DigitValue(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9' ? static_cast<int>(c - '0') : -1;
  static constexpr char32_t kZeros[] = {0x660, 0x6f0, 0x7c0,  0x966,  0x9e6,  0xa66,  0xae6,
                                        0xb66, 0xbe6, 0xc66,  0xce6,  0xd66,  0xde6,  0xe50,
                                        0xed0, 0xf20, 0x1040, 0x17e0, 0x1810, 0xff10, 0x1e950};
  for (const char32_t zero : kZeros) {
    if (c >= zero && c < zero + 10) return static_cast<int>(c - zero);
  }
  return -1;
}

bool SeparatesDigits(char32_t c) {
  return c == '.' || c == ',' || c == '\'' || c == 0xa0 || c == 0x202f || c == 0x2009 ||
         c == 0x66b || c == 0x66c || c == 0x2019 || c == 0xff0c || c == 0xff0e;
}

std::string WithoutZeros(const std::string& digits) {
  const size_t begin = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  return digits.substr(begin);
}

// A last group that is not of three digits is a fraction, whose zeros at the end say nothing.
std::string KeyOfGroups(const std::vector<std::string>& groups) {
  std::string key;
  for (const std::string& group : groups) key += group;
  const std::string& last = groups.back();
  if (groups.size() > 1 && last.size() < 3) {
    const size_t zeros = last.size() - std::min(last.size(), last.find_last_not_of('0') + 1);
    key.resize(key.size() - zeros);
  }
  return WithoutZeros(key);
}

// Reads one number: groups of digits with one separator between them. A plain space separates only
// as in 1 234: up to three digits, then threes.
class NumberReader {
 public:
  NumberReader(std::u32string_view points, size_t at) : points_(points), at_(at) {}
  size_t at() const { return at_; }

  std::vector<std::string> ReadGroups() {
    std::vector<std::string> groups{ReadGroup()};
    bool threes = groups[0].size() <= 3;
    while (at_ + 1 < points_.size() && DigitValue(points_[at_ + 1]) >= 0) {
      const bool space = points_[at_] == ' ';
      if (space ? !(threes && GroupSize(at_ + 1) == 3) : !SeparatesDigits(points_[at_])) break;
      ++at_;
      groups.push_back(ReadGroup());
      threes = threes && groups.back().size() == 3;
    }
    return groups;
  }

 private:
  size_t GroupSize(size_t at) const {
    size_t end = at;
    while (end < points_.size() && DigitValue(points_[end]) >= 0) ++end;
    return end - at;
  }
  std::string ReadGroup() {
    std::string group;
    for (; at_ < points_.size() && DigitValue(points_[at_]) >= 0; ++at_)
      group += static_cast<char>('0' + DigitValue(points_[at_]));
    return group;
  }

  std::u32string_view points_;
  size_t at_;
};

// The word after a number, in lower case.
std::string WordAfter(std::u32string_view points, size_t at) {
  while (at < points.size() && (points[at] == ' ' || points[at] == 0xa0)) ++at;
  std::string word;
  for (; at < points.size() && (IsUnicodeLetter(points[at]) || points[at] == '.'); ++at)
    AppendUtf8(points[at], word);
  return LowerCase(word);
}

bool IsMagnitude(const std::string& word) {
  static constexpr std::string_view kBegins[] = {
      "hundred", "thousand", "tausend", "mil", "mln",  "mio",  "bil",   "bn",   "tril", "mrd",
      "lakh",    "crore",    "тыс",     "млн", "млрд", "милл", "тис.",  "万",   "萬",   "億",
      "亿",      "만",       "억",      "लाख", "करोड़", "मिलि", "مليون", "مليار"};
  return word == "k" || word == "m" ||
         std::any_of(std::begin(kBegins), std::end(kBegins),
                     [&](std::string_view begin) { return word.rfind(begin, 0) == 0; });
}

bool IsHalfDay(const std::string& word) {
  return word == "am" || word == "pm" || word == "am." || word == "pm." ||
         word.rfind("a.m", 0) == 0 || word.rfind("p.m", 0) == 0;
}

// "3:45 p.m.": the hour is the number before the colon.
bool IsHourOfHalfDay(std::u32string_view points, size_t end) {
  if (IsHalfDay(WordAfter(points, end))) return true;
  if (end + 3 > points.size() || (points[end] != ':' && points[end] != '.')) return false;
  return DigitValue(points[end + 1]) >= 0 && DigitValue(points[end + 2]) >= 0 &&
         IsHalfDay(WordAfter(points, end + 3));
}

int64_t ChineseDigit(char32_t c) {
  static constexpr std::u32string_view kDigits = U"〇一二三四五六七八九";
  if (c == U'零') return 0;
  if (c == U'两' || c == U'兩') return 2;
  const size_t at = kDigits.find(c);
  return at == std::u32string_view::npos ? -1 : static_cast<int64_t>(at);
}

int64_t ChineseUnit(char32_t c) {
  switch (c) {
    case U'十':
      return 10;
    case U'百':
      return 100;
    case U'千':
      return 1000;
    case U'万':
    case U'萬':
      return 10'000;
    case U'亿':
    case U'億':
      return 100'000'000;
    default:
      return 0;
  }
}

// 二十五 is 25, 二〇二四 is 2024, 一万二千 is 12000.
std::string ValueOfChinese(std::u32string_view numeral) {
  const bool by_place =
      std::all_of(numeral.begin(), numeral.end(), [](char32_t c) { return ChineseDigit(c) >= 0; });
  int64_t total = 0, section = 0, digit = 0;
  for (const char32_t c : numeral) {
    if (const int64_t unit = ChineseUnit(c); unit >= 10'000) {
      total += std::max<int64_t>(section + digit, 1) * unit;
      section = digit = 0;
    } else if (unit > 0) {
      section += std::max<int64_t>(digit, 1) * unit;
      digit = 0;
    } else {
      digit = by_place ? digit * 10 + ChineseDigit(c) : ChineseDigit(c);
    }
  }
  return std::to_string(total + section + digit);
}

int64_t RomanDigit(char32_t c) {
  static constexpr std::pair<char32_t, int64_t> kDigits[] = {
      {U'I', 1}, {U'V', 5}, {U'X', 10}, {U'L', 50}, {U'C', 100}};
  for (const auto& [letter, value] : kDigits) {
    if (c == letter) return value;
  }
  return 0;
}

std::string ValueOfRoman(std::u32string_view numeral) {
  int64_t value = 0;
  for (size_t i = 0; i < numeral.size(); ++i) {
    const int64_t one = RomanDigit(numeral[i]);
    const bool less = i + 1 < numeral.size() && one < RomanDigit(numeral[i + 1]);
    value += less ? -one : one;
  }
  return std::to_string(value);
}

// Keys of words that may be numbers. Long ones are no numbers, and would overflow.
std::vector<std::string> ReadNumerals(std::u32string_view points) {
  constexpr size_t kLongest = 15;
  std::vector<std::string> keys;
  const auto is_chinese = [](char32_t c) { return ChineseDigit(c) >= 0 || ChineseUnit(c) > 0; };
  for (size_t i = 0; i < points.size();) {
    const bool chinese = is_chinese(points[i]);
    size_t end = i;
    while (end < points.size() &&
           (chinese ? is_chinese(points[end])
                    : IsUnicodeLetterOrMark(points[end]) && !is_chinese(points[end])))
      ++end;
    const std::u32string_view word = points.substr(i, end - i);
    const bool roman =
        !chinese && (word.size() > 1 || word == U"V" || word == U"X") &&
        std::all_of(word.begin(), word.end(), [](char32_t c) { return RomanDigit(c) > 0; });
    if (chinese && word.size() <= kLongest) keys.push_back(ValueOfChinese(word));
    if (roman && word.size() <= kLongest) keys.push_back(ValueOfRoman(word));
    i = std::max(end, i + 1);
  }
  return keys;
}

// Day, month and year in the order of any country.
bool IsDate(const std::string& first, const std::string& second, const std::string& third) {
  const auto is_day = [](const std::string& part) {
    return part.size() == 1 ? part != "0" : part.size() == 2 && part != "00" && part <= "31";
  };
  const bool year_last = is_day(first) && (third.size() == 4 || third.size() == 2);
  const bool year_first = first.size() == 4 && is_day(third);
  return is_day(second) && (year_last || year_first);
}

bool IsMonth(const std::string& part) {
  return part.size() == 1 ||
         (part.size() == 2 && (part[0] == '0' || (part >= "10" && part <= "12")));
}

struct FoundNumber {
  std::vector<std::string> groups;
  size_t begin = 0, end = 0;  // in the text
};

// 25.03.2024 is read as one number of three groups, 3/25/2024 as three numbers: both become three,
// of which some may be months.
class DateMarker {
 public:
  DateMarker(std::u32string_view points, const std::vector<FoundNumber>& found)
      : points_(points), found_(found) {}

  bool IsDotted(size_t i) const {
    const auto& groups = found_[i].groups;
    return groups.size() == 3 && IsDate(groups[0], groups[1], groups[2]);
  }
  bool MayBeMonth(size_t i) const {
    const auto& groups = found_[i].groups;
    if (groups.size() > 1 || !IsMonth(groups[0])) return false;
    const char32_t next = found_[i].end < points_.size() ? points_[found_[i].end] : U' ';
    return next == U'月' || next == U'월' || BeginsDate(i) || (i > 0 && BeginsDate(i - 1)) ||
           (i > 1 && BeginsDate(i - 2));
  }

 private:
  bool BeginsDate(size_t i) const {
    if (i + 2 >= found_.size()) return false;
    for (size_t k = i; k < i + 2; ++k) {
      const char32_t between = found_[k].end < points_.size() ? points_[found_[k].end] : U' ';
      if (found_[k + 1].begin != found_[k].end + 1 || (between != '/' && between != '-'))
        return false;
    }
    return IsDate(found_[i].groups[0], found_[i + 1].groups[0], found_[i + 2].groups[0]);
  }

  std::u32string_view points_;
  const std::vector<FoundNumber>& found_;
};

std::vector<FoundNumber> FindNumbers(std::u32string_view points) {
  std::vector<FoundNumber> found;
  for (size_t i = 0; i < points.size();) {
    if (DigitValue(points[i]) < 0) {
      ++i;
      continue;
    }
    NumberReader reader(points, i);
    std::vector<std::string> groups = reader.ReadGroups();
    found.push_back({std::move(groups), i, reader.at()});
    i = reader.at();
  }
  return found;
}

NumberForm FormOf(const std::vector<std::string>& groups) {
  NumberForm number;
  number.key = KeyOfGroups(groups);
  for (const std::string& group : groups) number.parts.push_back(WithoutZeros(group));
  number.by_thousands =
      groups.size() > 1 && std::all_of(groups.begin() + 1, groups.end(),
                                       [](const auto& group) { return group.size() == 3; });
  return number;
}

}  // namespace

std::vector<NumberForm> ReadNumbers(std::string_view text) {
  const std::u32string points = ToUtf32(text);
  const std::vector<FoundNumber> found = FindNumbers(points);
  const DateMarker dates(points, found);
  std::vector<NumberForm> numbers;
  for (size_t i = 0; i < found.size(); ++i) {
    if (dates.IsDotted(i)) {
      for (const std::string& group : found[i].groups) {
        numbers.push_back(FormOf({group}));
        numbers.back().may_be_month = IsMonth(group);
      }
      continue;
    }
    NumberForm number = FormOf(found[i].groups);
    number.by_magnitude = IsMagnitude(WordAfter(points, found[i].end));
    number.of_half_day = IsHourOfHalfDay(points, found[i].end);
    number.may_be_month = dates.MayBeMonth(i);
    numbers.push_back(std::move(number));
  }
  return numbers;
}

bool IsSmallNumber(const NumberForm& number) {
  return number.parts.size() == 1 &&
         (number.key.size() == 1 || number.key == "10" || number.key == "11" || number.key == "12");
}

NumberPool::NumberPool(std::string_view text) {
  for (NumberForm& number : ReadNumbers(text)) {
    Entry entry;
    entry.digits = number.key;
    entry.key = std::move(number.key);
    entry.by_magnitude = number.by_magnitude;
    entry.of_half_day = number.of_half_day;
    entry.by_thousands = number.by_thousands;
    for (std::string& part : number.parts) entry.parts.push_back({std::move(part)});
    entries_.push_back(std::move(entry));
  }
  for (std::string& key : ReadNumerals(ToUtf32(text))) {
    Entry entry;
    entry.digits = key;
    entry.key = std::move(key);
    entry.in_words = true;
    entries_.push_back(std::move(entry));
  }
}

bool NumberPool::Entry::Begun() const {
  return digits != key ||
         std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.taken; });
}

bool NumberPool::TakeWhole(const std::string& key) {
  for (Entry& entry : entries_) {
    if (entry.taken || entry.Begun() || entry.key != key) continue;
    return entry.taken = true;
  }
  return false;
}

bool NumberPool::TakePart(const std::string& key) {
  for (Entry& entry : entries_) {
    if (entry.taken || entry.digits != entry.key) continue;
    for (Part& part : entry.parts) {
      if (!part.taken && part.key == key) return part.taken = true;
    }
  }
  return TakeDigits(key);
}

// A telephone number's digits stand apart in one text and together in another.
bool NumberPool::TakeDigits(const std::string& key) {
  constexpr size_t kTelephone = 7;
  if (key.size() < 2) return false;
  for (Entry& entry : entries_) {
    if (entry.taken || entry.by_thousands || entry.key.size() < kTelephone) continue;
    const size_t at = entry.digits.find(key);
    if (at == std::string::npos) continue;
    entry.digits.replace(at, key.size(), key.size(), 'x');
    return true;
  }
  return false;
}

// 1,500,000 as "1.5 million", whose digits are the same but for zeros; 15 as "3 p.m.", 0 as "12
// a.m.".
bool NumberPool::TakeOtherwise(const std::string& key) {
  const auto significant = [](const std::string& digits) {
    return digits.substr(0, digits.find_last_not_of('0') + 1);
  };
  constexpr size_t kFewestOfMagnitude = 4;
  for (Entry& entry : entries_) {
    if (entry.taken || entry.Begun()) continue;
    if (entry.by_magnitude && key.size() >= kFewestOfMagnitude && key.size() > entry.key.size() &&
        significant(entry.key) == significant(key))
      return entry.taken = true;
    if (!entry.of_half_day || key.size() > 2) continue;
    Part& hour = entry.parts.front();
    if (hour.key.size() <= 2 && (std::stoi(hour.key) + 12) % 24 == std::stoi(key))
      return hour.taken = true;
  }
  return false;
}

bool NumberPool::Take(const NumberForm& number) {
  if (TakeWhole(number.key)) return true;
  if (number.parts.size() == 1) return TakePart(number.parts[0]) || TakeOtherwise(number.key);
  if (number.by_thousands && TakeOtherwise(number.key)) return true;
  const NumberPool before = *this;
  const bool all =
      std::all_of(number.parts.begin(), number.parts.end(), [&](const std::string& part) {
        return TakePart(part) || TakeWhole(part) || (part.size() <= 2 && TakeOtherwise(part));
      });
  if (!all) *this = before;
  return all;
}

bool NumberPool::HasOther(std::string_view one, std::string_view two) const {
  std::set<std::string> known;
  for (const std::string_view text : {one, two}) {
    for (const NumberForm& number : ReadNumbers(text)) {
      known.insert(number.key);
      known.insert(number.parts.begin(), number.parts.end());
      if (number.of_half_day && number.key.size() < 3)
        known.insert(std::to_string(std::stoi(number.parts[0]) + 12));
    }
    for (const std::string& key : ReadNumerals(ToUtf32(text))) known.insert(key);
  }
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    if (entry.taken || entry.in_words || entry.digits != entry.key || known.count(entry.key) != 0)
      return false;
    return std::any_of(entry.parts.begin(), entry.parts.end(),
                       [&](const Part& part) { return !part.taken && known.count(part.key) == 0; });
  });
}

}  // namespace dragoman
