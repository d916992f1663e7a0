// The tokenizers as passes over a line.
#include "evaluate/metrics/bleu_tokenizer.h"

#include "base/utf8.h"
#include "evaluate/metrics/eight_bytes.h"
#include "evaluate/metrics/mteval.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {

bool IsZhCharacter(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  // In sacreBLEU's order of blocks. Extension B and the compatibility supplement are written there
  // with \u where \U is needed, which makes them U+2001..U+2A6D (punctuation, arrows, symbols) and
  // U+2F81..U+2FA1.
  static constexpr Range kRanges[] = {
      {0x3400, 0x4db5}, {0x4e00, 0x9fa5}, {0x9fa6, 0x9fbb}, {0xf900, 0xfa2d}, {0xfa30, 0xfa6a},
      {0xfa70, 0xfad9}, {0x2001, 0x2a6d}, {0x2f81, 0x2fa1}, {0xff00, 0xffef}, {0x2e80, 0x2eff},
      {0x3000, 0x303f}, {0x31c0, 0x31ef}, {0x2f00, 0x2fdf}, {0x2ff0, 0x2fff}, {0x3100, 0x312f},
      {0x31a0, 0x31bf}, {0xfe10, 0xfe1f}, {0xfe30, 0xfe4f}, {0x2600, 0x26ff}, {0x2700, 0x27bf},
      {0x3200, 0x32ff}, {0x3300, 0x33ff},
  };
  if (c < 0x2001 || c > 0xffef) return false;
  for (const Range& range : kRanges) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

std::string_view LineTokenizer::PrepareLine13a(std::string_view line) {
  if (!HasAny(line, "<\n&")) return line;
  text_.assign(line);
  ReplaceEvery(text_, "<skipped>", "");
  ReplaceEvery(text_, "-\n", "");
  ReplaceEvery(text_, "\n", " ");
  ReplaceEvery(text_, "&quot;", "\"");
  ReplaceEvery(text_, "&amp;", "&");
  ReplaceEvery(text_, "&lt;", "<");
  ReplaceEvery(text_, "&gt;", ">");
  return text_;
}

void LineTokenizer::PrepareLineZh(std::string_view line) {
  line = Strip(line);
  text_.clear();
  for (size_t i = 0; i < line.size();) {
    const CodePoint point = DecodeUtf8(line, i);
    const bool alone = point.valid && IsZhCharacter(point.value);
    if (alone) text_ += ' ';
    text_.append(line, i, point.size_bytes);
    if (alone) text_ += ' ';
    i += point.size_bytes;
  }
}

// As 13a's rules for periods, for all punctuation, with numbers in place of digits and nothing
// around the line; then symbols stand alone.
void LineTokenizer::SplitIntl(std::string_view line) {
  const UnicodeKinds kinds;
  size_t start = 0;  // of the token under way
  const auto end_token = [&](size_t end) {
    if (end > start) tokens_.push_back(line.substr(start, end - start));
  };
  UnicodeKind previous = UnicodeKind::kNumber;  // so that nothing stands before the line
  bool matched =
      false;  // the previous character, by the first pattern: punctuation behind no number
  CodePoint point;
  if (!line.empty()) point = DecodeUtf8(line, 0);
  const auto other_than_letters = [](uint64_t b) { return kHighBits & ~AsciiLetters(b); };
  for (size_t i = 0; i < line.size();) {
    const UnicodeKind kind = kinds[point.value];
    if (const size_t end = SkipByEights(line, i, other_than_letters); end > i) {
      matched = false;
      previous = UnicodeKind::kLetter;
      i = end;
      if (i < line.size()) point = DecodeUtf8(line, i);
      continue;
    }
    const size_t next = i + point.size_bytes;
    const bool valid = point.valid, white = IsPythonSpace(point.value);
    if (next < line.size()) point = DecodeUtf8(line, next);
    bool alone = kind == UnicodeKind::kSymbol;
    bool behind = false;
    if (kind == UnicodeKind::kPunctuation) {
      behind = previous != UnicodeKind::kNumber && !matched;
      alone = behind || (next < line.size() && kinds[point.value] != UnicodeKind::kNumber);
    }
    if (white || alone) {
      end_token(i);
      // What is no UTF-8 is one and the same symbol.
      if (alone) tokens_.push_back(valid ? line.substr(i, next - i) : "\xef\xbf\xbd");
      start = next;
    }
    matched = behind;
    previous = kind;
    i = next;
  }
  end_token(line.size());
}

std::span<const std::string_view> LineTokenizer::Split(BleuTokenizer tokenizer,
                                                       const Segmenter* segmenter,
                                                       std::string_view line) {
  tokens_.clear();
  line = StripRight(line);
  switch (tokenizer) {
    case BleuTokenizer::kNone:
      SplitWhiteSpace(line, tokens_);
      break;
    case BleuTokenizer::k13a:
      SplitAsMteval(PrepareLine13a(line), {}, tokens_);
      break;
    case BleuTokenizer::kZh:
      PrepareLineZh(line);
      SplitAsMteval(text_, {.padded = false}, tokens_);
      break;
    case BleuTokenizer::kIntl:
      SplitIntl(line);
      break;
    case BleuTokenizer::kSegmenter:
      segmenter->Split(line, text_, tokens_);
      break;
    case BleuTokenizer::kChar:
      for (size_t i = 0; i < line.size();) {
        const CodePoint point = DecodeUtf8(line, i);
        if (!IsPythonSpace(point.value)) tokens_.push_back(line.substr(i, point.size_bytes));
        i += point.size_bytes;
      }
      break;
  }
  return tokens_;
}

}  // namespace dragoman
