// White space as Python's str.split() and str.strip() see it, which is what sacreBLEU's results
// rest on.
#ifndef DRAGOMAN_EVALUATE_METRICS_WHITE_SPACE_H_
#define DRAGOMAN_EVALUATE_METRICS_WHITE_SPACE_H_

#include <string_view>
#include <vector>

#include "base/utf8.h"

namespace dragoman {

// Bidirectional class WS, B or S, or category Zs. Not U+200B, U+FEFF or U+180E.
constexpr bool IsPythonSpace(char32_t c) {
  if (c <= 0x20) return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
  if (c < 0x85) return false;
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

// Bytes of the white space at `offset`, 0 when it is none.
size_t WhiteSpaceBytes(std::string_view text, size_t offset);
// Appends the stretches of `text` between white space; the views point into it.
void SplitWhiteSpace(std::string_view text, std::vector<std::string_view>& out);
std::string_view StripRight(std::string_view text);
std::string_view Strip(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_WHITE_SPACE_H_
