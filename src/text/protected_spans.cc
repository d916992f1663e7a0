#include "text/protected_spans.h"

#include <algorithm>

#include "base/utf8.h"

namespace dragoman {
namespace {

constexpr size_t kMaxSpanBytes = 2048;  // of a URL or a tag
constexpr size_t kMaxPlaceholderBytes = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsWord(char c) { return IsAlpha(c) || IsDigit(c) || c == '_'; }
bool IsOneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Reads forward through a text; every Take* gives what it consumed.
class Scanner {
 public:
  Scanner(std::string_view text, size_t at) : text_(text), at_(at) {}
  size_t at() const { return at_; }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) { return Peek() == c && at_ < text_.size() && ++at_ > 0; }
  bool Take(std::string_view part) {
    if (text_.substr(at_, part.size()) != part) return false;
    at_ += part.size();
    return true;
  }
  template <typename Predicate>
  size_t TakeWhile(Predicate predicate, size_t most = kMaxSpanBytes) {
    const size_t begin = at_;
    while (at_ < text_.size() && at_ - begin < most && predicate(text_[at_])) ++at_;
    return at_ - begin;
  }

 private:
  std::string_view text_;
  size_t at_;
};

// Each Match* gives the bytes of a span that begins at `at`, 0 if none does.

size_t MatchCode(std::string_view text, size_t at) {
  Scanner scan(text, at);
  const size_t ticks = scan.TakeWhile([](char c) { return c == '`'; });
  if (ticks == 0) return 0;
  const std::string_view rest = text.substr(scan.at(), kMaxSpanBytes);
  const size_t code = rest.find(text.substr(at, ticks));
  if (code == std::string_view::npos || code == 0) return 0;
  if (rest.substr(0, code).find("\n\n") != std::string_view::npos) return 0;
  return ticks + code + ticks;
}

size_t MatchTag(std::string_view text, size_t at) {
  Scanner scan(text, at);
  if (!scan.Take('<')) return 0;
  if (scan.Take("!--")) {
    const size_t bytes = text.substr(scan.at(), kMaxSpanBytes).find("-->");
    return bytes == std::string_view::npos ? 0 : scan.at() + bytes + 3 - at;
  }
  scan.Take('/');
  if (!IsAlpha(scan.Peek())) return 0;
  scan.TakeWhile([](char c) { return c != '<' && c != '>'; });
  return scan.Take('>') ? scan.at() - at : 0;
}

size_t MatchEntity(std::string_view text, size_t at) {
  Scanner scan(text, at);
  if (!scan.Take('&')) return 0;
  scan.Take('#');
  const size_t name = scan.TakeWhile([](char c) { return IsAlpha(c) || IsDigit(c); }, 32);
  return name > 0 && scan.Take(';') ? scan.at() - at : 0;
}

// Bytes of the character at `at` if a URL may contain it: no space, no quote or bracket that
// delimits; of other scripts only those written with spaces between words, since running Chinese
// or Japanese text follows an address directly.
size_t UrlCharacterBytes(std::string_view text, size_t at) {
  const CodePoint c = DecodeUtf8(text, at);
  if (!c.valid || c.value <= ' ' || c.value == 0x7f || c.value == 0xa0) return 0;
  if (c.value < 0x80 && IsOneOf(text[at], "<>\"`{}|\\^")) return 0;
  return c.value < 0x0e00 ? c.size_bytes : 0;
}

// Without what ends a sentence or closes a bracket that was opened before.
size_t TrimmedUrlBytes(std::string_view url) {
  while (!url.empty()) {
    const char last = url.back();
    const bool closes = (last == ')' && std::count(url.begin(), url.end(), '(') <
                                            std::count(url.begin(), url.end(), ')')) ||
                        (last == ']' && url.find('[') == std::string_view::npos);
    if (!closes && !IsOneOf(last, ".,;:!?'*_")) break;
    url.remove_suffix(1);
  }
  return url.size();
}

size_t MatchUrl(std::string_view text, size_t at) {
  Scanner scan(text, at);
  size_t least = 0;  // prefix and one character
  if (scan.Take("www.") || scan.Take("mailto:")) {
    least = scan.at() - at + 1;
  } else {
    if (!IsAlpha(scan.Peek())) return 0;
    scan.TakeWhile([](char c) { return IsAlpha(c) || IsDigit(c) || IsOneOf(c, "+.-"); }, 24);
    if (!scan.Take("://")) return 0;
    least = scan.at() - at + 1;
  }
  size_t end = scan.at();
  while (end < text.size() && end - at < kMaxSpanBytes) {
    const size_t bytes = UrlCharacterBytes(text, end);
    if (bytes == 0) break;
    end += bytes;
  }
  const size_t bytes = TrimmedUrlBytes(text.substr(at, end - at));
  return bytes >= least ? bytes : 0;
}

size_t MatchEmail(std::string_view text, size_t at) {
  Scanner scan(text, at);
  if (scan.TakeWhile([](char c) { return IsWord(c) || IsOneOf(c, ".%+-"); }, 64) == 0) return 0;
  if (!scan.Take('@')) return 0;
  const size_t domain = scan.at();
  scan.TakeWhile([](char c) { return IsAlpha(c) || IsDigit(c) || IsOneOf(c, ".-"); }, 255);
  size_t end = scan.at();
  while (end > domain && IsOneOf(text[end - 1], ".-")) --end;
  const std::string_view host = text.substr(domain, end - domain);
  const size_t dot = host.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || host.size() - dot < 3) return 0;
  return end - at;
}

