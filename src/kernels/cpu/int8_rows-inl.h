// The integer product for a few tokens: weights are read from memory about in their order and
// unpacked in registers. Included by each instruction set's file between int8_codes-inl.h and the
// product.
//
// A vector holds 16 columns of every fourth row of a tile (of one row where it has 128 bits), so
// four vectors hold the tile's: their sums of products become a row per lane by adding what two
// rounds of interleaving give, and are scaled and added exactly as int8_product-inl.h does it. The
// file that includes this has given, beside the lanes of int8_codes-inl.h:
//   LoadRows            16 bytes of every fourth row
//   SixteenColumns      16 activations, for every row
//   FifthBitsOfRows     16 bits of every fourth row as 16 in a byte each
//   PrefetchHere        Prefetch, not to be moved among other instructions
//   DotColumns          a sub-block's products in two vectors of rows
//   SumPairs, SumTile   such of two vectors, summed and interleaved; of the four, a row per lane
//   DotFourSteps        the products of 16 columns that lie as four vectors of a row per lane
//   ScaleDots           either's sums, with what CorrectionOf made of the activations, times the
//                       scale that PutRowFactors put where Codes::Factors puts it

// Vectors of a tile.
constexpr size_t kTileVectors = 4;

// A type's unit of 256 columns, in chunks of a few vectors that share what they are unpacked from.
//   kVectors, kChunks   vectors of a chunk, chunks of a unit
//   Column              the first column of a chunk's vector
//   kInterleaved        chunks that together hold whole runs of columns
//   Load                a chunk of the rows at `unit`, of vectors of codes
template <class Codes>
struct ChunkUnit;

// Chunks in the order of the columns.
template <size_t kVectorsV>
struct ChunksInOrder {
  static constexpr size_t kInterleaved = 1;
  static constexpr size_t kVectors = kVectorsV;
  static constexpr size_t kChunks = kUnitElems / 16 / kVectors;
  static constexpr size_t Column(size_t chunk, size_t vector) {
    return 16 * (chunk * kVectors + vector);
  }
};

DRAGOMAN_ALWAYS_INLINE Bytes LowNibbles(Bytes v) { return And(v, SetByte(0x0f)); }
DRAGOMAN_ALWAYS_INLINE Bytes HighNibbles(Bytes v) { return And(ShiftRight<4>(v), SetByte(0x0f)); }

// 32 bytes of nibbles: the low ones are 32 columns, the high ones the next.
DRAGOMAN_ALWAYS_INLINE void LoadNibblePair(const uint8_t* qs, size_t stride, Bytes (&codes)[4]) {
  const Bytes first = LoadRows(qs, stride), second = LoadRows(qs + 16, stride);
  codes[0] = LowNibbles(first);
  codes[1] = LowNibbles(second);
  codes[2] = HighNibbles(first);
  codes[3] = HighNibbles(second);
}

template <>
struct ChunkUnit<Q4KCodes> : ChunksInOrder<4> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* unit, size_t stride, Bytes (&codes)[4]) {
    LoadNibblePair(unit + offsetof(BlockQ4_K, qs) + 32 * kChunk, stride, codes);
  }
};

template <>
struct ChunkUnit<Q5KCodes> : ChunksInOrder<4> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* unit, size_t stride, Bytes (&codes)[4]) {
    LoadNibblePair(unit + offsetof(BlockQ5_K, qs) + 32 * kChunk, stride, codes);
    const uint8_t* qh = unit + offsetof(BlockQ5_K, qh);
    const Bytes first = LoadRows(qh, stride), second = LoadRows(qh + 16, stride);
    codes[0] = Or(codes[0], FifthBit<2 * kChunk>(first));
    codes[1] = Or(codes[1], FifthBit<2 * kChunk>(second));
    codes[2] = Or(codes[2], FifthBit<2 * kChunk + 1>(first));
    codes[3] = Or(codes[3], FifthBit<2 * kChunk + 1>(second));
  }
};

