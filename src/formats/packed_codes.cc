#include "formats/packed_codes.h"

#include <cstring>

namespace dragoman {
namespace {

constexpr int64_t kWordBytes = 4;
constexpr int kWordBits = 32;

uint32_t LoadWord(const std::byte* words, int64_t index) {
  uint32_t word;
  std::memcpy(&word, words + index * kWordBytes, sizeof(word));
  return word;
}

void StoreWord(std::byte* words, int64_t index, uint32_t word) {
  std::memcpy(words + index * kWordBytes, &word, sizeof(word));
}

// `added` goes to every word before it is cut into codes.
void Unpack(const std::byte* words, int64_t word_stride, int64_t count, int bits, uint32_t added,
            uint8_t* codes, int64_t code_stride) {
  const uint32_t mask = (1u << bits) - 1;
  uint64_t window = 0;  // bits not yet cut, lowest first
  int held = 0;
  int64_t word = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (held < bits) {
      window |= static_cast<uint64_t>(LoadWord(words, word++ * word_stride) + added) << held;
      held += kWordBits;
    }
    codes[i * code_stride] = static_cast<uint8_t>(window & mask);
    window >>= bits;
    held -= bits;
  }
}

}  // namespace

void PackCodes(const uint8_t* codes, int64_t code_stride, int64_t count, int bits, std::byte* words,
               int64_t word_stride) {
  uint64_t window = 0;
  int held = 0;
  int64_t word = 0;
  for (int64_t i = 0; i < count; ++i) {
    window |= static_cast<uint64_t>(codes[i * code_stride]) << held;
    held += bits;
    if (held < kWordBits) continue;
    StoreWord(words, word++ * word_stride, static_cast<uint32_t>(window));
    window >>= kWordBits;
    held -= kWordBits;
  }
  if (held > 0) StoreWord(words, word * word_stride, static_cast<uint32_t>(window));
}

void UnpackCodes(const std::byte* words, int64_t word_stride, int64_t count, int bits,
                 uint8_t* codes, int64_t code_stride) {
  Unpack(words, word_stride, count, bits, 0, codes, code_stride);
}

void UnpackZerosMinusOne(const std::byte* words, int64_t word_stride, int64_t count, int bits,
                         uint8_t* codes, int64_t code_stride) {
  if (bits == 3) {
    Unpack(words, word_stride, count, bits, 0, codes, code_stride);
    for (int64_t i = 0; i < count; ++i) {
      codes[i * code_stride] = static_cast<uint8_t>((codes[i * code_stride] + 1) & 7);
    }
    return;
  }
  uint32_t ones = 0;  // a one in every code
  for (int bit = 0; bit < kWordBits; bit += bits) ones |= 1u << bit;
  Unpack(words, word_stride, count, bits, ones, codes, code_stride);
}

}  // namespace dragoman