// {name}, {}, {{ name }}, ${name}, %{name}
size_t MatchBraces(std::string_view text, size_t at) {
  Scanner scan(text, at);
  if (scan.Peek() == '$' || scan.Peek() == '%') scan.Take(scan.Peek());
  if (!scan.Take('{')) return 0;
  const bool twice = scan.Take('{');
  scan.TakeWhile(
      [&](char c) { return IsWord(c) || IsOneOf(c, ".:,-$@#/|[]") || (twice && c == ' '); },
      kMaxPlaceholderBytes);
  if (!scan.Take('}') || (twice && !scan.Take('}'))) return 0;
  return scan.at() - at;
}

// %s, %1$s, %-5.2f, %lld, %@, %(name)s and the numbered %1. Not the percent of "50% of" or "% of".
size_t MatchPercent(std::string_view text, size_t at) {
  Scanner scan(text, at);
  if (!scan.Take('%') || (at > 0 && IsDigit(text[at - 1]))) return 0;
  const bool named = scan.Take('(');
  if (named && (scan.TakeWhile(IsWord, kMaxPlaceholderBytes) == 0 || !scan.Take(')'))) return 0;
  const size_t digits = scan.TakeWhile(IsDigit, 4);
  const size_t after_digits = scan.at();
  if (digits > 0) scan.Take('$');
  scan.TakeWhile([](char c) { return IsOneOf(c, "-+0#"); }, 4);
  scan.TakeWhile([](char c) { return IsDigit(c) || IsOneOf(c, ".*"); }, 8);
  scan.TakeWhile([](char c) { return IsOneOf(c, "hlLqjzt"); }, 2);
  const bool converts = IsOneOf(scan.Peek(), "diouxXeEfFgGcsSpaA@") && scan.Peek() != '\0';
  if (converts) {
    scan.Take(scan.Peek());
    if (!IsWord(scan.Peek())) return scan.at() - at;
  }
  const bool numbered = digits > 0 && digits <= 2 && !named &&
                        (after_digits == text.size() || !IsWord(text[after_digits]));
  return numbered ? after_digits - at : 0;
}

