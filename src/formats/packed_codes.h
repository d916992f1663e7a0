// Unsigned codes of 2, 3, 4 or 8 bits in 32-bit little-endian words, as GPTQ and compressed-tensors
// checkpoints hold them.
//
// Code j of a run takes bits [j * bits, (j + 1) * bits) of the run's words, lowest first. With 3
// bits, 32 codes fill 3 words and two of them straddle a border: the "continuous" layout of
// AutoGPTQ (docs/formats/grouped.md).
#ifndef DRAGOMAN_FORMATS_PACKED_CODES_H_
#define DRAGOMAN_FORMATS_PACKED_CODES_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

inline bool IsPackedWidth(int64_t bits) { return bits == 2 || bits == 3 || bits == 4 || bits == 8; }
// Words that hold `count` codes; the last one padded with zeros.
inline int64_t PackedWords(int64_t count, int bits) { return (count * bits + 31) / 32; }

// Both walk a run whose neighbours lie `code_stride` codes and `word_stride` words apart, so that
// either axis of a matrix can be the packed one. Words need no alignment.
void PackCodes(const uint8_t* codes, int64_t code_stride, int64_t count, int bits, std::byte* words,
               int64_t word_stride);
void UnpackCodes(const std::byte* words, int64_t word_stride, int64_t count, int bits,
                 uint8_t* codes, int64_t code_stride);

// Zero points of checkpoint_format "gptq" are stored minus one. GPTQModel undoes it on the whole
// word for 2, 4 and 8 bits, so that a stored zero of -1 borrows from its neighbour; on each code,
// modulo 8, for 3 bits. This unpacks as that does.
void UnpackZerosMinusOne(const std::byte* words, int64_t word_stride, int64_t count, int bits,
                         uint8_t* codes, int64_t code_stride);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_PACKED_CODES_H_
