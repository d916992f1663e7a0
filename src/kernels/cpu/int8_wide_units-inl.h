// Units of the product by rows (int8_rows-inl.h) in vectors of 64 codes, with AVX-512.

constexpr size_t kVectorElems = 64;
constexpr size_t kUnitVectors = kUnitElems / kVectorElems;
// Dot products of two rows are stored together.
constexpr size_t kRowsAtOnce = 2;

DRAGOMAN_ALWAYS_INLINE __m256i Load32(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
DRAGOMAN_ALWAYS_INLINE Bytes Load64(const void* from) { return _mm512_loadu_si512(from); }
// The same 32 bytes twice.
DRAGOMAN_ALWAYS_INLINE Bytes Twice32(const uint8_t* from) {
  return _mm512_broadcast_i64x4(Load32(from));
}
// Bytes of the lower half shifted by kLow bits, of the upper by kHigh; bits cross byte pairs.
template <int kLow, int kHigh>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftHalvesRight(Bytes v) {
  return _mm512_srlv_epi16(
      v, _mm512_inserti64x4(_mm512_set1_epi16(kLow), _mm256_set1_epi16(kHigh), 1));
}
template <int kLow, int kHigh>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftHalvesLeft(Bytes v) {
  return _mm512_sllv_epi16(
      v, _mm512_inserti64x4(_mm512_set1_epi16(kLow), _mm256_set1_epi16(kHigh), 1));
}
// `bit` added to the codes whose byte of `high` has bit kLow (in the lower half) or kHigh set.
template <int kLow, int kHigh>
DRAGOMAN_ALWAYS_INLINE Bytes AddHighBit(Bytes codes, Bytes high, int bit) {
  const Bytes tested = _mm512_inserti64x4(_mm512_set1_epi8(static_cast<char>(1 << kLow)),
                                          _mm256_set1_epi8(static_cast<char>(1 << kHigh)), 1);
  const __mmask64 set = _mm512_test_epi8_mask(high, tested);
  return _mm512_mask_add_epi8(codes, set, codes, SetByte(bit));
}

// Load: the first `vectors` (2 or 4) vectors of a unit.
template <class Codes>
struct RowUnit;

template <>
struct RowUnit<Q4KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    const uint8_t* qs = block + offsetof(BlockQ4_K, qs);
    for (size_t i = 0; i < 4; ++i) {
      codes[i] = And(ShiftHalvesRight<0, 4>(Twice32(qs + 32 * i)), SetByte(0x0f));
    }
  }
};

template <>
struct RowUnit<Q5KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    const uint8_t* qs = block + offsetof(BlockQ5_K, qs);
    for (size_t i = 0; i < 4; ++i) {
      codes[i] = And(ShiftHalvesRight<0, 4>(Twice32(qs + 32 * i)), SetByte(0x0f));
    }
    const Bytes high = Twice32(block + offsetof(BlockQ5_K, qh));
    codes[0] = AddHighBit<0, 1>(codes[0], high, 16);
    codes[1] = AddHighBit<2, 3>(codes[1], high, 16);
    codes[2] = AddHighBit<4, 5>(codes[2], high, 16);
    codes[3] = AddHighBit<6, 7>(codes[3], high, 16);
  }
};

template <>
struct RowUnit<Q6KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    const Bytes low4 = SetByte(0x0f), bits45 = SetByte(0x30);
    for (size_t half = 0; half < 2; ++half) {
      const Bytes low = Load64(block + offsetof(BlockQ6_K, ql) + 64 * half);
      const Bytes high = Twice32(block + offsetof(BlockQ6_K, qh) + 32 * half);
      codes[2 * half] = Or(And(low, low4), And(ShiftHalvesLeft<4, 2>(high), bits45));
      codes[2 * half + 1] =
          Or(And(ShiftRight<4>(low), low4), And(ShiftHalvesRight<0, 2>(high), bits45));
    }
  }
};

