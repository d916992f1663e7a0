// Dot products of int8_rows-inl.h with an instruction that sums four products in 32 bits. The
// file that includes this has given AddDot, sums of four products added to each word.

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints DotColumns(const Bytes* codes, const int8_t* x) {
  const Ints first = AddDot(ZeroInts(), codes[0], SixteenColumns(x));
  return AddDot(first, codes[1], SixteenColumns(x + 16));
}

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints SumPairs(Ints a, Ints b) {
  return AddInterleaved32(a, b);
}

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints SumTile(Ints a, Ints b) {
  return AddInterleaved64(a, b);
}

// Types without minima start from the offset of their codes times the activations' sum.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE uint32_t CorrectionOf(const int8_t*, int32_t sum) {
  return static_cast<uint32_t>(-Codes::kOffset * sum);
}

template <class Codes>
DRAGOMAN_ALWAYS_INLINE void PutRowFactors(const uint8_t* block, size_t stride,
                                          const TileBlock& to) {
  Codes::Factors(block, stride, to);
}

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Floats ScaleDots(Ints dots, const uint32_t* correction, const float* scale,
                                        const float*) {
  if constexpr (!Codes::kHasMin) dots = AddInts(dots, SetInts(correction));
  return Mul(IntsToFloats(dots), LoadFloats(scale));
}
