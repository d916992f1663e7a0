// The tokenizers as passes over bytes. All patterns of the original concern ASCII characters and
// "anything that is no digit", so that working on UTF-8 bytes gives the same tokens as working on
// code points.
#include "evaluate/metrics/bleu_tokenizer.h"

#include <array>
#include <cstdint>

#include "base/utf8.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsPeriodOrComma(char c) { return c == '.' || c == ','; }

// ASCII punctuation that always stands alone: all but ' , - .
constexpr std::array<bool, 256> MakeStandsAlone() {
  std::array<bool, 256> table{};
  for (int c = 0x21; c < 0x7f; ++c) {
    const bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    table[static_cast<size_t>(c)] = !word && c != '\'' && c != ',' && c != '-' && c != '.';
  }
  return table;
}
constexpr std::array<bool, 256> kStandsAlone = MakeStandsAlone();

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  out.reserve(text.size());
  size_t start = 0;
  for (; at != std::string::npos; at = text.find(from, start)) {
    out.append(text, start, at - start);
    out.append(to);
    start = at + from.size();
  }
  out.append(text, start);
  text.swap(out);
}

void PadPunctuation(std::string_view in, std::string& out) {
  for (const char c : in) {
    if (kStandsAlone[static_cast<unsigned char>(c)]) {
      out += ' ';
      out += c;
      out += ' ';
    } else {
      out += c;
    }
  }
}

// "x." -> "x . " unless x is a digit.
void SplitPeriodAfterNonDigit(std::string_view in, std::string& out) {
  for (size_t i = 0; i < in.size(); ++i) {
    out += in[i];
    if (i + 1 < in.size() && !IsDigit(in[i]) && IsPeriodOrComma(in[i + 1])) {
      out += ' ';
      out += in[++i];
      out += ' ';
    }
  }
}

// ".x" -> " . x" unless x is a digit. What was matched is not looked at again, as with a regular
// expression.
void SplitPeriodBeforeNonDigit(std::string_view in, std::string& out) {
  for (size_t i = 0; i < in.size(); ++i) {
    if (i + 1 < in.size() && IsPeriodOrComma(in[i]) && !IsDigit(in[i + 1])) {
      out += ' ';
      out += in[i++];
      out += ' ';
    }
    out += in[i];
  }
}

void SplitDashAfterDigit(std::string_view in, std::string& out) {
  for (size_t i = 0; i < in.size(); ++i) {
    out += in[i];
    if (i + 1 < in.size() && IsDigit(in[i]) && in[i + 1] == '-') {
      out += " - ";
      ++i;
    }
  }
}

}  // namespace

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
  ReplaceAll(text_, "<skipped>", "");
  ReplaceAll(text_, "-\n", "");
  ReplaceAll(text_, "\n", " ");
  ReplaceAll(text_, "&quot;", "\"");
  ReplaceAll(text_, "&amp;", "&");
  ReplaceAll(text_, "&lt;", "<");
  ReplaceAll(text_, "&gt;", ">");
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

void LineTokenizer::SeparatePunctuation() {
  using Pass = void (*)(std::string_view, std::string&);
  for (const Pass pass :
       {PadPunctuation, SplitPeriodAfterNonDigit, SplitPeriodBeforeNonDigit, SplitDashAfterDigit}) {
    scratch_.clear();
    pass(text_, scratch_);
    text_.swap(scratch_);
  }
  SplitWhiteSpace(text_, tokens_);
}

std::span<const std::string_view> LineTokenizer::Split(BleuTokenizer tokenizer,
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
