// The 6-bit numbers that Q3_K, Q4_K and Q5_K pack into 12 bytes.
#ifndef DRAGOMAN_BLOCKS_K_SCALES_H_
#define DRAGOMAN_BLOCKS_K_SCALES_H_

#include <cstdint>

namespace dragoman {

struct ScaleMin {
  uint8_t scale;  // 0..63
  uint8_t min;    // 0..63
};

// Scale and minimum of sub-block j (0..7) of Q4_K and Q5_K. Bytes 0..3 and 4..7 hold scales and
// minima 0..3 in their low six bits; bytes 8..11 the low nibbles of both for 4..7, whose high two
// bits sit on top of bytes 0..7.
inline ScaleMin UnpackScaleMin(const uint8_t* packed, int j) {
  if (j < 4) {
    return {static_cast<uint8_t>(packed[j] & 63), static_cast<uint8_t>(packed[j + 4] & 63)};
  }
  return {static_cast<uint8_t>((packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4),
          static_cast<uint8_t>((packed[j + 4] >> 4) | (packed[j] >> 6) << 4)};
}

// Scale k (0..15) of Q3_K, 0..63, from which 32 is subtracted. Bytes 0..7 hold the low nibbles
// (0..7 low, 8..15 high); bytes 8..11 the high two bits, pair k / 4 of byte 8 + k % 4.
inline int UnpackQ3Scale(const uint8_t* packed, int k) {
  const int low = k < 8 ? packed[k] & 15 : packed[k - 8] >> 4;
  return low | ((packed[8 + k % 4] >> (2 * (k / 4))) & 3) << 4;
}

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_K_SCALES_H_
