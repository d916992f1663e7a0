// Units of the product by rows (int8_rows-inl.h) in vectors of 16 or 32 codes. The file that
// includes it has given, beside the lanes of int8_codes-inl.h:
//   LoadBytes            a vector from memory of any alignment
//   LoadNibbleBlock      16 bytes -> 32 codes: low nibbles, then high ones
//   FifthBitsOfBlock     32 bits -> 32 bytes, 16 where the bit is set
//   DotUnit, SubAt       as int8_rows-inl.h says

// Load: the first `vectors` (all or half) vectors of a unit.
template <class Codes>
struct RowUnit;

// Vectors of 32 columns.
struct Columns32 {
  Bytes part[kPartsOf32];
};

DRAGOMAN_ALWAYS_INLINE Columns32 LoadColumns32(const uint8_t* from) {
  Columns32 columns;
  for (size_t p = 0; p < kPartsOf32; ++p) columns.part[p] = LoadBytes(from + p * kVectorElems);
  return columns;
}

// codes [32 columns] = (bits kShift.. of `packed`) & mask.
template <int kShift>
DRAGOMAN_ALWAYS_INLINE void PutField(const Columns32& packed, int mask, Bytes* codes) {
  for (size_t p = 0; p < kPartsOf32; ++p) {
    codes[p] = And(ShiftRight<kShift>(packed.part[p]), SetByte(mask));
  }
}

// Adds bit kBit of each byte of `high` as the fifth or the third bit.
template <int kBit>
DRAGOMAN_ALWAYS_INLINE void AddFifthBit(const Columns32& high, Bytes* codes) {
  for (size_t p = 0; p < kPartsOf32; ++p) codes[p] = Or(codes[p], FifthBit<kBit>(high.part[p]));
}
template <int kBit>
DRAGOMAN_ALWAYS_INLINE void AddThirdBit(const Columns32& high, Bytes* codes) {
  for (size_t p = 0; p < kPartsOf32; ++p) codes[p] = Or(codes[p], ThirdBit<kBit>(high.part[p]));
}

// 128 bytes of nibbles: of each 32 bytes the low ones, then the high ones.
DRAGOMAN_ALWAYS_INLINE void LoadNibbleChunks(const uint8_t* qs, Bytes (&codes)[kUnitVectors]) {
  for (size_t i = 0; i < 4; ++i) {
    const Columns32 packed = LoadColumns32(qs + 32 * i);
    PutField<0>(packed, 0x0f, codes + 2 * i * kPartsOf32);
    PutField<4>(packed, 0x0f, codes + (2 * i + 1) * kPartsOf32);
  }
}

template <>
struct RowUnit<Q4KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadNibbleChunks(block + offsetof(BlockQ4_K, qs), codes);
  }
};

template <>
struct RowUnit<Q5KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadNibbleChunks(block + offsetof(BlockQ5_K, qs), codes);
    const Columns32 high = LoadColumns32(block + offsetof(BlockQ5_K, qh));
    AddFifthBit<0>(high, codes);
    AddFifthBit<1>(high, codes + kPartsOf32);
    AddFifthBit<2>(high, codes + 2 * kPartsOf32);
    AddFifthBit<3>(high, codes + 3 * kPartsOf32);
    AddFifthBit<4>(high, codes + 4 * kPartsOf32);
    AddFifthBit<5>(high, codes + 5 * kPartsOf32);
    AddFifthBit<6>(high, codes + 6 * kPartsOf32);
    AddFifthBit<7>(high, codes + 7 * kPartsOf32);
  }
};

template <>
struct RowUnit<Q6KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t,
                                          Bytes (&codes)[kUnitVectors]) {
    const Bytes low4 = SetByte(0x0f), bits45 = SetByte(0x30);
    for (size_t half = 0; half < 2; ++half) {
      const uint8_t* ql = block + offsetof(BlockQ6_K, ql) + 64 * half;
      const Columns32 low0 = LoadColumns32(ql), low1 = LoadColumns32(ql + 32);
      const Columns32 high = LoadColumns32(block + offsetof(BlockQ6_K, qh) + 32 * half);
      Bytes* to = codes + 4 * half * kPartsOf32;
      for (size_t p = 0; p < kPartsOf32; ++p) {
        const Bytes l0 = low0.part[p], l1 = low1.part[p], h = high.part[p];
        to[p] = Or(And(l0, low4), And(ShiftLeft<4>(h), bits45));
        to[kPartsOf32 + p] = Or(And(l1, low4), And(ShiftLeft<2>(h), bits45));
        to[2 * kPartsOf32 + p] = Or(And(ShiftRight<4>(l0), low4), And(h, bits45));
        to[3 * kPartsOf32 + p] = Or(And(ShiftRight<4>(l1), low4), And(ShiftRight<2>(h), bits45));
      }
    }
  }
};

