// Plain element types (F32, F16, BF16, F64): one weight per block, little endian.
#ifndef DRAGOMAN_BLOCKS_PLAIN_FLOATS_H_
#define DRAGOMAN_BLOCKS_PLAIN_FLOATS_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

// Each decodes `elems` weights of any alignment. F64 rounds to the nearest float32; the others are
// exact.
void DecodeF32(const std::byte* blocks, int64_t elems, float* out);
void DecodeF16(const std::byte* blocks, int64_t elems, float* out);
void DecodeBF16(const std::byte* blocks, int64_t elems, float* out);
void DecodeF64(const std::byte* blocks, int64_t elems, float* out);

}  // namespace dragoman

#endif  // DRAGOMAN_BLOCKS_PLAIN_FLOATS_H_
