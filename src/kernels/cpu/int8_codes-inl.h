// Unpacks weight blocks of a tile of rows into what the integer product multiplies with. Included
// by each instruction set's file after its lanes; see int8_product-inl.h.
//
// A tile has a row per 32-bit lane: 16, 8 or 4. Columns() reads 16 bytes of each row and gives four
// vectors of one word per row. Codes are stored as [column / 4][rows][4 columns], one byte each.

constexpr size_t kTileRows = sizeof(Bytes) / 4;
// The rows' codes of one step of four columns take this many bytes.
constexpr size_t kStepBytes = sizeof(Bytes);
// Columns that the product by rows takes at once.
constexpr size_t kUnitElems = 256;

// 16 bytes of each of a tile's rows -> four vectors of one word per row.
DRAGOMAN_ALWAYS_INLINE void Columns(const uint8_t* from, size_t stride, Bytes (&out)[4]) {
  TransposeWords({LoadRows(from, stride), LoadRows(from + stride, stride),
                  LoadRows(from + 2 * stride, stride), LoadRows(from + 3 * stride, stride)},
                 out);
}

// Where a block's parts go: `codes` as above, scales and minima [sub-block][rows].
struct TileBlock {
  uint8_t* codes;
  float* scales;
  float* minima;

  void PutCodes(size_t step, Bytes v) const { StoreBytes(v, codes + step * kStepBytes); }
  // Low nibbles of step `low`, high ones of step `high`; packed, the `index`th such pair.
  void PutNibbles(size_t index, size_t low, size_t high, Bytes v) const {
    if constexpr (kPackedNibbles) return StoreBytes(v, codes + index * kStepBytes);
    PutCodes(low, And(v, SetByte(0x0f)));
    PutCodes(high, And(ShiftRight<4>(v), SetByte(0x0f)));
  }
  void PutScale(size_t sub, Floats v) const { StoreFloats(v, scales + sub * kTileRows); }
  void PutMinimum(size_t sub, Floats v) const { StoreFloats(v, minima + sub * kTileRows); }
};

// Four unsigned bytes per row, times `even` and `odd` by turns.
DRAGOMAN_ALWAYS_INLINE void PutScales4(const TileBlock& to, size_t first_sub, Bytes four,
                                       Floats even, Floats odd) {
  to.PutScale(first_sub, Mul(ByteToFloats<0>(four), even));
  to.PutScale(first_sub + 1, Mul(ByteToFloats<1>(four), odd));
  to.PutScale(first_sub + 2, Mul(ByteToFloats<2>(four), even));
  to.PutScale(first_sub + 3, Mul(ByteToFloats<3>(four), odd));
}

DRAGOMAN_ALWAYS_INLINE void PutMinima4(const TileBlock& to, size_t first_sub, Bytes four,
                                       Floats factor) {
  to.PutMinimum(first_sub, Mul(ByteToFloats<0>(four), factor));
  to.PutMinimum(first_sub + 1, Mul(ByteToFloats<1>(four), factor));
  to.PutMinimum(first_sub + 2, Mul(ByteToFloats<2>(four), factor));
  to.PutMinimum(first_sub + 3, Mul(ByteToFloats<3>(four), factor));
}

DRAGOMAN_ALWAYS_INLINE void PutSignedScales4(const TileBlock& to, size_t first_sub, Bytes four,
                                             Floats factor) {
  to.PutScale(first_sub, Mul(SignedByteToFloats<0>(four), factor));
  to.PutScale(first_sub + 1, Mul(SignedByteToFloats<1>(four), factor));
  to.PutScale(first_sub + 2, Mul(SignedByteToFloats<2>(four), factor));
  to.PutScale(first_sub + 3, Mul(SignedByteToFloats<3>(four), factor));
}

// How a type's panel lies, where codes of four bits stay packed: half the stores, which are what
// unpacking waits for.
enum class PanelNibbles { kNone, kPairsOfSubs, kWithinSubs };

// What all types say of themselves: block, columns per scale, whether there are minima, the bits of
// a code, and how codes lie above the values: value = (code - kOffset) * scale, unless the
// instruction set wants codes of 8 bits signed, when kSigned types are stored so.
template <class BlockT, int kSubElemsV, bool kHasMinV, int kBitsV, int kOffsetV,
          bool kEightBitV = false>
