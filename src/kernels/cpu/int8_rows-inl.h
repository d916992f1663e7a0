// The integer product for a few tokens, row by row: weights are read from memory in their order and
// unpacked in registers. Included by the instruction sets that offer it, between the codes and the
// product.
//
// A unit is 256 columns of a row, four vectors of 64 codes in their order. The dot products of a
// unit's sub-blocks are kept until 16 rows are done, and then scaled and added with a row per lane,
// exactly as the tiles of int8_product-inl.h do it.

constexpr size_t kUnitElems = 256;
constexpr size_t kVectorElems = 64;
// Units whose dot products are kept: columns of a part of a row.
constexpr size_t kPartUnits = 40;
// Rows that are fetched into the second-level cache before they are used.
constexpr size_t kAheadRows = 4;

inline __m256i Load32(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
inline Bytes Load64(const void* from) { return _mm512_loadu_si512(from); }
// The same 32 bytes twice.
inline Bytes Twice32(const uint8_t* from) { return _mm512_broadcast_i64x4(Load32(from)); }
// Bytes of the lower half shifted by kLow bits, of the upper by kHigh; bits cross byte pairs.
template <int kLow, int kHigh>
inline Bytes ShiftHalvesRight(Bytes v) {
  return _mm512_srlv_epi16(
      v, _mm512_inserti64x4(_mm512_set1_epi16(kLow), _mm256_set1_epi16(kHigh), 1));
}
template <int kLow, int kHigh>
inline Bytes ShiftHalvesLeft(Bytes v) {
  return _mm512_sllv_epi16(
      v, _mm512_inserti64x4(_mm512_set1_epi16(kLow), _mm256_set1_epi16(kHigh), 1));
}
// `bit` added to the codes whose byte of `high` has bit kLow (in the lower half) or kHigh set.
template <int kLow, int kHigh>
inline Bytes AddHighBit(Bytes codes, Bytes high, int bit) {
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
  static inline void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    const uint8_t* qs = block + offsetof(BlockQ4_K, qs);
    for (size_t i = 0; i < 4; ++i) {
      codes[i] = And(ShiftHalvesRight<0, 4>(Twice32(qs + 32 * i)), SetByte(0x0f));
    }
  }
};

template <>
struct RowUnit<Q5KCodes> {
  static inline void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
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
  static inline void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
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
  static inline void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    for (size_t half = 0; half < 2; ++half) {
      const Bytes packed = Twice32(block + offsetof(BlockQ2_K, qs) + 32 * half);
      codes[2 * half] = And(ShiftHalvesRight<0, 2>(packed), SetByte(3));
      codes[2 * half + 1] = And(ShiftHalvesRight<4, 6>(packed), SetByte(3));
    }
  }
};

template <>
struct RowUnit<Q3KCodes> {
  static inline void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
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
  static inline void Load(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
    for (size_t i = 0; i < vectors; ++i) {
      const uint8_t* first = blocks + 2 * i * sizeof(BlockQ8_0) + offsetof(BlockQ8_0, qs);
      const __m256i second = Load32(first + sizeof(BlockQ8_0));
      codes[i] = EightBits(_mm512_inserti64x4(_mm512_castsi256_si512(Load32(first)), second, 1));
    }
  }
};

