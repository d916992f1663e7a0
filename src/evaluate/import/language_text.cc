#include "evaluate/import/language_text.h"

#include <fmt/format.h>
#include <unicode/locid.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "base/utf8.h"
#include "evaluate/blank_text.h"
#include "text/languages.h"

namespace dragoman {
namespace {

std::string KnownCode(const std::string& code) {
  const auto language = FindLanguage(code);
  return language ? language->code : std::string();
}

std::string UsualScript(const char* language) {
  icu::Locale locale(language);
  UErrorCode status = U_ZERO_ERROR;
  locale.addLikelySubtags(status);
  return U_SUCCESS(status) ? locale.getScript() : "";
}

std::string IdOf(const Segment& segment, size_t index) {
  return segment.id.empty() ? fmt::format("{:06}", index + 1) : segment.id;
}

// FLORES-101 tells the two ways of writing Chinese by words of its own.
std::string WithScriptCode(std::string code) {
  for (const auto& [word, script] : {std::pair("-simpl", "-Hans"), std::pair("-trad", "-Hant")}) {
    const size_t at = code.size() - std::min(code.size(), std::string_view(word).size());
    if (code.compare(at, std::string::npos, word) == 0) code.replace(at, std::string::npos, script);
  }
  return code;
}

// The first disagreement of two files that should hold the same segments.
Result<void> CheckAligned(const LanguageText& first, const LanguageText& other) {
  if (first.segments.size() != other.segments.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected {} segments, as {} has, found {}", first.segments.size(),
                            first.where, other.segments.size()),
                other.where);
  }
  for (size_t i = 0; i < first.segments.size(); ++i) {
    if (first.segments[i].id == other.segments[i].id) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected segment \"{}\", as {} has there, found \"{}\"",
                            first.segments[i].id, first.where, other.segments[i].id),
                fmt::format("{}: line {}", other.where, other.segments[i].line));
  }
  return {};
}

}  // namespace

void DropBlankEnd(LanguageText& text, size_t segments) {
  while (text.segments.size() > segments && text.segments.back().id.empty() &&
         IsBlankText(text.segments.back().text))
    text.segments.pop_back();
}

bool LooksLikeLanguageCode(std::string_view code) {
  size_t letters = 0;
  while (letters < code.size() && std::isalpha(static_cast<unsigned char>(code[letters])) != 0)
    ++letters;
  if (letters < 2 || letters > 3 || code.size() > 24) return false;
  if (letters == code.size()) return true;
  if (code[letters] != '-' && code[letters] != '_') return false;
  return std::all_of(code.begin() + static_cast<std::ptrdiff_t>(letters), code.end(), [](char c) {
    return c == '-' || c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  });
}

std::string PromptCode(std::string_view code) {
  std::string plain(code);
  std::replace(plain.begin(), plain.end(), '_', '-');
  if (!LooksLikeLanguageCode(code)) return plain;
  plain = WithScriptCode(std::move(plain));
  const icu::Locale locale = icu::Locale::createCanonical(plain.c_str());
  std::string language = locale.getLanguage();
  if (language.empty()) return plain;
  if (language == "pbt") language = "ps";  // FLORES names single languages of a group
  if (language == "quy") language = "qu";
  std::string script = locale.getScript();
  if (script == "Hang") script = "Kore";  // FLORES names the letters, CLDR the way of writing
  const std::string country = locale.getCountry();
  std::string base = language;
  if (!script.empty() && script != UsualScript(language.c_str())) base += "-" + script;
  for (const std::string& candidate : {country.empty() ? base : base + "-" + country, base}) {
    std::string known = KnownCode(candidate);
    if (!known.empty()) return known;
  }
  return base;
}

std::string KnownOrPromptCode(std::string_view code) {
  // A file has few codes and many lines, and to find that a code is not known is slow.
  constexpr size_t kMostRemembered = 1000;
  thread_local std::map<std::string, std::string, std::less<>> remembered;
  const auto found = remembered.find(code);
  if (found != remembered.end()) return found->second;
  if (remembered.size() >= kMostRemembered) remembered.clear();
  const auto language = FindLanguage(code);
  std::string known = language ? language->code : PromptCode(code);
  return remembered.emplace(std::string(code), std::move(known)).first->second;
}