// The first or the second half of four runs of 32 columns, unpacked from the same bytes. Instead of
// Load:
//   Source   where a chunk's bytes begin, 16 of each row
//   Unpack   one run's codes, from a vector of each source
template <size_t kSourcesV>
struct ChunksOfRuns {
  static constexpr size_t kInterleaved = 2;
  static constexpr size_t kVectors = 4;
  static constexpr size_t kChunks = 4;
  static constexpr size_t kSources = kSourcesV;
  static constexpr size_t Column(size_t chunk, size_t vector) {
    return chunk / 2 * 128 + 32 * vector + chunk % 2 * 16;
  }
};

template <>
struct ChunkUnit<Q6KCodes> : ChunksOfRuns<3> {
  static constexpr size_t Source(size_t chunk, size_t i) {
    const size_t half = chunk / 2, part = chunk % 2;
    return i < 2 ? offsetof(BlockQ6_K, ql) + 64 * half + 32 * i + 16 * part
                 : offsetof(BlockQ6_K, qh) + 32 * half + 16 * part;
  }
  template <size_t, size_t kRun>
  static DRAGOMAN_ALWAYS_INLINE Bytes Unpack(const Bytes (&from)[3]) {
    const Bytes bits45 = SetByte(0x30), high = from[2];
    if constexpr (kRun == 0) return Or(LowNibbles(from[0]), And(ShiftLeft<4>(high), bits45));
    if constexpr (kRun == 1) return Or(LowNibbles(from[1]), And(ShiftLeft<2>(high), bits45));
    if constexpr (kRun == 2) return Or(HighNibbles(from[0]), And(high, bits45));
    if constexpr (kRun == 3) return Or(HighNibbles(from[1]), And(ShiftRight<2>(high), bits45));
  }
};

// Bits 2 * kPair and the next of each byte.
template <size_t kPair>
DRAGOMAN_ALWAYS_INLINE Bytes BitPair(Bytes v) {
  if constexpr (kPair == 0) return And(v, SetByte(3));
  if constexpr (kPair > 0) return And(ShiftRight<2 * kPair>(v), SetByte(3));
}

template <>
struct ChunkUnit<Q2KCodes> : ChunksOfRuns<1> {
  static constexpr size_t Source(size_t chunk, size_t) {
    return offsetof(BlockQ2_K, qs) + 16 * chunk;
  }
  template <size_t, size_t kRun>
  static DRAGOMAN_ALWAYS_INLINE Bytes Unpack(const Bytes (&from)[1]) {
    return BitPair<kRun>(from[0]);
  }
};

template <>
struct ChunkUnit<Q3KCodes> : ChunksOfRuns<2> {
  static constexpr size_t Source(size_t chunk, size_t i) {
    return i == 0 ? offsetof(BlockQ3_K, qs) + 16 * chunk
                  : offsetof(BlockQ3_K, hmask) + chunk % 2 * 16;
  }
  template <size_t kChunk, size_t kRun>
  static DRAGOMAN_ALWAYS_INLINE Bytes Unpack(const Bytes (&from)[2]) {
    return Or(BitPair<kRun>(from[0]), ThirdBit<kChunk / 2 * 4 + kRun>(from[1]));
  }
};

// Blocks of 32 columns: each is a chunk.
DRAGOMAN_ALWAYS_INLINE void LoadNibbleBlock(const uint8_t* qs, size_t stride, Bytes (&codes)[2]) {
  const Bytes packed = LoadRows(qs, stride);
  codes[0] = LowNibbles(packed);
  codes[1] = HighNibbles(packed);
}

template <class Block>
struct NibbleBlockUnit : ChunksInOrder<2> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* unit, size_t stride, Bytes (&codes)[2]) {
    LoadNibbleBlock(unit + kChunk * sizeof(Block) + offsetof(Block, qs), stride, codes);
  }
};

template <>
struct ChunkUnit<Q40Codes> : NibbleBlockUnit<BlockQ4_0> {};
template <>
struct ChunkUnit<Q41Codes> : NibbleBlockUnit<BlockQ4_1> {};

template <class Block>
struct FiveBitBlockUnit : ChunksInOrder<2> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* unit, size_t stride, Bytes (&codes)[2]) {
    const uint8_t* block = unit + kChunk * sizeof(Block);
    LoadNibbleBlock(block + offsetof(Block, qs), stride, codes);
    const uint8_t* qh = block + offsetof(Block, qh);
    codes[0] = Or(codes[0], FifthBitsOfRows(qh, stride));
    codes[1] = Or(codes[1], FifthBitsOfRows(qh + 2, stride));
  }
};

