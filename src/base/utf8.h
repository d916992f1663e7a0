// UTF-8: validation, decoding and encoding of code points.
#ifndef DRAGOMAN_BASE_UTF8_H_
#define DRAGOMAN_BASE_UTF8_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace dragoman {

struct CodePoint {
  char32_t value = 0;     // U+FFFD for an invalid byte
  uint8_t size_bytes = 0; // 1..4; 1 for an invalid byte
  bool valid = false;
};

// The code point at `offset` (< text.size()). Overlong forms, surrogates and values above U+10FFFF are invalid.
CodePoint DecodeUtf8(std::string_view text, size_t offset);
// Offset of the first invalid byte, or text.size().
size_t FindInvalidUtf8(std::string_view text);
inline bool IsValidUtf8(std::string_view text) { return FindInvalidUtf8(text) == text.size(); }
void AppendUtf8(char32_t value, std::string& out);
// Every code point; invalid bytes become U+FFFD.
std::u32string ToUtf32(std::string_view text);
std::string ToUtf8(std::u32string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_UTF8_H_