struct CodeTraits {
  using Block = BlockT;
  static constexpr size_t kElems = BlockT::kElems;
  static constexpr size_t kSubElems = kSubElemsV;
  static constexpr bool kHasMin = kHasMinV;
  static constexpr bool kSigned = kEightBitV && kSignedEightBits;
  static constexpr int kBits = kBitsV;
  static constexpr int kOffset = kSigned ? 0 : kOffsetV;
  static constexpr PanelNibbles kPanelNibbles = PanelNibbles::kNone;
};

// The factors of Q4_K and Q5_K: d, dmin and the packed scales lie in the first 16 bytes. The layout
// is that of UnpackScaleMin in blocks/k_scales.h. kHighInPlace: the codes of odd sub-blocks are
// multiplied as high nibbles in their place, so their scales are a sixteenth; the products are the
// same bit for bit, since nothing of this is rounded.
template <bool kHighInPlace = false>
DRAGOMAN_ALWAYS_INLINE void PutKFactors(const TileBlock& to, const Bytes (&head)[4]) {
  const Bytes six = SetByte(0x3f), four = SetByte(0x0f), two = SetByte(0x03);
  const Floats d = LowHalfToFloats(head[0]), dmin = HighHalfToFloats(head[0]);
  const Bytes high_scales = ShiftLeft<4>(And(ShiftRight<6>(head[1]), two));
  const Bytes high_minima = ShiftLeft<4>(And(ShiftRight<6>(head[2]), two));
  constexpr float kSixteenth = 1.0f / 16;
  const Floats odd = kHighInPlace ? Mul(d, SetFloats(&kSixteenth)) : d;
  PutScales4(to, 0, And(head[1], six), d, odd);
  PutScales4(to, 4, Or(And(head[3], four), high_scales), d, odd);
  PutMinima4(to, 0, And(head[2], six), dmin);
  PutMinima4(to, 4, Or(And(ShiftRight<4>(head[3]), four), high_minima), dmin);
}

struct Q4KCodes : CodeTraits<BlockQ4_K, 32, true, 4, 0> {
  static constexpr PanelNibbles kPanelNibbles = PanelNibbles::kPairsOfSubs;

  template <bool kHighInPlace = false>
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    Bytes head[4];
    Columns(block, stride, head);
    PutKFactors<kHighInPlace>(to, head);
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    for (size_t i = 0; i < 8; ++i) {  // 16 bytes of codes: half of a chunk of 64 weights
      Bytes q[4];
      Columns(block + offsetof(Block, qs) + 16 * i, stride, q);
      const size_t step = i / 2 * 16 + i % 2 * 4;
      for (size_t j = 0; j < 4; ++j) to.PutNibbles(4 * i + j, step + j, step + 8 + j, q[j]);
    }
  }
};

// Bit `kBit` of each byte, moved to bit 4.
template <int kBit>
DRAGOMAN_ALWAYS_INLINE Bytes FifthBit(Bytes v) {
  const Bytes sixteen = SetByte(0x10);
  if constexpr (kBit < 4) return And(ShiftLeft<4 - kBit>(v), sixteen);
  if constexpr (kBit == 4) return And(v, sixteen);
  if constexpr (kBit > 4) return And(ShiftRight<kBit - 4>(v), sixteen);
}

struct Q5KCodes : CodeTraits<BlockQ5_K, 32, true, 5, 0> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    Bytes head[4];
    Columns(block, stride, head);
    PutKFactors(to, head);
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    for (size_t half = 0; half < 2; ++half) {
      Bytes high[4];
      Columns(block + offsetof(Block, qh) + 16 * half, stride, high);
      UnpackChunk<0>(block, stride, half, high, to);
      UnpackChunk<1>(block, stride, half, high, to);
      UnpackChunk<2>(block, stride, half, high, to);
      UnpackChunk<3>(block, stride, half, high, to);
    }
  }

 private:
  template <int kChunk>
  static DRAGOMAN_ALWAYS_INLINE void UnpackChunk(const uint8_t* block, size_t stride, size_t half,
                                                 const Bytes (&high)[4], const TileBlock& to) {
    const Bytes low4 = SetByte(0x0f);
    Bytes q[4];
    Columns(block + offsetof(Block, qs) + 32 * kChunk + 16 * half, stride, q);
    const size_t step = 16 * kChunk + 4 * half;
    for (size_t j = 0; j < 4; ++j) {
      to.PutCodes(step + j, Or(And(q[j], low4), FifthBit<2 * kChunk>(high[j])));
      to.PutCodes(step + 8 + j,
                  Or(And(ShiftRight<4>(q[j]), low4), FifthBit<2 * kChunk + 1>(high[j])));
    }
  }
};

