// What EncodeGroup of int8_product-inl.h does with the 32 activations of a group, in plain C++.
// Included by the instruction sets whose lanes bring nothing of their own.

// The largest magnitude's bits, compared as integers, which puts NaN above infinity.
DRAGOMAN_ALWAYS_INLINE uint32_t HighestMagnitude(const float* x) {
  uint32_t bits[kInt8GroupElems];
  std::memcpy(bits, x, sizeof(bits));
  uint32_t highest = 0;
  for (const uint32_t value : bits) highest = std::max(highest, value & 0x7fffffffu);
  return highest;
}

// x * inverse rounded to codes; the sums of the first 16 of them and of the others.
DRAGOMAN_ALWAYS_INLINE void RoundGroup(const float* x, float inverse, int8_t* codes,
                                       int32_t (&half_sums)[2]) {
  half_sums[0] = half_sums[1] = 0;
  for (int64_t i = 0; i < kInt8GroupElems; ++i) {
    const float shifted = x[i] * inverse + kRoundToEven;
    uint32_t code;
    std::memcpy(&code, &shifted, sizeof(code));
    codes[i] = static_cast<int8_t>(code & 0xffu);
  }
  for (int64_t i = 0; i < kInt8GroupElems; ++i) half_sums[i / 16] += codes[i];
}