template <>
struct RowUnit<Q2KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    for (size_t half = 0; half < 2; ++half) {
      const Bytes packed = Twice32(block + offsetof(BlockQ2_K, qs) + 32 * half);
      codes[2 * half] = And(ShiftHalvesRight<0, 2>(packed), SetByte(3));
      codes[2 * half + 1] = And(ShiftHalvesRight<4, 6>(packed), SetByte(3));
    }
  }
};

template <>
struct RowUnit<Q3KCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    for (size_t half = 0; half < 2; ++half) {
      const Bytes packed = Twice32(block + offsetof(BlockQ3_K, qs) + 32 * half);
      codes[2 * half] = And(ShiftHalvesRight<0, 2>(packed), SetByte(3));
      codes[2 * half + 1] = And(ShiftHalvesRight<4, 6>(packed), SetByte(3));
    }
    const Bytes high = Twice32(block + offsetof(BlockQ3_K, hmask));
    codes[0] = AddHighBit<0, 1>(codes[0], high, 4);
    codes[1] = AddHighBit<2, 3>(codes[1], high, 4);
    codes[2] = AddHighBit<4, 5>(codes[2], high, 4);
    codes[3] = AddHighBit<6, 7>(codes[3], high, 4);
  }
};

template <>
struct RowUnit<Q80Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[4]) {
    for (size_t i = 0; i < vectors; ++i) {
      const uint8_t* first = blocks + 2 * i * sizeof(BlockQ8_0) + offsetof(BlockQ8_0, qs);
      const __m256i second = Load32(first + sizeof(BlockQ8_0));
      codes[i] = EightBits(_mm512_inserti64x4(_mm512_castsi256_si512(Load32(first)), second, 1));
    }
  }
};

// Nibbles of four blocks of 32 -> two vectors in the order of the columns.
DRAGOMAN_ALWAYS_INLINE void LoadNibbleBlocks(const uint8_t* qs, size_t block_bytes, Bytes* codes) {
  Bytes packed = _mm512_castsi128_si512(Load16(qs));
  packed = _mm512_inserti32x4(packed, Load16(qs + block_bytes), 1);
  packed = _mm512_inserti32x4(packed, Load16(qs + 2 * block_bytes), 2);
  packed = _mm512_inserti32x4(packed, Load16(qs + 3 * block_bytes), 3);
  const Bytes low = And(packed, SetByte(0x0f)), high = And(ShiftRight<4>(packed), SetByte(0x0f));
  const Bytes first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const Bytes second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  codes[0] = _mm512_permutex2var_epi64(low, first, high);
  codes[1] = _mm512_permutex2var_epi64(low, second, high);
}

template <class Block>
DRAGOMAN_ALWAYS_INLINE void LoadNibbleUnit(const uint8_t* blocks, size_t vectors,
                                           Bytes (&codes)[4]) {
  for (size_t i = 0; i < vectors; i += 2) {
    LoadNibbleBlocks(blocks + 2 * i * sizeof(Block) + offsetof(Block, qs), sizeof(Block),
                     codes + i);
  }
}

// The same with a fifth bit each: 32 of them lie in a block's qh.
template <class Block>
DRAGOMAN_ALWAYS_INLINE void LoadFiveBitUnit(const uint8_t* blocks, size_t vectors,
                                            Bytes (&codes)[4]) {
  LoadNibbleUnit<Block>(blocks, vectors, codes);
  for (size_t i = 0; i < vectors; ++i) {
    const uint8_t* high = blocks + 2 * i * sizeof(Block) + offsetof(Block, qh);
    const auto first = static_cast<uint32_t>(Word(high));
    const auto second = static_cast<uint32_t>(Word(high + sizeof(Block)));
    const __mmask64 set = static_cast<uint64_t>(second) << 32 | first;
    codes[i] = _mm512_mask_add_epi8(codes[i], set, codes[i], SetByte(16));
  }
}

