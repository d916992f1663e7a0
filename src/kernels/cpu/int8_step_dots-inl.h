// Products of 16 columns that lie as four steps of a row per lane, for int8_rows-inl.h, with an
// instruction that adds four products to their own word: AddDot.

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints DotFourSteps(const Bytes (&codes)[4], const int8_t* x) {
  Ints sums = ZeroInts();
  DRAGOMAN_UNROLL
  for (size_t step = 0; step < 4; ++step) {
    sums = AddDot(sums, codes[step], FourColumns(x + 4 * step));
  }
  return sums;
}