struct Q6KCodes : CodeTraits<BlockQ6_K, 16, false, 6, 32> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    Bytes scales[4];
    const Floats d = Scales(block, stride, scales);
    for (size_t i = 0; i < 4; ++i) PutSignedScales4(to, 4 * i, scales[i], d);
  }

  // The sub-blocks' whole scales, four to a word; returns d.
  static DRAGOMAN_ALWAYS_INLINE Floats Scales(const uint8_t* block, size_t stride,
                                              Bytes (&scales)[4]) {
    Columns(block + offsetof(Block, scales), stride, scales);
    return HighHalfToFloats(Words(block + offsetof(Block, d) - 2, stride));
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    const Bytes low4 = SetByte(0x0f), bits45 = SetByte(0x30);
    for (size_t i = 0; i < 4; ++i) {  // 16 columns of each of the four rows of a half
      const size_t half = i / 2, part = i % 2;
      Bytes low0[4], low1[4], high[4];
      Columns(block + offsetof(Block, ql) + 64 * half + 16 * part, stride, low0);
      Columns(block + offsetof(Block, ql) + 64 * half + 32 + 16 * part, stride, low1);
      Columns(block + offsetof(Block, qh) + 32 * half + 16 * part, stride, high);
      const size_t step = 32 * half + 4 * part;
      for (size_t j = 0; j < 4; ++j) {
        to.PutCodes(step + j, Or(And(low0[j], low4), And(ShiftLeft<4>(high[j]), bits45)));
        to.PutCodes(step + 8 + j, Or(And(low1[j], low4), And(ShiftLeft<2>(high[j]), bits45)));
        to.PutCodes(step + 16 + j, Or(And(ShiftRight<4>(low0[j]), low4), And(high[j], bits45)));
        to.PutCodes(step + 24 + j,
                    Or(And(ShiftRight<4>(low1[j]), low4), And(ShiftRight<2>(high[j]), bits45)));
      }
    }
  }
};

struct Q2KCodes : CodeTraits<BlockQ2_K, 16, true, 2, 0> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    Bytes scales[4];
    const Floats d = ScalesAndMinima(block, stride, scales, to);
    for (size_t i = 0; i < 4; ++i) PutScales4(to, 4 * i, scales[i], d, d);
  }

  // As Q6KCodes::Scales; the minima are put where they belong.
  static DRAGOMAN_ALWAYS_INLINE Floats ScalesAndMinima(const uint8_t* block, size_t stride,
                                                       Bytes (&scales)[4], const TileBlock& to) {
    const Bytes factors = Words(block + offsetof(Block, d), stride);
    const Floats dmin = HighHalfToFloats(factors);
    const Bytes low4 = SetByte(0x0f);
    Columns(block + offsetof(Block, scales), stride, scales);
    for (size_t i = 0; i < 4; ++i) {
      PutMinima4(to, 4 * i, And(ShiftRight<4>(scales[i]), low4), dmin);
      scales[i] = And(scales[i], low4);
    }
    return LowHalfToFloats(factors);
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    const Bytes low2 = SetByte(0x03);
    for (size_t i = 0; i < 4; ++i) {
      Bytes q[4];
      Columns(block + offsetof(Block, qs) + 16 * i, stride, q);
      const size_t step = i / 2 * 32 + i % 2 * 4;
      for (size_t j = 0; j < 4; ++j) {
        to.PutCodes(step + j, And(q[j], low2));
        to.PutCodes(step + 8 + j, And(ShiftRight<2>(q[j]), low2));
        to.PutCodes(step + 16 + j, And(ShiftRight<4>(q[j]), low2));
        to.PutCodes(step + 24 + j, And(ShiftRight<6>(q[j]), low2));
      }
    }
  }
};

