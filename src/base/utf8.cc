#include "base/utf8.h"

namespace dragoman {

CodePoint internal::DecodeAnyUtf8(std::string_view text, size_t offset) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[offset + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const int size = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3
                   : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  const CodePoint invalid{U'\uFFFD', 1, false};
  if (size == 0 || offset + static_cast<size_t>(size) > text.size()) return invalid;
  char32_t value = first & (0x7f >> size);
  for (int i = 1; i < size; ++i) {
    if ((byte(static_cast<size_t>(i)) & 0xc0) != 0x80) return invalid;
    value = (value << 6) | (byte(static_cast<size_t>(i)) & 0x3f);
  }
  static constexpr char32_t kSmallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[size] || value > 0x10ffff || surrogate) return invalid;
  return {value, static_cast<uint8_t>(size), true};
}

size_t FindInvalidUtf8(std::string_view text) {
  size_t offset = 0;
  while (offset < text.size()) {
    const CodePoint point = DecodeUtf8(text, offset);
    if (!point.valid) return offset;
    offset += point.size_bytes;
  }
  return text.size();
}

void AppendUtf8(char32_t value, std::string& out) {
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += static_cast<char>(0xc0 | (value >> 6));
    out += static_cast<char>(0x80 | (value & 0x3f));
  } else if (value < 0x10000) {
    out += static_cast<char>(0xe0 | (value >> 12));
    out += static_cast<char>(0x80 | ((value >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (value & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (value >> 18));
    out += static_cast<char>(0x80 | ((value >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((value >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (value & 0x3f));
  }
}

std::u32string ToUtf32(std::string_view text) {
  std::u32string points;
  for (size_t offset = 0; offset < text.size();) {
    const CodePoint point = DecodeUtf8(text, offset);
    points += point.value;
    offset += point.size_bytes;
  }
  return points;
}

std::string ToUtf8(std::u32string_view text) {
  std::string out;
  for (char32_t value : text) AppendUtf8(value, out);
  return out;
}

}  // namespace dragoman
