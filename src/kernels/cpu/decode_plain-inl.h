// Loading and decoding plain weights (float32, fp16, bfloat16), and small conversions for the block
// decoders.
#if defined(DRAGOMAN_KERNELS_CPU_DECODE_PLAIN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_DECODE_PLAIN_INL_H_
#undef DRAGOMAN_KERNELS_CPU_DECODE_PLAIN_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_DECODE_PLAIN_INL_H_
#endif

#include "base/float16.h"
#include "kernels/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

HWY_INLINE FloatVec FloatsOf(hn::Vec<Uint8Tag> codes) {
  return hn::ConvertTo(kFloats, hn::PromoteTo(Int32Tag(), codes));
}

HWY_INLINE FloatVec FloatsOf(hn::Vec<Int8Tag> codes) {
  return hn::ConvertTo(kFloats, hn::PromoteTo(Int32Tag(), codes));
}

HWY_INLINE FloatVec LoadBf16(const uint8_t* from) {
  const auto bits = hn::LoadU(Uint16Tag(), reinterpret_cast<const uint16_t*>(from));
  return hn::BitCast(kFloats, hn::ShiftLeft<16>(hn::PromoteTo(Uint32Tag(), bits)));
}

HWY_INLINE FloatVec LoadF16(const uint8_t* from) {
  const hn::Rebind<hwy::float16_t, FloatTag> halves;
  const auto bits = hn::LoadU(Uint16Tag(), reinterpret_cast<const uint16_t*>(from));
  return hn::PromoteTo(kFloats, hn::BitCast(halves, bits));
}

HWY_INLINE FloatVec LoadF32(const uint8_t* from) {
  return hn::LoadU(kFloats, reinterpret_cast<const float*>(from));
}

HWY_INLINE uint16_t Uint16At(const uint8_t* from) {
  uint16_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return bits;
}

// One weight of a plain type, for the ends of rows.
HWY_INLINE float Bf16At(const uint8_t* from) { return Bf16ToFloat(Uint16At(from)); }
HWY_INLINE float F16At(const uint8_t* from) { return Fp16ToFloat(Uint16At(from)); }
HWY_INLINE float F32At(const uint8_t* from) {
  float value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// One fp16 in every lane; with the machine's own conversion where it has one.
HWY_INLINE FloatVec BroadcastF16(const uint8_t* from) {
  const hn::Rebind<hwy::float16_t, FloatTag> halves;
  return hn::PromoteTo(kFloats, hn::BitCast(halves, hn::Set(Uint16Tag(), Uint16At(from))));
}

HWY_INLINE float FactorAt(const uint8_t* from) { return hn::GetLane(BroadcastF16(from)); }

void DecodeBf16(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  size_t i = 0;
  for (; i + kLanes <= elems; i += kLanes) hn::StoreU(LoadBf16(from + 2 * i), kFloats, out + i);
  for (; i < elems; ++i) out[i] = Bf16At(from + 2 * i);
}

void DecodeF16(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  size_t i = 0;
  for (; i + kLanes <= elems; i += kLanes) hn::StoreU(LoadF16(from + 2 * i), kFloats, out + i);
  for (; i < elems; ++i) out[i] = F16At(from + 2 * i);
}

void DecodeF32(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  std::memcpy(out, from, elems * sizeof(float));
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_DECODE_PLAIN_INL_H_