// Bit kBit of each byte, moved to bit 2.
template <int kBit>
DRAGOMAN_ALWAYS_INLINE Bytes ThirdBit(Bytes v) {
  const Bytes four = SetByte(0x04);
  if constexpr (kBit < 2) return And(ShiftLeft<2 - kBit>(v), four);
  if constexpr (kBit == 2) return And(v, four);
  if constexpr (kBit > 2) return And(ShiftRight<kBit - 2>(v), four);
}

struct Q3KCodes : CodeTraits<BlockQ3_K, 16, false, 3, 4> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    Bytes scales[4];
    const Floats d = Scales(block, stride, scales);
    for (size_t i = 0; i < 4; ++i) PutSignedScales4(to, 4 * i, scales[i], d);
  }

  // As Q6KCodes::Scales. The last 16 bytes of a block: two of codes, the 12 of packed scales
  // (UnpackQ3Scale in blocks/k_scales.h), d.
  static DRAGOMAN_ALWAYS_INLINE Floats Scales(const uint8_t* block, size_t stride,
                                              Bytes (&scales)[4]) {
    Bytes end[4];
    Columns(block + sizeof(Block) - 16, stride, end);
    const Bytes tail[3] = {JoinHalves(end[0], end[1]), JoinHalves(end[1], end[2]),
                           JoinHalves(end[2], end[3])};
    const Bytes four = SetByte(0x0f), two = SetByte(0x03), bias = SetByte(32);
    const Bytes low[4] = {And(tail[0], four), And(tail[1], four), And(ShiftRight<4>(tail[0]), four),
                          And(ShiftRight<4>(tail[1]), four)};
    const Bytes high[4] = {And(tail[2], two), And(ShiftRight<2>(tail[2]), two),
                           And(ShiftRight<4>(tail[2]), two), And(ShiftRight<6>(tail[2]), two)};
    for (size_t i = 0; i < 4; ++i) {
      scales[i] = SubtractBytes(Or(low[i], ShiftLeft<4>(high[i])), bias);
    }
    return HighHalfToFloats(end[3]);
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    for (size_t part = 0; part < 2; ++part) {
      Bytes high[4];
      Columns(block + offsetof(Block, hmask) + 16 * part, stride, high);
      UnpackHalf<0>(block, stride, part, high, to);
      UnpackHalf<1>(block, stride, part, high, to);
    }
  }

 private:
  template <int kHalf>
  static DRAGOMAN_ALWAYS_INLINE void UnpackHalf(const uint8_t* block, size_t stride, size_t part,
                                                const Bytes (&high)[4], const TileBlock& to) {
    const Bytes low2 = SetByte(0x03);
    Bytes q[4];
    Columns(block + offsetof(Block, qs) + 32 * kHalf + 16 * part, stride, q);
    const size_t step = 32 * kHalf + 4 * part;
    for (size_t j = 0; j < 4; ++j) {
      to.PutCodes(step + j, Or(And(q[j], low2), ThirdBit<4 * kHalf>(high[j])));
      to.PutCodes(step + 8 + j,
                  Or(And(ShiftRight<2>(q[j]), low2), ThirdBit<4 * kHalf + 1>(high[j])));
      to.PutCodes(step + 16 + j,
                  Or(And(ShiftRight<4>(q[j]), low2), ThirdBit<4 * kHalf + 2>(high[j])));
      to.PutCodes(step + 24 + j,
                  Or(And(ShiftRight<6>(q[j]), low2), ThirdBit<4 * kHalf + 3>(high[j])));
    }
  }
};

// 32 columns in 16 bytes: low nibbles first, then high ones.
struct NibbleColumns {
  Bytes low[4], high[4];
};

inline NibbleColumns LoadNibbles(const uint8_t* qs, size_t stride) {
  const Bytes low4 = SetByte(0x0f);
  Bytes q[4];
  Columns(qs, stride, q);
  NibbleColumns columns;
  for (size_t j = 0; j < 4; ++j) {
    columns.low[j] = And(q[j], low4);
    columns.high[j] = And(ShiftRight<4>(q[j]), low4);
  }
  return columns;
}

