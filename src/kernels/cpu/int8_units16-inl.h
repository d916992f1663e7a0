// DotUnit of int8_rows-inl.h in vectors of 16 codes. The file that includes it has given, beside
// its lanes, AddDot (sums of products added to the lanes of a vector, in any order) and SumEach
// (the sums of four vectors' lanes).

// Where a unit's dot product at `position` belongs: in the order of the columns.
template <size_t kSubs>
constexpr size_t SubAt(size_t position) {
  return position;
}

// A unit's dot products with one token. dots [1][sub-blocks].
template <class Codes, size_t kSubs>
DRAGOMAN_ALWAYS_INLINE void DotUnit(const Bytes (&codes)[kRowsAtOnce][kUnitVectors],
                                    const int8_t* x, size_t vectors, int32_t (*dots)[kSubs]) {
  constexpr size_t kVectors = kUnitVectors / kSubs;
  DRAGOMAN_UNROLL
  for (size_t sub = 0; sub < kSubs; sub += 4) {
    Ints sums[4];
    DRAGOMAN_UNROLL
    for (size_t i = 0; i < 4; ++i) {
      sums[i] = ZeroInts();
      DRAGOMAN_UNROLL
      for (size_t v = (sub + i) * kVectors; v < (sub + i + 1) * kVectors; ++v) {
        if (v < vectors) sums[i] = AddDot(sums[i], codes[0][v], LoadBytes(x + v * kVectorElems));
      }
    }
    StoreInts(SumEach(sums[0], sums[1], sums[2], sums[3]), dots[0] + sub);
  }
}
