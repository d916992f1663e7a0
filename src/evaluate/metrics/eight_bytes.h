// Questions to eight bytes of text at once, each answered in the byte's high bit. Internal to the
// metrics.
#ifndef DRAGOMAN_EVALUATE_METRICS_EIGHT_BYTES_H_
#define DRAGOMAN_EVALUATE_METRICS_EIGHT_BYTES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace dragoman {

constexpr uint64_t EightTimes(uint8_t byte) { return 0x0101010101010101ull * byte; }
inline constexpr uint64_t kHighBits = EightTimes(0x80);

inline uint64_t LoadEightBytes(std::string_view text, size_t i) {
  uint64_t bytes;
  std::memcpy(&bytes, text.data() + i, sizeof bytes);
  return bytes;
}

// Where the lower seven bits lie in first..last: adding to them carries into the high bit from a
// bound on. Bits other than the high ones mean nothing.
constexpr uint64_t LowBitsWithin(uint64_t bytes, uint8_t first, uint8_t last) {
  const uint64_t low = bytes & ~kHighBits;
  return (low + EightTimes(static_cast<uint8_t>(0x80 - first))) &
         ~(low + EightTimes(static_cast<uint8_t>(0x7f - last)));
}

constexpr uint64_t AsciiLetters(uint64_t bytes) {
  return LowBitsWithin(bytes | EightTimes(0x20), 'a', 'z') & ~bytes & kHighBits;
}
constexpr uint64_t AsciiDigits(uint64_t bytes) {
  return LowBitsWithin(bytes, '0', '9') & ~bytes & kHighBits;
}
// The lead bytes of the white space beyond ASCII: c2, e1, e2, e3.
constexpr uint64_t MayBeginWhiteSpace(uint64_t bytes) {
  return (LowBitsWithin(bytes, 0x42, 0x42) | LowBitsWithin(bytes, 0x61, 0x63)) & bytes & kHighBits;
}

// The place in memory of the first answer; `answers` is not 0.
inline size_t FirstOfEight(uint64_t answers) {
  const int zeros = std::endian::native == std::endian::little ? std::countr_zero(answers)
                                                               : std::countl_zero(answers);
  return static_cast<size_t>(zeros) / 8;
}

// The first place from `i` on that `stops` names; the last few bytes are not asked for: then the
// place where they begin.
template <typename Stops>
size_t SkipByEights(std::string_view text, size_t i, const Stops& stops) {
  for (; i + 8 <= text.size(); i += 8) {
    const uint64_t answers = stops(LoadEightBytes(text, i));
    if (answers != 0) return i + FirstOfEight(answers);
  }
  return i;
}

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_EIGHT_BYTES_H_
