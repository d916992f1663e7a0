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