Result<void> CheckText(std::string_view text, const std::string& where) {
  if (text.size() > kMaxTextBytes) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected a text of at most {} bytes, found {}", kMaxTextBytes, text.size()),
        where);
  }
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected UTF-8, found a NUL byte at offset {} of the text, as in UTF-16", nul),
        where);
  }
  const size_t invalid = FindInvalidUtf8(text);
  if (invalid == text.size()) return {};
  return Fail(ErrorCode::kCorruptFile,
              fmt::format("expected UTF-8, found byte 0x{:02x} at offset {} of the text",
                          static_cast<unsigned char>(text[invalid]), invalid),
              where);
}

std::string FirstBytes(std::string_view text, size_t most) {
  const auto continues = [&](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  size_t end = std::min(text.size(), most);
  while (end > 0 && end < text.size() && continues(end)) --end;
  return std::string(text.substr(0, end));
}

Result<LanguageText> SplitLines(std::string_view text, std::string language,
                                const std::string& where) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  const char newline = text.find('\n') == std::string_view::npos ? '\r' : '\n';
  LanguageText lines{std::move(language), where, {}};
  while (!text.empty()) {
    const size_t end = std::min(text.find(newline), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const size_t number = lines.segments.size() + 1;
    DRAGOMAN_RETURN_IF_ERROR(CheckText(line, fmt::format("{}: line {}", where, number)));
    if (number > kMaxSuiteSamples) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected at most {} lines", kMaxSuiteSamples), where);
    }
    lines.segments.push_back({"", "", std::string(line), number});
  }
  return lines;
}

Result<void> AlignLanguages(std::vector<LanguageText> texts, const std::string& domain,
                            ParsedSuite& parsed) {
  if (texts.empty()) return {};
  size_t fewest = texts[0].segments.size();
  for (const LanguageText& text : texts) fewest = std::min(fewest, text.segments.size());
  for (LanguageText& text : texts) DropBlankEnd(text, fewest);
  for (size_t i = 1; i < texts.size(); ++i)
    DRAGOMAN_RETURN_IF_ERROR(CheckAligned(texts[0], texts[i]));
  for (const LanguageText& text : texts) {
    if (std::find(parsed.languages.begin(), parsed.languages.end(), text.language) !=
        parsed.languages.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("a second file in {}: expected one a language", text.language),
                  text.where);
    }
    parsed.languages.push_back(text.language);
  }
  for (size_t i = 0; i < texts[0].segments.size(); ++i) {
    SuiteEntry entry;
    entry.id = IdOf(texts[0].segments[i], i);
    entry.domain = texts[0].segments[i].domain.empty() ? domain : texts[0].segments[i].domain;
    entry.line = texts[0].segments[i].line;
    for (LanguageText& text : texts) {
      if (IsBlankText(text.segments[i].text)) {
        ++parsed.suite.blanks;
      } else {
        entry.text.emplace(text.language, std::move(text.segments[i].text));
      }
    }
    if (entry.text.size() > 1) parsed.multilingual.push_back(std::move(entry));
  }
  return {};
}

Result<void> AlignPair(LanguageText source, LanguageText reference, const std::string& domain,
                       ParsedSuite& parsed) {
  DRAGOMAN_RETURN_IF_ERROR(CheckAligned(source, reference));
  for (size_t i = 0; i < source.segments.size(); ++i) {
    Segment& from = source.segments[i];
    Segment& to = reference.segments[i];
    if (IsBlankText(from.text) || IsBlankText(to.text)) {
      ++parsed.suite.blanks;
      continue;
    }
    SuiteSample sample;
    sample.id = IdOf(from, i);
    sample.numbered = from.id.empty();
    sample.source_lang = source.language;
    sample.target_lang = reference.language;
    sample.domain = from.domain.empty() ? domain : from.domain;
    sample.line = from.line;
    sample.source = std::move(from.text);
    sample.reference = std::move(to.text);
    parsed.suite.samples.push_back(std::move(sample));
  }
  return {};
}

}  // namespace dragoman