template <>
struct RowUnit<Q40Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[4]) {
    LoadNibbleUnit<BlockQ4_0>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q41Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[4]) {
    LoadNibbleUnit<BlockQ4_1>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q50Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[4]) {
    LoadFiveBitUnit<BlockQ5_0>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q51Codes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[4]) {
    LoadFiveBitUnit<BlockQ5_1>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<IQ4NLCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* blocks, size_t vectors,
                                          Bytes (&codes)[4]) {
    LoadNibbleUnit<BlockIQ4_NL>(blocks, vectors, codes);
    for (size_t i = 0; i < vectors; ++i) codes[i] = EightBits(Lookup16(kIq4Grid, codes[i]));
  }
};

template <>
struct RowUnit<IQ4XSCodes> {
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    const uint8_t* qs = block + offsetof(BlockIQ4_XS, qs);
    LoadNibbleBlocks(qs, 16, codes);
    LoadNibbleBlocks(qs + 64, 16, codes + 2);
    for (Bytes& code : codes) code = EightBits(Lookup16(kIq4Grid, code));
  }
};

// Four vectors of partial sums -> lane 4 * b + i: the sum of block b (128 bits) of vector i.
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Ints SumBlocks(const Ints (&dots)[4]) {
  if constexpr (kBits <= 5) {  // sums of two products, then of four, fit in 16 bits
    const Ints ones = _mm512_set1_epi16(1);
    const Ints sums01 = _mm512_madd_epi16(_mm512_packs_epi32(dots[0], dots[1]), ones);
    const Ints sums23 = _mm512_madd_epi16(_mm512_packs_epi32(dots[2], dots[3]), ones);
    return _mm512_madd_epi16(_mm512_packs_epi32(sums01, sums23), ones);
  } else {
    const Ints sums01 = _mm512_add_epi32(_mm512_unpacklo_epi32(dots[0], dots[1]),
                                         _mm512_unpackhi_epi32(dots[0], dots[1]));
    const Ints sums23 = _mm512_add_epi32(_mm512_unpacklo_epi32(dots[2], dots[3]),
                                         _mm512_unpackhi_epi32(dots[2], dots[3]));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(sums01, sums23),
                            _mm512_unpackhi_epi64(sums01, sums23));
  }
}

// The product of a row's unit with one token, as SumBlocks gives it.
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Ints DotRow(const Bytes (&codes)[4], const int8_t* x, size_t vectors) {
  Ints dots[4];
  for (size_t i = 0; i < 4; ++i) {
    dots[i] = i < vectors ? _mm512_dpbusd_epi32(ZeroInts(), codes[i], Load64(x + i * kVectorElems))
                          : ZeroInts();
  }
  return SumBlocks<kBits>(dots);
}

// Where a unit's dot product at `position` belongs.
template <size_t kSubs>
constexpr size_t SubAt(size_t position) {
  return position % 4 * (kSubs / 4) + position / 4;
}

// dots [kRowsAtOnce][sub-blocks], in the order of SubAt.
template <class Codes, size_t kSubs>
DRAGOMAN_ALWAYS_INLINE void DotUnit(const Bytes (&codes)[kRowsAtOnce][kUnitVectors],
                                    const int8_t* x, size_t vectors, int32_t (*dots)[kSubs]) {
  const Ints first = DotRow<Codes::kBits>(codes[0], x, vectors);
  const Ints second = DotRow<Codes::kBits>(codes[1], x, vectors);
  if constexpr (kSubs == 16) {
    _mm512_store_si512(dots[0], first);
    _mm512_store_si512(dots[1], second);
  } else {  // a sub-block is two blocks of 128 bits
    const Ints even = _mm512_shuffle_i32x4(first, second, 0x88);
    const Ints odd = _mm512_shuffle_i32x4(first, second, 0xdd);
    _mm512_store_si512(dots[0], _mm512_add_epi32(even, odd));
  }
}