DRAGOMAN_ALWAYS_INLINE void PutNibbles(const TileBlock& to, const NibbleColumns& columns) {
  for (size_t j = 0; j < 4; ++j) {
    to.PutCodes(j, columns.low[j]);
    to.PutCodes(4 + j, columns.high[j]);
  }
}

// 32 columns as they lie: bytes of a low and a high nibble.
DRAGOMAN_ALWAYS_INLINE void PutNibbleBlock(const TileBlock& to, const uint8_t* qs, size_t stride) {
  Bytes q[4];
  Columns(qs, stride, q);
  for (size_t j = 0; j < 4; ++j) to.PutNibbles(j, j, 4 + j, q[j]);
}

struct Q40Codes : CodeTraits<BlockQ4_0, 32, false, 4, 8> {
  static constexpr PanelNibbles kPanelNibbles = PanelNibbles::kWithinSubs;

  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    to.PutScale(0, LowHalfToFloats(Words(block, stride)));
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    PutNibbleBlock(to, block + offsetof(Block, qs), stride);
  }
};

// value = q * d + m: a minimum of -m.
struct Q41Codes : CodeTraits<BlockQ4_1, 32, true, 4, 0> {
  static constexpr PanelNibbles kPanelNibbles = PanelNibbles::kWithinSubs;

  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    const Bytes head = Words(block, stride);
    to.PutScale(0, LowHalfToFloats(head));
    to.PutMinimum(0, Negate(HighHalfToFloats(head)));
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    PutNibbleBlock(to, block + offsetof(Block, qs), stride);
  }
};

// Adds the fifth bits: bit j of the word is that of column j.
DRAGOMAN_ALWAYS_INLINE void PutFiveBits(const TileBlock& to, NibbleColumns columns, Bytes bits) {
  columns.low[0] = Or(columns.low[0], SpreadFifthBits<0>(bits));
  columns.low[1] = Or(columns.low[1], SpreadFifthBits<4>(bits));
  columns.low[2] = Or(columns.low[2], SpreadFifthBits<8>(bits));
  columns.low[3] = Or(columns.low[3], SpreadFifthBits<12>(bits));
  columns.high[0] = Or(columns.high[0], SpreadFifthBits<16>(bits));
  columns.high[1] = Or(columns.high[1], SpreadFifthBits<20>(bits));
  columns.high[2] = Or(columns.high[2], SpreadFifthBits<24>(bits));
  columns.high[3] = Or(columns.high[3], SpreadFifthBits<28>(bits));
  PutNibbles(to, columns);
}

struct Q50Codes : CodeTraits<BlockQ5_0, 32, false, 5, 16> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    to.PutScale(0, LowHalfToFloats(Words(block, stride)));
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    const Bytes bits = Words(block + offsetof(Block, qh), stride);
    PutFiveBits(to, LoadNibbles(block + offsetof(Block, qs), stride), bits);
  }
};

struct Q51Codes : CodeTraits<BlockQ5_1, 32, true, 5, 0> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    const Bytes head = Words(block, stride);
    to.PutScale(0, LowHalfToFloats(head));
    to.PutMinimum(0, Negate(HighHalfToFloats(head)));
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    const Bytes bits = Words(block + offsetof(Block, qh), stride);
    PutFiveBits(to, LoadNibbles(block + offsetof(Block, qs), stride), bits);
  }
};

// Signed codes as they are, or with 128 added.
DRAGOMAN_ALWAYS_INLINE Bytes EightBits(Bytes codes) {
  if constexpr (kSignedEightBits) return codes;
  return Xor(codes, SetByte(0x80));
}

struct Q80Codes : CodeTraits<BlockQ8_0, 32, false, 8, 128, true> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    to.PutScale(0, LowHalfToFloats(Words(block, stride)));
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    for (size_t i = 0; i < 2; ++i) {
      Bytes q[4];
      Columns(block + offsetof(Block, qs) + 16 * i, stride, q);
      for (size_t j = 0; j < 4; ++j) to.PutCodes(4 * i + j, EightBits(q[j]));
    }
  }
};

