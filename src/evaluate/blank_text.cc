#include "evaluate/blank_text.h"

#include "base/utf8.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

bool HasNoShape(char32_t c) {
  return c == 0 || c == 0xad || c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 ||
         (c >= 0x180b && c <= 0x180f) || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x2800 ||
         c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || c == 0xffa0;
}

}  // namespace

bool IsBlankText(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (!c.valid || !(IsPythonSpace(c.value) || HasNoShape(c.value))) return false;
    at += c.size_bytes;
  }
  return true;
}

}  // namespace dragoman
