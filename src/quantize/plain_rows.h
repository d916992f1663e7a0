// Conversions without a search: float32 to fp16, bfloat16 and Q8_0, at memory speed (Highway), each
// with a scalar twin that gives the same bits.
#ifndef DRAGOMAN_QUANTIZE_PLAIN_ROWS_H_
#define DRAGOMAN_QUANTIZE_PLAIN_ROWS_H_

#include <cstddef>
#include <cstdint>

namespace dragoman {

// Round to nearest even. False when a value of `from` is not finite or rounds to infinity: it is no
// fp16 number.
bool FloatsToFp16(const float* from, int64_t count, uint16_t* to);
bool FloatsToFp16Scalar(const float* from, int64_t count, uint16_t* to);

// Round to nearest even. False when a value of `from` is not finite or rounds to infinity.
bool FloatsToBf16(const float* from, int64_t count, uint16_t* to);
bool FloatsToBf16Scalar(const float* from, int64_t count, uint16_t* to);

// Blocks of 32: the scale is the largest magnitude / 127, codes are those nearest for the scale as
// stored. NaN counts as zero, what is too large for a block as the largest it holds. `count` is a
// multiple of 32.
void QuantizeQ8_0(const float* from, int64_t count, std::byte* to);
void QuantizeQ8_0Scalar(const float* from, int64_t count, std::byte* to);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_PLAIN_ROWS_H_