size_t MatchIdentifier(std::string_view text, size_t at) {
  Scanner scan(text, at);
  if (IsDigit(scan.Peek())) return 0;
  scan.TakeWhile(IsWord, kMaxSpanBytes);
  const std::string_view name = text.substr(at, scan.at() - at);
  const size_t underscore = name.find('_');
  const bool joins = underscore != std::string_view::npos && underscore + 1 < name.size() &&
                     std::any_of(name.begin(), name.end(), IsAlpha);
  if (!joins) return 0;
  const size_t bare = name.size();
  if (!scan.Take('(')) return bare;
  scan.TakeWhile([](char c) { return IsWord(c) || IsOneOf(c, ", .\"'=*&-"); },
                 kMaxPlaceholderBytes);
  return scan.Take(')') ? scan.at() - at : bare;
}

size_t MatchPath(std::string_view text, size_t at) {
  Scanner scan(text, at);
  scan.Take('~') || scan.Take("..") || scan.Take('.');
  int parts = 0;
  while (scan.Take('/') &&
         scan.TakeWhile([](char c) { return IsWord(c) || IsOneOf(c, ".-+"); }) > 0)
    ++parts;
  size_t end = scan.at();
  while (end > at && text[end - 1] == '.') --end;
  return parts >= 2 ? end - at : 0;
}

bool IsEmojiBase(char32_t c) {
  return (c >= 0x1f000 && c <= 0x1faff) || (c >= 0x2600 && c <= 0x27bf) ||
         (c >= 0x2b00 && c <= 0x2bff) || (c >= 0x1f1e6 && c <= 0x1f1ff);
}

// One or several emoji with skin tones, variation selectors, joiners and tags between them.
size_t MatchEmoji(std::string_view text, size_t at) {
  if (static_cast<unsigned char>(text[at]) < 0xe2) return 0;
  size_t end = at;
  while (end < text.size()) {
    const CodePoint c = DecodeUtf8(text, end);
    const bool modifies = end > at && (c.value == 0x200d || c.value == 0xfe0f ||
                                       c.value == 0x20e3 || (c.value >> 7) == (0xe0000 >> 7));
    if (!c.valid || (!IsEmojiBase(c.value) && !modifies)) break;
    end += c.size_bytes;
  }
  return end - at;
}

// A word, address or path may begin here: nothing of one stands before.
bool AtWordStart(std::string_view text, size_t at) {
  return at == 0 || !(IsWord(text[at - 1]) || IsOneOf(text[at - 1], "@./-"));
}

size_t MatchWordLike(std::string_view text, size_t at) {
  if (!AtWordStart(text, at)) return 0;
  for (const auto match : {MatchUrl, MatchEmail, MatchIdentifier, MatchPath}) {
    if (const size_t bytes = match(text, at); bytes > 0) return bytes;
  }
  return 0;
}

size_t MatchSigned(std::string_view text, size_t at) {
  switch (text[at]) {
    case '`':
      return MatchCode(text, at);
    case '<':
      return MatchTag(text, at);
    case '&':
      return MatchEntity(text, at);
    case '$':
    case '{':
      return MatchBraces(text, at);
    case '%':
      return std::max(MatchBraces(text, at), MatchPercent(text, at));
    default:
      return MatchEmoji(text, at);
  }
}

}  // namespace

std::vector<ProtectedSpan> FindProtectedSpans(std::string_view text) {
  std::vector<ProtectedSpan> spans;
  for (size_t at = 0; at < text.size();) {
    const size_t word_like = MatchWordLike(text, at);
    const size_t bytes = word_like > 0 ? word_like : MatchSigned(text, at);
    if (bytes > 0) spans.push_back({text.substr(at, bytes), text[at] == '<'});
    at += std::max<size_t>(bytes, 1);
  }
  return spans;
}