// 64 bytes of pairs of bits: of each 32 bytes the lowest, and so on.
DRAGOMAN_ALWAYS_INLINE void LoadPairChunks(const uint8_t* qs, Bytes (&codes)[kUnitVectors]) {
  for (size_t half = 0; half < 2; ++half) {
    const Columns32 packed = LoadColumns32(qs + 32 * half);
    Bytes* to = codes + 4 * half * kPartsOf32;
    PutField<0>(packed, 3, to);
    PutField<2>(packed, 3, to + kPartsOf32);
    PutField<4>(packed, 3, to + 2 * kPartsOf32);
    PutField<6>(packed, 3, to + 3 * kPartsOf32);
  }
}

template <>
struct RowUnit<Q2KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadPairChunks(block + offsetof(BlockQ2_K, qs), codes);
  }
};

template <>
struct RowUnit<Q3KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadPairChunks(block + offsetof(BlockQ3_K, qs), codes);
    const Columns32 high = LoadColumns32(block + offsetof(BlockQ3_K, hmask));
    AddThirdBit<0>(high, codes);
    AddThirdBit<1>(high, codes + kPartsOf32);
    AddThirdBit<2>(high, codes + 2 * kPartsOf32);
    AddThirdBit<3>(high, codes + 3 * kPartsOf32);
    AddThirdBit<4>(high, codes + 4 * kPartsOf32);
    AddThirdBit<5>(high, codes + 5 * kPartsOf32);
    AddThirdBit<6>(high, codes + 6 * kPartsOf32);
    AddThirdBit<7>(high, codes + 7 * kPartsOf32);
  }
};

// Blocks of 32 columns, as many as fill `vectors`.
template <class Block>
DRAGOMAN_ALWAYS_INLINE void LoadNibbleUnit(const uint8_t* blocks, size_t vectors,
                                           Bytes (&codes)[kUnitVectors]) {
  for (size_t i = 0; i < vectors / kPartsOf32; ++i) {
    LoadNibbleBlock(blocks + i * sizeof(Block) + offsetof(Block, qs), codes + i * kPartsOf32);
  }
}

// The same with a fifth bit each: 32 of them lie in a block's qh.
template <class Block>
DRAGOMAN_ALWAYS_INLINE void LoadFiveBitUnit(const uint8_t* blocks, size_t vectors,
                                            Bytes (&codes)[kUnitVectors]) {
  LoadNibbleUnit<Block>(blocks, vectors, codes);
  for (size_t i = 0; i < vectors / kPartsOf32; ++i) {
    Bytes bits[kPartsOf32];
    FifthBitsOfBlock(blocks + i * sizeof(Block) + offsetof(Block, qh), bits);
    for (size_t p = 0; p < kPartsOf32; ++p) {
      codes[i * kPartsOf32 + p] = Or(codes[i * kPartsOf32 + p], bits[p]);
    }
  }
}

template <>
struct RowUnit<Q40Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadNibbleUnit<BlockQ4_0>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q41Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadNibbleUnit<BlockQ4_1>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q50Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadFiveBitUnit<BlockQ5_0>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q51Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadFiveBitUnit<BlockQ5_1>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q80Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[kUnitVectors]) {
    for (size_t i = 0; i < vectors / kPartsOf32; ++i) {
      const Columns32 block =
          LoadColumns32(blocks + i * sizeof(BlockQ8_0) + offsetof(BlockQ8_0, qs));
      for (size_t p = 0; p < kPartsOf32; ++p) codes[i * kPartsOf32 + p] = EightBits(block.part[p]);
    }
  }
};

template <>
struct RowUnit<IQ4NLCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[kUnitVectors]) {
    LoadNibbleUnit<BlockIQ4_NL>(blocks, vectors, codes);
    for (size_t i = 0; i < vectors; ++i) codes[i] = EightBits(Lookup16(kIq4Grid, codes[i]));
  }
};

template <>
struct RowUnit<IQ4XSCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t,
                                          Bytes (&codes)[kUnitVectors]) {
    for (size_t i = 0; i < 8; ++i) {
      LoadNibbleBlock(block + offsetof(BlockIQ4_XS, qs) + 16 * i, codes + i * kPartsOf32);
    }
    for (Bytes& code : codes) code = EightBits(Lookup16(kIq4Grid, code));
  }
};
