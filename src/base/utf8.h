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
inline CodePoint DecodeUtf8(std::string_view text, size_t offset);
// Offset of the first invalid byte, or text.size().
size_t FindInvalidUtf8(std::string_view text);
inline bool IsValidUtf8(std::string_view text) { return FindInvalidUtf8(text) == text.size(); }
void AppendUtf8(char32_t value, std::string& out);
// Every code point; invalid bytes become U+FFFD.
std::u32string ToUtf32(std::string_view text);
std::string ToUtf8(std::u32string_view text);

namespace internal {
CodePoint DecodeAnyUtf8(std::string_view text, size_t offset);
}  // namespace internal

// What most texts consist of without a call: one byte, two, or three below the surrogates.
inline CodePoint DecodeUtf8(std::string_view text, size_t offset) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[offset + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const auto bits = [&](size_t i) { return static_cast<char32_t>(byte(i) & 0x3f); };
  if (first >= 0xc2 && first < 0xe0 && offset + 1 < text.size() && continues(1))
    return {(static_cast<char32_t>(first & 0x1f) << 6) | bits(1), 2, true};
  if (first > 0xe0 && first < 0xed && offset + 2 < text.size() && continues(1) && continues(2))
    return {(static_cast<char32_t>(first & 0x0f) << 12) | (bits(1) << 6) | bits(2), 3, true};
  return internal::DecodeAnyUtf8(text, offset);
}

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_UTF8_H_