bool KeepsSpans(const std::vector<ProtectedSpan>& spans, std::string_view translation) {
  if (spans.empty()) return true;
  // Long ones first, each occurrence taken out, so that {name} is not found inside {{name}}.
  std::vector<std::string_view> wanted;
  for (const ProtectedSpan& span : spans) wanted.push_back(span.text);
  std::stable_sort(wanted.begin(), wanted.end(), [](auto a, auto b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  std::string rest(translation);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const size_t at = rest.find(wanted[i]);
    if (at == std::string::npos) return false;
    rest.replace(at, wanted[i].size(), 1, '\0');
    const bool last_of_its_kind = i + 1 == wanted.size() || wanted[i + 1] != wanted[i];
    if (last_of_its_kind && rest.find(wanted[i]) != std::string::npos) return false;
  }
  size_t from = 0;
  for (const ProtectedSpan& span : spans) {
    if (!span.is_tag) continue;
    const size_t at = translation.find(span.text, from);
    if (at == std::string_view::npos) return false;
    from = at + span.text.size();
  }
  return true;
}

MaskedText::MaskedText(std::string_view text, const std::vector<ProtectedSpan>& spans, char sign)
    : sign_(sign) {
  size_t from = 0;
  int number = 0;
  for (const ProtectedSpan& span : spans) {
    const size_t at = static_cast<size_t>(span.text.data() - text.data());
    masked_ += text.substr(from, at - from);
    std::string mark;
    do {
      mark = sign + std::to_string(++number);
    } while (text.find(mark) != std::string_view::npos);
    masked_ += mark;
    marks_.emplace_back(number, span.text);
    from = at + span.text.size();
  }
  masked_ += text.substr(from);
}

std::optional<std::string> MaskedText::Unmask(std::string_view translation) const {
  std::string out;
  size_t found = 0;
  std::vector<bool> used(marks_.size(), false);
  for (size_t at = 0; at < translation.size();) {
    Scanner scan(translation, at);
    if (!scan.Take(sign_) || scan.TakeWhile(IsDigit, 7) == 0) {
      out += translation[at++];
      continue;
    }
    const int number = std::stoi(std::string(translation.substr(at + 1, scan.at() - at - 1)));
    const auto mark = std::find_if(marks_.begin(), marks_.end(),
                                   [&](const auto& m) { return m.first == number; });
    if (mark == marks_.end()) {
      const std::string_view literal = translation.substr(at, scan.at() - at);
      if (masked_.find(literal) == std::string::npos) return std::nullopt;
      out += literal;
    } else {
      const size_t index = static_cast<size_t>(mark - marks_.begin());
      if (used[index]) return std::nullopt;
      used[index] = true;
      ++found;
      out += mark->second;
    }
    at = scan.at();
  }
  if (found != marks_.size()) return std::nullopt;
  return out;
}

bool HasLetters(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.valid && c.value < 0x80 && IsAlpha(text[at])) return true;
    const bool symbol =
        (c.value >= 0x80 && c.value <= 0xbf && c.value != 0xaa && c.value != 0xb5 &&
         c.value != 0xba) ||
        c.value == 0xd7 || c.value == 0xf7 || (c.value >= 0x2000 && c.value <= 0x2bff) ||
        (c.value >= 0x3000 && c.value <= 0x3004) || (c.value >= 0x3008 && c.value <= 0x3020) ||
        (c.value >= 0xff00 && c.value <= 0xff20) || IsEmojiBase(c.value);
    if (c.valid && c.value >= 0x80 && !symbol) return true;
    at += c.size_bytes;
  }
  return false;
}

std::vector<std::string_view> StretchesBetween(const std::vector<ProtectedSpan>& spans,
                                               std::string_view text) {
  std::vector<std::string_view> stretches;
  size_t from = 0;
  for (const ProtectedSpan& span : spans) {
    const size_t at = static_cast<size_t>(span.text.data() - text.data());
    stretches.push_back(text.substr(from, at - from));
    from = at + span.text.size();
  }
  stretches.push_back(text.substr(from));
  return stretches;
}

}  // namespace dragoman
