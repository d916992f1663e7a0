// Vector decoders of weights to float32, equal to the scalar ones of src/blocks to the last bit.
//
// They can be, whatever the instruction set: the products of an fp16 factor, a scale and a code fit
// in float32, so that there is one rounding at most. Types without a vector form use the scalar
// one.
#if defined(DRAGOMAN_KERNELS_CPU_DECODE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
#undef DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
#endif

#include "blocks/block_type.h"
#include "kernels/cpu/decode_256-inl.h"
#include "kernels/cpu/decode_32-inl.h"
#include "kernels/cpu/decode_plain-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

// Decodes `elems` weights, a multiple of the type's block.
HWY_INLINE void DecodeWeights(BlockType type, const uint8_t* from, size_t elems, float* out) {
  switch (type) {
    case BlockType::kF32:
      return DecodeF32(from, elems, out);
    case BlockType::kF16:
      return DecodeF16(from, elems, out);
    case BlockType::kBF16:
      return DecodeBf16(from, elems, out);
    case BlockType::kQ4_0:
      return DecodeQ4_0(from, elems, out);
    case BlockType::kQ4_1:
      return DecodeQ4_1(from, elems, out);
    case BlockType::kQ5_0:
      return DecodeQ5_0(from, elems, out);
    case BlockType::kQ5_1:
      return DecodeQ5_1(from, elems, out);
    case BlockType::kQ8_0:
      return DecodeQ8_0(from, elems, out);
    case BlockType::kIQ4_NL:
      return DecodeIQ4_NL(from, elems, out);
    case BlockType::kQ2_K:
      return DecodeQ2_K(from, elems, out);
    case BlockType::kQ3_K:
      return DecodeQ3_K(from, elems, out);
    case BlockType::kQ4_K:
      return DecodeQ4_K(from, elems, out);
    case BlockType::kQ5_K:
      return DecodeQ5_K(from, elems, out);
    case BlockType::kQ6_K:
      return DecodeQ6_K(from, elems, out);
    case BlockType::kIQ4_XS:
      return DecodeIQ4_XS(from, elems, out);
    default:
      break;
  }
  TraitsOf(type).decode(reinterpret_cast<const std::byte*>(from), static_cast<int64_t>(elems), out);
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
