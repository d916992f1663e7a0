// Tercom's normalization as sacreBLEU writes it.
#include "evaluate/metrics/ter_tokenizer.h"

#include "base/utf8.h"
#include "evaluate/metrics/mteval.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

// Characters that the Asian normalization sets apart. sacreBLEU means to split kana runs as well,
// but its patterns match only at the start of a line, where the Western part has put a space.
bool IsTerIdeograph(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3200 && c <= 0x4dbf) ||
         (c >= 0x31c0 && c <= 0x31ef) || (c >= 0x2e80 && c <= 0x2eff) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe4f);
}

bool IsAsianMark(char32_t c) {
  return c == 0x3001 || c == 0x3002 || (c >= 0x3008 && c <= 0x3011) ||
         (c >= 0x3014 && c <= 0x301f) || (c >= 0xff61 && c <= 0xff65) || c == 0x30fb;
}

bool IsFullWidthMark(char32_t c) {
  return c == 0xff0e || c == 0xff0c || c == 0xff1f || c == 0xff1a || c == 0xff1b || c == 0xff01 ||
         c == 0xff02 || c == 0xff08 || c == 0xff09;
}

std::string Join(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

constexpr MtevalRules kTercomRules{.padded = true, .genitives = true};

void Unescape(std::string& text) {
  if (!HasAny(text, "\n&")) return;
  ReplaceEvery(text, "\n-", "");
  ReplaceEvery(text, "\n", " ");
  ReplaceEvery(text, "&quot;", "\"");
  ReplaceEvery(text, "&amp;", "&");
  ReplaceEvery(text, "&lt;", "<");
  ReplaceEvery(text, "&gt;", ">");
}

std::string NormalizeAsian(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    const bool alone = point.valid && (IsTerIdeograph(point.value) || IsAsianMark(point.value) ||
                                       IsFullWidthMark(point.value));
    if (alone) out += ' ';
    out.append(text, i, point.size_bytes);
    if (alone) out += ' ';
    i += point.size_bytes;
  }
  return out;
}

std::string RemoveMarks(std::string_view text, bool asian) {
  constexpr std::string_view kMarks = ".,?:;!\"()";
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    const bool ascii = point.size_bytes == 1 && kMarks.find(text[i]) != std::string_view::npos;
    const bool mark =
        asian && point.valid && (IsAsianMark(point.value) || IsFullWidthMark(point.value));
    if (!ascii && !mark) out.append(text, i, point.size_bytes);
    i += point.size_bytes;
  }
  return out;
}

}  // namespace

std::span<const std::string_view> TerTokenizer::Split(const TerOptions& options,
                                                      std::string_view line) {
  if (options.case_sensitive) {
    text_.assign(line);
  } else {
    LowerCase(line, text_);
  }
  words_.clear();
  if (options.normalized) {
    Unescape(text_);
    SplitAsMteval(text_, kTercomRules, words_);
  }
  const bool asian = options.normalized && options.asian_support;
  if (options.normalized && !asian && !options.no_punct) return words_;
  if (options.normalized) text_ = Join(words_);
  if (asian) text_ = NormalizeAsian(text_);
  if (options.no_punct) text_ = RemoveMarks(text_, options.asian_support);
  words_.clear();
  SplitWhiteSpace(text_, words_);
  return words_;
}

std::span<const std::string_view> TerTokenizer::SplitTwice(const TerOptions& options,
                                                           std::string_view line) {
  Split(options, line);
  if (!options.normalized) return words_;  // the second time changes nothing
  if (options.asian_support || options.no_punct) {
    const std::string once = Join(words_);
    return Split(options, once);
  }
  // No escape is left in one piece, and around a word there are spaces, as around a line.
  again_.clear();
  for (const std::string_view word : words_) SplitAsMteval(word, kTercomRules, again_);
  return again_;
}

std::string TokenizeForTer(const TerOptions& options, std::string_view text) {
  TerTokenizer tokenizer;
  return Join(tokenizer.Split(options, text));
}

}  // namespace dragoman
