// The tokenizers as passes over a line.
#include "evaluate/metrics/bleu_tokenizer.h"

#include "base/utf8.h"
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

void LineTokenizer::PrepareLine13a(std::string_view line) {
  text_.assign(1, ' ');
  text_.append(line);
  text_.push_back(' ');
  if (line.find_first_of("<\n&") == std::string_view::npos) return;
  ReplaceEvery(text_, "<skipped>", "");
  ReplaceEvery(text_, "-\n", "");
  ReplaceEvery(text_, "\n", " ");
  ReplaceEvery(text_, "&quot;", "\"");
  ReplaceEvery(text_, "&amp;", "&");
  ReplaceEvery(text_, "&lt;", "<");
  ReplaceEvery(text_, "&gt;", ">");
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

void LineTokenizer::PrepareLineIntl(std::string_view line) {
  points_ = ToUtf32(line);
  // As with the regular expressions, what a pass has matched it does not look at again.
  points_scratch_.clear();
  for (size_t i = 0; i < points_.size(); ++i) {  // "x!" -> "x ! " unless x is a number
    points_scratch_ += points_[i];
    if (i + 1 < points_.size() && IsUnicodePunctuation(points_[i + 1]) &&
        !IsUnicodeNumber(points_[i])) {
      points_scratch_ += {U' ', points_[++i], U' '};
    }
  }
  points_.clear();
  for (size_t i = 0; i < points_scratch_.size(); ++i) {  // "!x" -> " ! x" unless x is a number
    if (i + 1 < points_scratch_.size() && IsUnicodePunctuation(points_scratch_[i]) &&
        !IsUnicodeNumber(points_scratch_[i + 1])) {
      points_ += {U' ', points_scratch_[i++], U' '};
    }
    points_ += points_scratch_[i];
  }
  text_.clear();
  for (const char32_t point : points_) {
    const bool alone = IsUnicodeSymbol(point);
    if (alone) text_ += ' ';
    AppendUtf8(point, text_);
    if (alone) text_ += ' ';
  }
}

void LineTokenizer::SeparatePunctuation() {
  PadPunctuation(text_, scratch_);
  const bool periods = scratch_.find_first_of(".,") != std::string::npos;
  if (periods) {
    SplitPeriodAfterNonDigit(scratch_, text_);
    SplitPeriodBeforeNonDigit(text_, scratch_);
  }
  const bool dashes = scratch_.find('-') != std::string::npos;
  if (dashes) SplitDashAfterDigit(scratch_, text_);
  SplitWhiteSpace(dashes ? text_ : scratch_, tokens_);
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
      PrepareLine13a(line);
      SeparatePunctuation();
      break;
    case BleuTokenizer::kZh:
      PrepareLineZh(line);
      SeparatePunctuation();
      break;
    case BleuTokenizer::kIntl:
      PrepareLineIntl(line);
      SplitWhiteSpace(text_, tokens_);
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