template <>
struct ChunkUnit<Q50Codes> : FiveBitBlockUnit<BlockQ5_0> {};
template <>
struct ChunkUnit<Q51Codes> : FiveBitBlockUnit<BlockQ5_1> {};

template <>
struct ChunkUnit<Q80Codes> : ChunksInOrder<2> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* unit, size_t stride, Bytes (&codes)[2]) {
    const uint8_t* qs = unit + kChunk * sizeof(BlockQ8_0) + offsetof(BlockQ8_0, qs);
    codes[0] = EightBits(LoadRows(qs, stride));
    codes[1] = EightBits(LoadRows(qs + 16, stride));
  }
};

// Blocks of 16 bytes at `qs` and every kBytes further, of the non-linear grid.
template <size_t kBytes>
struct GridBlockUnit : ChunksInOrder<2> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void LoadAt(const uint8_t* qs, size_t stride, Bytes (&codes)[2]) {
    LoadNibbleBlock(qs + kChunk * kBytes, stride, codes);
    codes[0] = EightBits(Lookup16(kIq4Grid, codes[0]));
    codes[1] = EightBits(Lookup16(kIq4Grid, codes[1]));
  }
};

template <>
struct ChunkUnit<IQ4NLCodes> : GridBlockUnit<sizeof(BlockIQ4_NL)> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* unit, size_t stride, Bytes (&codes)[2]) {
    LoadAt<kChunk>(unit + offsetof(BlockIQ4_NL, qs), stride, codes);
  }
};

template <>
struct ChunkUnit<IQ4XSCodes> : GridBlockUnit<16> {
  template <size_t kChunk>
  static DRAGOMAN_ALWAYS_INLINE void Load(const uint8_t* unit, size_t stride, Bytes (&codes)[2]) {
    LoadAt<kChunk>(unit + offsetof(BlockIQ4_XS, qs), stride, codes);
  }
};

