#include "ship/sentence_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/utf8.h"
#include "ship/html.h"

namespace dragoman {
namespace {

constexpr size_t kMostCells = 4'000'000;  // of the table: bounds time and memory

bool IsSpaceByte(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// A space, a character of a script without spaces (Han and kana, Thai), or a run of anything else.
std::vector<std::string_view> Tokens(std::string_view text) {
  std::vector<std::string_view> tokens;
  size_t begin = 0;
  const auto close = [&](size_t end) {
    if (end > begin) tokens.push_back(text.substr(begin, end - begin));
    begin = end;
  };
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = DecodeUtf8(text, at);
    const bool alone = (point.value >= 0x0e00 && point.value < 0x0f00) ||
                       (point.value >= 0x2e80 && point.value < 0xac00) || point.value >= 0x20000 ||
                       IsSpaceByte(text[at]);
    if (alone) close(at);
    at += point.size_bytes;
    if (alone) close(at);
  }
  close(text.size());
  return tokens;
}

// kept[i]: token i of `a` belongs to the longest common subsequence; the same for `b`.
void FindCommon(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b,
                std::vector<bool>& kept_a, std::vector<bool>& kept_b) {
  const size_t width = b.size() + 1;
  std::vector<uint32_t> longest((a.size() + 1) * width, 0);
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      longest[i * width + j] =
          a[i] == b[j] ? longest[(i + 1) * width + j + 1] + 1
                       : std::max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      kept_a[i++] = kept_b[j++] = true;
    } else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
      ++i;
    } else {
      ++j;
    }
  }
}

std::string Marked(const std::vector<std::string_view>& tokens, const std::vector<bool>& kept) {
  std::string html;
  for (size_t i = 0; i < tokens.size();) {
    size_t end = i;
    std::string run;
    // A space between two changed words belongs to the change.
    while (end < tokens.size() && (!kept[end] || (end > i && IsSpaceByte(tokens[end][0]) &&
                                                  end + 1 < tokens.size() && !kept[end + 1]))) {
      run.append(tokens[end++]);
    }
    if (end > i) {
      // A space at the end of a change would be a mark on nothing.
      const bool spaced = run.size() > 1 && IsSpaceByte(run.back());
      if (spaced) run.pop_back();
      html += "<mark>" + EscapeHtml(run) + (spaced ? "</mark> " : "</mark>");
      i = end;
    } else {
      html += EscapeHtml(tokens[i++]);
    }
  }
  return html;
}

}  // namespace

MarkedTexts MarkDifferences(std::string_view before, std::string_view after) {
  const std::vector<std::string_view> a = Tokens(before), b = Tokens(after);
  if ((a.size() + 1) * (b.size() + 1) > kMostCells) return {EscapeHtml(before), EscapeHtml(after)};
  std::vector<bool> kept_a(a.size()), kept_b(b.size());
  FindCommon(a, b, kept_a, kept_b);
  return {Marked(a, kept_a), Marked(b, kept_b)};
}

}  // namespace dragoman
