#include "text/languages.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <tuple>
#include <vector>

#include "text/languages_table.h"

namespace dragoman {
namespace {

constexpr size_t kMaxSuggestions = 5;
// Longer words name no language; comparing them with everything would only cost time.
constexpr size_t kMaxComparedBytes = 64;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), Lower);
  return out;
}

// "PT_br" -> "pt-BR", "ZH-hant-hk" -> "zh-Hant-HK": regions have two letters, scripts four.
std::string NormaliseCode(std::string_view code) {
  std::string out = LowerCase(code);
  std::replace(out.begin(), out.end(), '_', '-');
  for (size_t begin = out.find('-'); begin != std::string::npos;) {
    const size_t end = out.find('-', ++begin);
    const size_t size = (end == std::string::npos ? out.size() : end) - begin;
    if (size == 2) out[begin + 1] = Upper(out[begin + 1]);
    if (size == 2 || size == 4) out[begin] = Upper(out[begin]);
    begin = end;
  }
  return out;
}

// The extra code of a base language alone ("fil") follows from the template knowing it with a
// region only.
bool IsBaseCode(std::string_view code) { return code.find('-') == std::string_view::npos; }

class LanguageList {
 public:
  LanguageList() {
    for (const LanguageExtra& extra : LanguageExtras())
      entries_.push_back({extra.code, extra.name});
    for (const LanguageRow& row : LanguageRows()) AddRow(row);
    std::sort(entries_.begin(), entries_.end(),
              [](const LanguageEntry& a, const LanguageEntry& b) { return a.code < b.code; });
  }

  std::span<const LanguageEntry> entries() const { return entries_; }

 private:
  void AddRow(const LanguageRow& row) {
    const auto same = [&row](const LanguageEntry& entry) { return entry.code == row.code; };
    const bool extra = std::any_of(entries_.begin(), entries_.end(), same);
    if (!extra) entries_.push_back({row.code, row.name});
    std::string_view rest = row.variants;
    while (!rest.empty()) {
      const std::string_view variant = rest.substr(0, rest.find(' '));
      codes_.push_back(fmt::format("{}-{}", row.code, variant));
      entries_.push_back({codes_.back(), row.name});
      rest.remove_prefix(std::min(rest.size(), variant.size() + 1));
    }
  }

  std::deque<std::string> codes_;  // a deque: its strings never move
  std::vector<LanguageEntry> entries_;
};

const LanguageEntry* FindCode(std::string_view code) {
  const std::span<const LanguageEntry> all = AllLanguages();
  const auto found = std::lower_bound(
      all.begin(), all.end(), code,
      [](const LanguageEntry& entry, std::string_view c) { return entry.code < c; });
  return found != all.end() && found->code == code ? &*found : nullptr;
}

// By English name ("german") or ISO 639-3 code ("deu").
const LanguageEntry* FindByName(std::string_view word) {
  const std::string lower = LowerCase(word);
  for (const LanguageRow& row : LanguageRows()) {
    if (lower == row.iso3 || lower == LowerCase(row.name)) return FindCode(row.code);
  }
  return nullptr;
}

// Levenshtein distance.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// Smaller is nearer: the plain language of a wrong variant first, then spellings and variants close
// by.
size_t DistanceTo(const LanguageEntry& entry, const std::string& code, const std::string& word) {
  const std::string_view language = std::string_view(code).substr(0, code.find('-'));
  const bool same_language = entry.code.substr(0, entry.code.find('-')) == language;
  if (same_language && IsBaseCode(entry.code)) return 0;
  size_t distance = EditDistance(entry.code, code) - (same_language ? 1 : 0);
  if (IsBaseCode(entry.code)) {
    distance = std::min(distance, EditDistance(LowerCase(entry.name), word));
  }
  return distance;
}

// "; nearest: de (German), de-AT (German)", or nothing when all are far off.
std::string Suggestions(std::string_view given) {
  if (given.empty() || given.size() > kMaxComparedBytes) return {};
  const std::string code = NormaliseCode(given);
  const std::string word = LowerCase(given);
  const size_t far = std::max<size_t>(1, given.size() / 3);
  std::vector<std::tuple<size_t, size_t, const LanguageEntry*>> near;
  for (const LanguageEntry& entry : AllLanguages()) {
    const size_t distance = DistanceTo(entry, code, word);
    if (distance <= far) near.emplace_back(distance, entry.code.size(), &entry);
  }
  std::sort(near.begin(), near.end());  // the list is sorted: addresses order as codes do
  std::string text;
  for (size_t i = 0; i < std::min(near.size(), kMaxSuggestions); ++i) {
    const LanguageEntry& entry = *std::get<2>(near[i]);
    text += fmt::format("{}{} ({})", i == 0 ? "; nearest: " : ", ", entry.code, entry.name);
  }
  return text;
}

}  // namespace

std::span<const LanguageEntry> AllLanguages() {
  static const LanguageList list;
  return list.entries();
}

Result<Language> FindLanguage(std::string_view code) {
  const LanguageEntry* entry = FindCode(NormaliseCode(code));
  if (entry == nullptr) entry = FindByName(code);
  if (entry != nullptr) return Language{std::string(entry->code), std::string(entry->name)};
  constexpr size_t kShownBytes = 40;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a language code or English name, found \"{}\"{}; \"dragoman "
                          "languages\" lists all",
                          code.substr(0, kShownBytes), Suggestions(code)));
}

}  // namespace dragoman