// One sub-block's part of a sum, as int8_product.h says.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Floats AddScaled(Floats sum, Ints dots, const float* scale,
                                        const float* block_scale, const float* minimum,
                                        const float* x_scale, const uint32_t* correction) {
  Floats value = ScaleDots<Codes>(dots, correction, scale, block_scale);
  if constexpr (Codes::kHasMin) {
    const Floats total = SetFloats(reinterpret_cast<const float*>(correction));
    value = NegMulAdd(LoadFloats(minimum), total, value);
  }
  return MulAdd(value, SetFloats(x_scale), sum);
}

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
    for (auto row = static_cast<size_t>(piece_.first_row); row < last; row += kTileRows) {
      RunTile(row, std::min(kTileRows, last - row));
    }
  }

 private:
  using Unit = ChunkUnit<Codes>;
  static constexpr size_t kSubs = kUnitElems / Codes::kSubElems;
  static constexpr size_t kSubVectors = Codes::kSubElems / 16;  // vectors of a sub-block
  static constexpr size_t kChunkSubs = Unit::kVectors / kSubVectors;
  static constexpr size_t kBlockSubs = Codes::kElems / Codes::kSubElems;
  static constexpr size_t kUnitBytes = kUnitElems / Codes::kElems * sizeof(typename Codes::Block);

  // A tile of fewer rows than lanes takes some before them too, and drops their results.
  void RunTile(size_t row, size_t count) {
    const size_t first = std::min(row, rows_ - kTileRows);
    alignas(64) float sums[kTokens][kTileRows] = {};
    const auto* from = reinterpret_cast<const uint8_t*>(piece_.weights.data);
    // The rows of the next tile are fetched while this one is multiplied, in the order of memory
    // and at an even rate: memory would idle in any stretch that fetches nothing.
    ahead_ = from + (row + kTileRows) * row_bytes_;
    from += first * row_bytes_;
    for (size_t col = 0; col < cols_; col += kUnitElems, from += kUnitBytes) {
      if constexpr (Codes::kElems < kUnitElems) {
        if (col + kUnitElems > cols_) {
          AddUnit<Unit::kChunks / 2>(from, col, sums);
          break;
        }
      }
      AddUnit<Unit::kChunks>(from, col, sums);
    }
    for (size_t t = 0; t < kTokens; ++t) {
      std::copy_n(sums[t] + (row - first), count, piece_.out + t * rows_ + row);
    }
  }

  // Where the first four rows of a tile lie.
  using Rows = const uint8_t* [kTileVectors];

  // Lines of the next tile that are fetched with each of a unit's chunks, and with its factors.
  static constexpr size_t kUnitLines = (kTileRows * kUnitBytes + 63) / 64;
  template <size_t kPart>
  DRAGOMAN_ALWAYS_INLINE void FetchAhead() {
    constexpr size_t kParts = Unit::kChunks + 1;
    constexpr size_t kLines = (kPart + 1) * kUnitLines / kParts - kPart * kUnitLines / kParts;
    DRAGOMAN_UNROLL
    for (size_t line = 0; line < kLines; ++line) PrefetchHere(ahead_ + 64 * line);
    ahead_ += 64 * kLines;
  }

  // The first kChunks chunks of a unit.
  template <size_t kChunks>
  void AddUnit(const uint8_t* from, size_t col, float (*sums)[kTileRows]) {
    alignas(64) float scales[(kSubs + 1) * kTileRows], minima[kSubs * kTileRows];
    const uint8_t* rows[kTileVectors];
    DRAGOMAN_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) rows[v] = KeptPointer(from + v * row_bytes_);
    FetchAhead<Unit::kChunks>();
    TileBlock to{nullptr, scales, minima};
    const uint8_t* block = from;
    DRAGOMAN_UNROLL
    for (size_t sub = 0; sub < kSubs * kChunks / Unit::kChunks; sub += kBlockSubs) {
      PutRowFactors<Codes>(block, row_bytes_, to);
      block += sizeof(typename Codes::Block);
      to.scales += kBlockSubs * kTileRows;
      to.minima += kBlockSubs * kTileRows;
    }
    Floats totals[kTokens];
    for (size_t t = 0; t < kTokens; ++t) totals[t] = LoadFloats(sums[t]);
    AddChunks(rows, col, scales, minima, totals,
              std::make_index_sequence<kChunks / Unit::kInterleaved>());
    for (size_t t = 0; t < kTokens; ++t) StoreFloats(totals[t], sums[t]);
  }

  template <size_t... kGroup>
  DRAGOMAN_ALWAYS_INLINE void AddChunks(const Rows& from, size_t col, const float* scales,
                                        const float* minima, Floats (&totals)[kTokens],
                                        std::index_sequence<kGroup...>) {
    (AddGroup<kGroup>(from, col, scales, minima, totals), ...);
  }

  // A chunk, or two of runs, whose sub-blocks follow each other: dot products, scaled and added.
  template <size_t kGroup>
  DRAGOMAN_ALWAYS_INLINE void AddGroup(const Rows& from, size_t col, const float* scales,
                                       const float* minima, Floats (&totals)[kTokens]) {
    constexpr size_t kGroupSubs = kChunkSubs * Unit::kInterleaved;
    constexpr size_t kFirstSub = kGroup * kGroupSubs;
    Ints dots[kTokens][kGroupSubs];
    const int8_t* x = piece_.x.codes + col;
    if constexpr (Unit::kInterleaved == 1) {
      DotChunk<kGroup>(from, x, dots);
    } else {
      constexpr auto kRuns = std::make_index_sequence<Unit::kVectors>();
      DotRuns<2 * kGroup, kFirstSub>(from, x, dots, kRuns);
      DotRuns<2 * kGroup + 1, kFirstSub>(from, x, dots, kRuns);
    }
    const float* block_scale = scales + kSubs * kTileRows;
    DRAGOMAN_UNROLL
    for (size_t sub = 0; sub < kGroupSubs; ++sub) {
      const size_t at = (kFirstSub + sub) * kTileRows;
      const size_t i = (col / Codes::kSubElems + kFirstSub + sub) * kTokens;
      DRAGOMAN_UNROLL
      for (size_t t = 0; t < kTokens; ++t) {
        totals[t] = AddScaled<Codes>(totals[t], dots[t][sub], scales + at, block_scale, minima + at,
                                     piece_.x.scales + i + t, piece_.x.corrections + i + t);
      }
    }
  }

  template <size_t kChunk>
  DRAGOMAN_ALWAYS_INLINE void DotChunk(const Rows& from, const int8_t* x,
                                       Ints (&dots)[kTokens][kChunkSubs]) {
    FetchAhead<kChunk>();
    Ints sums[kTileVectors / 2][kTokens][kChunkSubs];
    DRAGOMAN_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) {
      Bytes codes[Unit::kVectors];
      Unit::template Load<kChunk>(from[v], row_bytes_, codes);
      DRAGOMAN_UNROLL
      for (size_t t = 0; t < kTokens; ++t) {
        DRAGOMAN_UNROLL
        for (size_t sub = 0; sub < kChunkSubs; ++sub) {
          const int8_t* at = x + t * cols_ + Unit::Column(kChunk, sub * kSubVectors);
          const Ints dot = DotColumns<Codes>(codes + sub * kSubVectors, at);
          Ints& sum = sums[v / 2][t][sub];
          sum = v % 2 == 0 ? dot : SumPairs<Codes>(sum, dot);
        }
      }
    }
    DRAGOMAN_UNROLL
    for (size_t t = 0; t < kTokens; ++t) {
      DRAGOMAN_UNROLL
      for (size_t sub = 0; sub < kChunkSubs; ++sub) {
        dots[t][sub] = SumTile<Codes>(sums[0][t][sub], sums[1][t][sub]);
      }
    }
  }

  // The same of runs: sums of 16 columns are so many that it takes less to transpose the packed
  // codes they come from.
  template <size_t kChunk, size_t kFirstSub, size_t kSubsKept, size_t... kRun>
  DRAGOMAN_ALWAYS_INLINE void DotRuns(const Rows& from, const int8_t* x,
                                      Ints (&dots)[kTokens][kSubsKept],
                                      std::index_sequence<kRun...>) {
    FetchAhead<kChunk>();
    Bytes words[Unit::kSources][4], packed[4][Unit::kSources];
    DRAGOMAN_UNROLL
    for (size_t i = 0; i < Unit::kSources; ++i) {
      const size_t at = Unit::Source(kChunk, i);
      TransposeWords({LoadRows(from[0] + at, row_bytes_), LoadRows(from[1] + at, row_bytes_),
                      LoadRows(from[2] + at, row_bytes_), LoadRows(from[3] + at, row_bytes_)},
                     words[i]);
      DRAGOMAN_UNROLL
      for (size_t step = 0; step < 4; ++step) packed[step][i] = words[i][step];
    }
    (DotRun<kChunk, kFirstSub, kRun>(packed, x, dots), ...);
  }

  template <size_t kChunk, size_t kFirstSub, size_t kRun, size_t kSources, size_t kSubsKept>
  DRAGOMAN_ALWAYS_INLINE void DotRun(const Bytes (&packed)[4][kSources], const int8_t* x,
                                     Ints (&dots)[kTokens][kSubsKept]) {
    constexpr size_t kColumn = Unit::Column(kChunk, kRun);
    Bytes codes[4];
    DRAGOMAN_UNROLL
    for (size_t step = 0; step < 4; ++step) {
      codes[step] = Unit::template Unpack<kChunk, kRun>(packed[step]);
    }
    DRAGOMAN_UNROLL
    for (size_t t = 0; t < kTokens; ++t) {
      dots[t][kColumn / 16 - kFirstSub] = DotFourSteps<Codes>(codes, x + t * cols_ + kColumn);
    }
  }

  const uint8_t* ahead_ = nullptr;
  const Int8Piece& piece_;
  size_t cols_, rows_, row_bytes_;
};

// So few tokens go by rows, whole halves of units and at least a tile of rows.
constexpr int kMaxRowTokens = 3;

inline bool GoesByRows(const WeightMatrix& w, int64_t tokens) {
  return tokens <= kMaxRowTokens && w.cols % static_cast<int64_t>(kUnitElems / 2) == 0 &&
         w.rows >= static_cast<int64_t>(kTileRows);
}

template <class Codes>
void MultiplyByRows(const Int8Piece& piece) {
  if (piece.x.tokens == 1) return RowsProduct<Codes, 1>(piece).Run();
  if (piece.x.tokens == 2) return RowsProduct<Codes, 2>(piece).Run();
  RowsProduct<Codes, 3>(piece).Run();
}