// Nibbles of four blocks of 32 -> two vectors in the order of the columns.
inline void LoadNibbleBlocks(const uint8_t* qs, size_t block_bytes, Bytes* codes) {
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
inline void LoadNibbleUnit(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
  for (size_t i = 0; i < vectors; i += 2) {
    LoadNibbleBlocks(blocks + 2 * i * sizeof(Block) + offsetof(Block, qs), sizeof(Block),
                     codes + i);
  }
}

// The same with a fifth bit each: 32 of them lie in a block's qh.
template <class Block>
inline void LoadFiveBitUnit(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
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
  static inline void Load(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
    LoadNibbleUnit<BlockQ4_0>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q41Codes> {
  static inline void Load(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
    LoadNibbleUnit<BlockQ4_1>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q50Codes> {
  static inline void Load(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
    LoadFiveBitUnit<BlockQ5_0>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<Q51Codes> {
  static inline void Load(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
    LoadFiveBitUnit<BlockQ5_1>(blocks, vectors, codes);
  }
};

template <>
struct RowUnit<IQ4NLCodes> {
  static inline void Load(const uint8_t* blocks, size_t vectors, Bytes (&codes)[4]) {
    LoadNibbleUnit<BlockIQ4_NL>(blocks, vectors, codes);
    for (size_t i = 0; i < vectors; ++i) codes[i] = EightBits(Lookup16(kIq4Grid, codes[i]));
  }
};

template <>
struct RowUnit<IQ4XSCodes> {
  static inline void Load(const uint8_t* block, size_t, Bytes (&codes)[4]) {
    const uint8_t* qs = block + offsetof(BlockIQ4_XS, qs);
    LoadNibbleBlocks(qs, 16, codes);
    LoadNibbleBlocks(qs + 64, 16, codes + 2);
    for (Bytes& code : codes) code = EightBits(Lookup16(kIq4Grid, code));
  }
};

// Four vectors of partial sums -> lane 4 * b + i: the sum of block b (128 bits) of vector i.
template <int kBits>
inline Ints SumBlocks(const Ints (&dots)[4]) {
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

// The product of a unit with one token, as SumBlocks gives it.
template <int kBits>
inline Ints DotUnit(const Bytes (&codes)[4], const int8_t* x, size_t vectors) {
  Ints dots[4];
  for (size_t i = 0; i < 4; ++i) {
    dots[i] = i < vectors ? _mm512_dpbusd_epi32(ZeroInts(), codes[i], Load64(x + i * kVectorElems))
                          : ZeroInts();
  }
  return SumBlocks<kBits>(dots);
}

// Dot products of one token's unit: [16 rows][sub-blocks], in the order that StoreTwoRows makes.
template <class Codes>
struct UnitDots {
  static constexpr size_t kSubs = kUnitElems / Codes::kSubElems;
  alignas(64) int32_t dots[kTileRows16][kSubs];

  void StoreTwoRows(size_t row, Ints first, Ints second) {
    if constexpr (kSubs == 16) {
      _mm512_store_si512(dots[row], first);
      _mm512_store_si512(dots[row + 1], second);
    } else {  // a sub-block is two blocks of 128 bits
      const Ints even = _mm512_shuffle_i32x4(first, second, 0x88);
      const Ints odd = _mm512_shuffle_i32x4(first, second, 0xdd);
      _mm512_store_si512(dots[row], _mm512_add_epi32(even, odd));
    }
  }

  // A row per lane, in the order of the columns.
  void Load(Ints (&subs)[kSubs]) const {
    for (size_t i = 0; i < kSubs / 4; ++i) {
      Bytes columns[4];
      Columns(reinterpret_cast<const uint8_t*>(dots[0] + 4 * i), sizeof(dots[0]), columns);
      for (size_t j = 0; j < 4; ++j) subs[j * (kSubs / 4) + i] = columns[j];
    }
  }
};

template <class Codes, int kTokens>
class RowsProduct {
 public:
  explicit RowsProduct(const Int8Piece& piece)
      : piece_(piece),
        cols_(static_cast<size_t>(piece.weights.cols)),
        rows_(static_cast<size_t>(piece.weights.rows)),
        row_bytes_(cols_ / Codes::kElems * sizeof(typename Codes::Block)) {}

  void Run() {
    const auto last = static_cast<size_t>(piece_.last_row);
    for (auto row = static_cast<size_t>(piece_.first_row); row < last; row += kTileRows16) {
      RunTile(row, std::min(kTileRows16, last - row));
    }
  }

 private:
  static constexpr size_t kSubs = UnitDots<Codes>::kSubs;
  static constexpr size_t kUnitBytes = kUnitElems / Codes::kElems * sizeof(typename Codes::Block);

  // A tile of fewer than 16 rows takes some before them too, and drops their results.
  void RunTile(size_t row, size_t count) {
    const size_t first = std::min(row, rows_ - kTileRows16);
    alignas(64) float sums[kTokens][kTileRows16] = {};
    const auto* from = reinterpret_cast<const uint8_t*>(piece_.weights.data) + first * row_bytes_;
    const size_t units = (cols_ + kUnitElems - 1) / kUnitElems;
    for (size_t unit = 0; unit < units; unit += kPartUnits) {
      const size_t end = std::min(unit + kPartUnits, units);
      for (size_t r = 0; r < kTileRows16; r += 2) DotTwoRows(from, r, unit, end);
      for (size_t u = unit; u < end; ++u) AddUnit(from + u * kUnitBytes, u, u - unit, sums);
    }
    for (size_t t = 0; t < kTokens; ++t) {
      std::copy_n(sums[t] + (row - first), count, piece_.out + t * rows_ + row);
    }
  }

  size_t VectorsOf(size_t unit) const {
    return std::min(kUnitElems, cols_ - unit * kUnitElems) / kVectorElems;
  }

  void DotTwoRows(const uint8_t* from, size_t row, size_t first_unit, size_t end) {
    const uint8_t* row0 = from + row * row_bytes_ + first_unit * kUnitBytes;
    const uint8_t* row1 = row0 + row_bytes_;
    const int8_t* x = piece_.x.codes + first_unit * kUnitElems;
    const uint8_t* ahead = from + (row + kAheadRows) * row_bytes_ + 2 * first_unit * kUnitBytes;
    for (size_t unit = first_unit; unit < end; ++unit) {
      const size_t vectors = VectorsOf(unit);
      for (size_t line = 0; line < 2 * kUnitBytes; line += 64) Prefetch(ahead + line);
      ahead += 2 * kUnitBytes;
      if (vectors == 4) {
        DotTwoUnits(row0, row1, x, 4, row, unit - first_unit);
      } else {
        DotTwoUnits(row0, row1, x, vectors, row, unit - first_unit);
      }
      row0 += kUnitBytes;
      row1 += kUnitBytes;
      x += kUnitElems;
    }
  }

  inline __attribute__((always_inline)) void DotTwoUnits(const uint8_t* row0, const uint8_t* row1,
                                                         const int8_t* x, size_t vectors,
                                                         size_t row, size_t slot) {
    Bytes codes0[4], codes1[4];
    RowUnit<Codes>::Load(row0, vectors, codes0);
    RowUnit<Codes>::Load(row1, vectors, codes1);
    for (size_t t = 0; t < kTokens; ++t) {
      const Ints dots0 = DotUnit<Codes::kBits>(codes0, x + t * cols_, vectors);
      const Ints dots1 = DotUnit<Codes::kBits>(codes1, x + t * cols_, vectors);
      dots_[t][slot].StoreTwoRows(row, dots0, dots1);
    }
  }

  // Scales a unit's dot products and adds them to the sums.
  void AddUnit(const uint8_t* from, size_t unit, size_t slot, float (*sums)[kTileRows16]) {
    alignas(64) float scales[kSubs * kTileRows16], minima[kSubs * kTileRows16];
    const size_t subs = VectorsOf(unit) * kVectorElems / Codes::kSubElems;
    TileBlock to{nullptr, scales, minima};
    for (size_t sub = 0; sub < subs; sub += Codes::kElems / Codes::kSubElems) {
      Codes::Factors(from, row_bytes_, to);
      from += sizeof(typename Codes::Block);
      to.scales += Codes::kElems / Codes::kSubElems * kTileRows16;
      to.minima += Codes::kElems / Codes::kSubElems * kTileRows16;
    }
    for (size_t t = 0; t < kTokens; ++t) {
      Ints dots[kSubs];
      dots_[t][slot].Load(dots);
      Floats sum = LoadFloats(sums[t]);
      const size_t at = unit * kSubs * kTokens + t;
      for (size_t sub = 0; sub < subs; ++sub) {
        const size_t i = at + sub * kTokens;
        sum = AddScaled<Codes::kHasMin>(sum, dots[sub], scales + sub * kTileRows16,
                                        minima + sub * kTileRows16, piece_.x.scales + i,
                                        piece_.x.corrections + i);
      }
      StoreFloats(sum, sums[t]);
    }
  }

  UnitDots<Codes> dots_[kTokens][kPartUnits];
  const Int8Piece& piece_;
  size_t cols_, rows_, row_bytes_;
};

// Row by row for so few tokens, whole pairs of vectors and at least 16 rows.
constexpr int kMaxRowTokens = 3;

inline bool GoesByRows(const WeightMatrix& w, int64_t tokens) {
  return tokens <= kMaxRowTokens && w.cols % (2 * static_cast<int64_t>(kVectorElems)) == 0 &&
         w.rows >= static_cast<int64_t>(kTileRows16);
}

template <class Codes>
void MultiplyByRows(const Int8Piece& piece) {
  if (piece.x.tokens == 1) return RowsProduct<Codes, 1>(piece).Run();
  if (piece.x.tokens == 2) return RowsProduct<Codes, 2>(piece).Run();
  RowsProduct<Codes, 3>(piece).Run();
}