// 32 columns of the non-linear grid.
DRAGOMAN_ALWAYS_INLINE void PutGridNibbles(const TileBlock& to, const uint8_t* qs, size_t stride) {
  NibbleColumns columns = LoadNibbles(qs, stride);
  for (size_t j = 0; j < 4; ++j) {
    columns.low[j] = EightBits(Lookup16(kIq4Grid, columns.low[j]));
    columns.high[j] = EightBits(Lookup16(kIq4Grid, columns.high[j]));
  }
  PutNibbles(to, columns);
}

struct IQ4NLCodes : CodeTraits<BlockIQ4_NL, 32, false, 8, 128, true> {
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    to.PutScale(0, LowHalfToFloats(Words(block, stride)));
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    PutGridNibbles(to, block + offsetof(Block, qs), stride);
  }
};

struct IQ4XSCodes : CodeTraits<BlockIQ4_XS, 32, false, 8, 128, true> {
  // Low nibbles in the second word, in the order of the sub-blocks; pairs of high bits in the high
  // half of the first.
  static DRAGOMAN_ALWAYS_INLINE void Factors(const uint8_t* block, size_t stride,
                                             const TileBlock& to) {
    const Bytes head = Words(block, stride);
    const Bytes packed = Words(block + offsetof(Block, scales_l), stride);
    const Floats d = LowHalfToFloats(head);
    PutFactor<0>(to, head, packed, d);
    PutFactor<1>(to, head, packed, d);
    PutFactor<2>(to, head, packed, d);
    PutFactor<3>(to, head, packed, d);
    PutFactor<4>(to, head, packed, d);
    PutFactor<5>(to, head, packed, d);
    PutFactor<6>(to, head, packed, d);
    PutFactor<7>(to, head, packed, d);
  }

  static DRAGOMAN_ALWAYS_INLINE void Unpack(const uint8_t* block, size_t stride,
                                            const TileBlock& to) {
    for (size_t s = 0; s < 8; ++s) {
      const TileBlock part{to.codes + s * 8 * kStepBytes, nullptr, nullptr};
      PutGridNibbles(part, block + offsetof(Block, qs) + 16 * s, stride);
    }
  }

 private:
  template <int kSub>
  static DRAGOMAN_ALWAYS_INLINE void PutFactor(const TileBlock& to, Bytes head, Bytes packed,
                                               Floats d) {
    const Bytes low = And(WordShiftRight<4 * kSub>(packed), SetWord(15));
    const Bytes high = And(WordShiftRight<16 + 2 * kSub>(head), SetWord(3));
    const Bytes code = Or(low, WordShiftLeft<4>(high));
    to.PutScale(kSub, Mul(WordToFloats(SubtractWords(code, SetWord(32))), d));
  }
};

// What will be wanted next: fetched into the cache, so many lines with every block.
struct Ahead {
  const uint8_t* from;
  size_t lines;
};

// Whether a panel keeps the type's codes packed.
template <class Codes>
constexpr bool IsPacked() {
  return kPackedNibbles && Codes::kPanelNibbles != PanelNibbles::kNone;
}

// One type's unpacking of a span of whole blocks.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE void UnpackSpan(const uint8_t* from, size_t stride, size_t elems,
                                       TileBlock to, Ahead ahead) {
  for (size_t k = 0; k < elems; k += Codes::kElems, from += sizeof(typename Codes::Block)) {
    for (size_t line = 0; line < ahead.lines; ++line, ahead.from += 64) Prefetch(ahead.from);
    if constexpr (Codes::kPanelNibbles == PanelNibbles::kPairsOfSubs) {
      Codes::template Factors<kPackedNibbles>(from, stride, to);
    } else {
      Codes::Factors(from, stride, to);
    }
    Codes::Unpack(from, stride, to);
    to.codes += Codes::kElems / 4 * kStepBytes / (IsPacked<Codes>() ? 2 : 1);
    to.scales += Codes::kElems / Codes::kSubElems * kTileRows;
    to.minima += Codes::kElems / Codes::kSubElems * kTileRows;
  }
}
