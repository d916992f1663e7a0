// The integer product for a few tokens, row by row: weights are read from memory in their order and
// unpacked in registers. Included by each instruction set's file between its units and the product.
//
// A unit is 256 columns of a row, as vectors of codes in their order. The dot products of a unit's
// sub-blocks are kept until a tile of rows is done, and then scaled and added with a row per lane,
// exactly as the tiles of int8_product-inl.h do it. The units file says how a type's unit is loaded
// (RowUnit), multiplied (DotUnit), and in which order its dot products are kept (SubAt).

// Units whose dot products are kept: columns of a part of a row.
constexpr size_t kPartUnits = 40;
// Percent of a unit's lines that are fetched while its dot products are made, the others while
// these are scaled: about how the time divides.
constexpr size_t kDotLinesPercent = 75;

// Dot products of one token's unit: [rows][sub-blocks], in the order of SubAt.
template <class Codes>
struct UnitDots {
  static constexpr size_t kSubs = kUnitElems / Codes::kSubElems;
  alignas(64) int32_t dots[kTileRows][kSubs];

  // A row per lane, in the order of the columns.
  void Load(Ints (&subs)[kSubs]) const {
    for (size_t i = 0; i < kSubs / 4; ++i) {
      Bytes columns[4];
      Columns(reinterpret_cast<const uint8_t*>(dots[0] + 4 * i), sizeof(dots[0]), columns);
      for (size_t j = 0; j < 4; ++j) subs[SubAt<kSubs>(4 * i + j)] = AsInts(columns[j]);
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
    for (auto row = static_cast<size_t>(piece_.first_row); row < last; row += kTileRows) {
      AimAhead(row);
      RunTile(row, std::min(kTileRows, last - row));
    }
  }

 private:
  static constexpr size_t kSubs = UnitDots<Codes>::kSubs;
  static constexpr size_t kUnitBytes = kUnitElems / Codes::kElems * sizeof(typename Codes::Block);

  // The rows of the next tile are fetched while this one is multiplied, in the order of memory and
  // at an even rate: memory would idle in any stretch that fetches nothing.
  void AimAhead(size_t row) {
    const auto* from = reinterpret_cast<const uint8_t*>(piece_.weights.data);
    ahead_ = from + (row + kTileRows) * row_bytes_;
  }

  template <size_t kLines>
  DRAGOMAN_ALWAYS_INLINE void FetchAhead() {
    DRAGOMAN_UNROLL
    for (size_t line = 0; line < kLines; ++line) Prefetch(ahead_ + 64 * line);
    ahead_ += 64 * kLines;
  }

  // A tile of fewer rows than lanes takes some before them too, and drops their results.
  void RunTile(size_t row, size_t count) {
    const size_t first = std::min(row, rows_ - kTileRows);
    alignas(64) float sums[kTokens][kTileRows] = {};
    const auto* from = reinterpret_cast<const uint8_t*>(piece_.weights.data) + first * row_bytes_;
    const size_t units = (cols_ + kUnitElems - 1) / kUnitElems;
    for (size_t unit = 0; unit < units; unit += kPartUnits) {
      const size_t end = std::min(unit + kPartUnits, units);
      for (size_t r = 0; r < kTileRows; r += kRowsAtOnce) DotRows(from, r, unit, end);
      for (size_t u = unit; u < end; ++u) AddUnit(from + u * kUnitBytes, u, u - unit, sums);
    }
    for (size_t t = 0; t < kTokens; ++t) {
      std::copy_n(sums[t] + (row - first), count, piece_.out + t * rows_ + row);
    }
  }

  size_t VectorsOf(size_t unit) const {
    return std::min(kUnitElems, cols_ - unit * kUnitElems) / kVectorElems;
  }

  void DotRows(const uint8_t* from, size_t row, size_t first_unit, size_t end) {
    const uint8_t* at = from + row * row_bytes_ + first_unit * kUnitBytes;
    const int8_t* x = piece_.x.codes + first_unit * kUnitElems;
    for (size_t unit = first_unit; unit < end; ++unit) {
      const size_t vectors = VectorsOf(unit);
      FetchAhead<kDotLines>();
      if (vectors == kUnitVectors) {
        DotUnits(at, x, kUnitVectors, row, unit - first_unit);
      } else {
        DotUnits(at, x, vectors, row, unit - first_unit);
      }
      at += kUnitBytes;
      x += kUnitElems;
    }
  }

  inline __attribute__((always_inline)) void DotUnits(const uint8_t* at, const int8_t* x,
                                                      size_t vectors, size_t row, size_t slot) {
    Bytes codes[kRowsAtOnce][kUnitVectors];
    for (size_t r = 0; r < kRowsAtOnce; ++r) {
      RowUnit<Codes>::Load(at + r * row_bytes_, vectors, codes[r]);
    }
    for (size_t t = 0; t < kTokens; ++t) {
      DotUnit<Codes, kSubs>(codes, x + t * cols_, vectors, dots_[t][slot].dots + row);
    }
  }

  // Scales a unit's dot products and adds them to the sums.
  void AddUnit(const uint8_t* from, size_t unit, size_t slot, float (*sums)[kTileRows]) {
    FetchAhead<kAddLines>();
    alignas(64) float scales[kSubs * kTileRows], minima[kSubs * kTileRows];
    const size_t subs = VectorsOf(unit) * kVectorElems / Codes::kSubElems;
    TileBlock to{nullptr, scales, minima};
    for (size_t sub = 0; sub < subs; sub += Codes::kElems / Codes::kSubElems) {
      Codes::Factors(from, row_bytes_, to);
      from += sizeof(typename Codes::Block);
      to.scales += Codes::kElems / Codes::kSubElems * kTileRows;
      to.minima += Codes::kElems / Codes::kSubElems * kTileRows;
    }
    for (size_t t = 0; t < kTokens; ++t) {
      Ints dots[kSubs];
      dots_[t][slot].Load(dots);
      Floats sum = LoadFloats(sums[t]);
      const size_t at = unit * kSubs * kTokens + t;
      for (size_t sub = 0; sub < subs; ++sub) {
        const size_t i = at + sub * kTokens;
        sum = AddScaled<Codes::kHasMin>(sum, dots[sub], scales + sub * kTileRows,
                                        minima + sub * kTileRows, piece_.x.scales + i,
                                        piece_.x.corrections + i);
      }
      StoreFloats(sum, sums[t]);
    }
  }

  static constexpr size_t kTileLines = (kTileRows * kUnitBytes + 63) / 64;
  static constexpr size_t kDotLines =
      kTileLines * kDotLinesPercent / 100 / (kTileRows / kRowsAtOnce);
  static constexpr size_t kAddLines = kTileLines - kDotLines * (kTileRows / kRowsAtOnce);
  const uint8_t* ahead_ = nullptr;
  UnitDots<Codes> dots_[kTokens][kPartUnits];
  const Int8Piece& piece_;
  size_t cols_, rows_, row_bytes_;
};
