// Splitting and stripping at Python's white space.
#include "evaluate/metrics/white_space.h"

#include <array>
#include <cstdint>

#include "evaluate/metrics/eight_bytes.h"

namespace dragoman {
namespace {

enum ByteKind : uint8_t { kOrdinary, kSpace, kMayBegin };  // kMayBegin: a longer white space

constexpr std::array<uint8_t, 256> MakeByteKinds() {
  std::array<uint8_t, 256> kinds{};
  for (char32_t c = 0; c < 0x80; ++c) kinds[c] = IsPythonSpace(c) ? kSpace : kOrdinary;
  for (const uint8_t lead : {0xc2, 0xe1, 0xe2, 0xe3}) kinds[lead] = kMayBegin;
  return kinds;
}
constexpr std::array<uint8_t, 256> kByteKinds = MakeByteKinds();

uint64_t MayBeWhiteSpace(uint64_t bytes) {
  return (LowBitsWithin(bytes, 0, 0x20) & ~bytes & kHighBits) | MayBeginWhiteSpace(bytes);
}

}  // namespace

size_t WhiteSpaceBytes(std::string_view text, size_t offset) {
  const uint8_t kind = kByteKinds[static_cast<unsigned char>(text[offset])];
  if (kind != kMayBegin) return kind;
  const auto byte = [text, offset](size_t i) {
    return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i]) : 0u;
  };
  switch (byte(0)) {
    case 0xc2:  // U+0085, U+00A0
      return byte(1) == 0x85 || byte(1) == 0xa0 ? 2 : 0;
    case 0xe1:  // U+1680
      return byte(1) == 0x9a && byte(2) == 0x80 ? 3 : 0;
    case 0xe2:  // U+2000..U+200A, U+2028, U+2029, U+202F, U+205F
      if (byte(1) == 0x81) return byte(2) == 0x9f ? 3 : 0;
      if (byte(1) != 0x80) return 0;
      return (byte(2) >= 0x80 && byte(2) <= 0x8a) || byte(2) == 0xa8 || byte(2) == 0xa9 ||
                     byte(2) == 0xaf
                 ? 3
                 : 0;
    default:  // U+3000
      return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;
  }
}

void SplitWhiteSpace(std::string_view text, std::vector<std::string_view>& out) {
  size_t start = 0;
  size_t i = 0;
  while ((i = SkipByEights(text, i, MayBeWhiteSpace)) < text.size()) {
    // A byte inside a character is never mistaken for white space: its lead byte is needed.
    if (kByteKinds[static_cast<unsigned char>(text[i])] == kOrdinary) {
      ++i;
      continue;
    }
    const size_t space = WhiteSpaceBytes(text, i);
    if (space == 0) {
      ++i;
      continue;
    }
    if (i > start) out.push_back(text.substr(start, i - start));
    i += space;
    start = i;
  }
  if (text.size() > start) out.push_back(text.substr(start));
}

std::string_view StripRight(std::string_view text) {
  while (!text.empty()) {
    size_t last = text.size() - 1;  // where the last character begins
    while (last > 0 && text.size() - last < 4 &&
           (static_cast<unsigned char>(text[last]) & 0xc0) == 0x80)
      --last;
    const size_t space = WhiteSpaceBytes(text, last);
    if (space == 0 || last + space != text.size()) break;
    text.remove_suffix(space);
  }
  return text;
}

std::string_view Strip(std::string_view text) {
  text = StripRight(text);
  while (!text.empty()) {
    const size_t space = WhiteSpaceBytes(text, 0);
    if (space == 0) break;
    text.remove_prefix(space);
  }
  return text;
}

}  // namespace dragoman
