// Rounds a group of activations to 8 bits: the definition of int8_product.h in plain C++. Included
// by the instruction sets whose lanes bring no EncodeGroup of their own.

// x [32] -> codes, the sums of the first 16 of them and of the others; returns the scale. NaN and
// infinity give a scale that is not finite.
DRAGOMAN_ALWAYS_INLINE float EncodeGroup(const float* x, int8_t* codes, int32_t (&half_sums)[2]) {
  half_sums[0] = half_sums[1] = 0;
  // Magnitudes compared as integers, which puts NaN above infinity.
  uint32_t bits[kInt8GroupElems];
  std::memcpy(bits, x, sizeof(bits));
  uint32_t highest = 0;
  for (const uint32_t value : bits) highest = std::max(highest, value & 0x7fffffffu);
  float magnitude;
  std::memcpy(&magnitude, &highest, sizeof(magnitude));
  if (magnitude < kSmallestMagnitude) {
    std::memset(codes, 0, kInt8GroupElems);
    return 0.0f;
  }
  const float inverse = 127.0f / magnitude;
  for (int64_t i = 0; i < kInt8GroupElems; ++i) {
    const float shifted = x[i] * inverse + kRoundToEven;
    uint32_t code;
    std::memcpy(&code, &shifted, sizeof(code));
    codes[i] = static_cast<int8_t>(code & 0xffu);
  }
  for (int64_t i = 0; i < kInt8GroupElems; ++i) half_sums[i / 16] += codes[i];
  return magnitude / 127.0f;
}
