// The integer product, written once over the lanes of an instruction set and included by its file
// after them, inside that file's anonymous namespace and target.
//
// As many rows of weights as a vector has lanes (a tile), kPanelTiles of them at once, are unpacked
// for a span of columns into panels that stay in the first-level cache, and multiplied with every
// chunk of the piece's activations; then their next span. So weights are read from memory in order
// and unpacked once for a piece, and the sums of the piece stay in the first-level cache until the
// rows end.

// Columns of a panel: a multiple of every block. It does not change results.
constexpr size_t kSpan = 512;
constexpr size_t kPanelRows = kPanelTiles * kTileRows;
constexpr auto kMaxPieceTokens = static_cast<size_t>(kMaxInt8PieceTokens);

struct alignas(64) Panel {
  uint8_t codes[kSpan / 4 * kStepBytes];
  float scales[kSpan / 16 * kTileRows];
  float minima[kSpan / 16 * kTileRows];
};

// One chunk's part of one span.
struct ChunkSpan {
  const int8_t* codes;
  const float* scales;
  const uint32_t* corrections;
  float* sums;           // [tokens][kPanelRows]
  const uint8_t* ahead;  // what to fetch into the cache meanwhile: per sub-block so many lines
  size_t ahead_lines;
};

// DotSteps and SumsOf come from the instruction set: the first adds the products of a sub-block's
// steps, the second says how for a type, so that types of which it says the same share the code.
template <class Codes, int kTokens, size_t kTiles>
void MultiplyChunk(const Panel* panels, size_t elems, const ChunkSpan& chunk) {
  constexpr int kSteps = Codes::kSubElems / 4;
  constexpr bool kHasMin = Codes::kHasMin;
  Floats sums[kTiles][kTokens];
  DRAGOMAN_UNROLL
  for (size_t i = 0; i < kTiles * kTokens; ++i) {
    const size_t tile = i / kTokens, t = i % kTokens;
    sums[tile][t] = LoadFloats(chunk.sums + t * kPanelRows + tile * kTileRows);
  }
  size_t at_codes = 0, at_scales = 0;
  const int8_t* x = chunk.codes;
  const float* x_scales = chunk.scales;
  const uint32_t* corrections = chunk.corrections;
  const uint8_t* ahead = chunk.ahead;
  // One sub-block.
  const auto add_sub = [&]<Nibbles kNibbles>() DRAGOMAN_ALWAYS_INLINE_LAMBDA {
    // Packed codes are loaded again for their high nibbles: kept, they would fill all registers.
    if constexpr (kNibbles == Nibbles::kHigh) __asm__ volatile("" ::: "memory");
    for (size_t line = 0; line < chunk.ahead_lines; ++line, ahead += 64) Prefetch(ahead);
    Ints dots[kTiles][kTokens];
    DRAGOMAN_UNROLL
    for (size_t i = 0; i < kTiles * kTokens; ++i) {
      dots[i / kTokens][i % kTokens] = kHasMin ? ZeroInts() : SetInts(corrections + i % kTokens);
    }
    const uint8_t* codes[kTiles];
    for (size_t tile = 0; tile < kTiles; ++tile) codes[tile] = panels[tile].codes + at_codes;
    DotSteps<kTokens, kTiles, kSteps, SumsOf<Codes>(), kNibbles>(codes, x, dots);
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const Floats x_scale = SetFloats(x_scales + t);
      DRAGOMAN_UNROLL
      for (size_t tile = 0; tile < kTiles; ++tile) {
        Floats value =
            Mul(IntsToFloats(dots[tile][t]), LoadFloats(panels[tile].scales + at_scales));
        if constexpr (kHasMin) {
          const Floats sum = SetFloats(reinterpret_cast<const float*>(corrections + t));
          value = NegMulAdd(LoadFloats(panels[tile].minima + at_scales), sum, value);
        }
        sums[tile][t] = MulAdd(value, x_scale, sums[tile][t]);
      }
    }
    constexpr size_t kCodesBytes = kSteps * kStepBytes;
    if constexpr (kNibbles == Nibbles::kNone || kNibbles == Nibbles::kHigh) at_codes += kCodesBytes;
    if constexpr (kNibbles == Nibbles::kBoth) at_codes += kCodesBytes / 2;
    at_scales += kTileRows;
    x += kSteps * 4 * kTokens;
    x_scales += kTokens;
    corrections += kTokens;
  };
  constexpr PanelNibbles kNibbles = IsPacked<Codes>() ? Codes::kPanelNibbles : PanelNibbles::kNone;
  if constexpr (kNibbles == PanelNibbles::kPairsOfSubs) {
    for (size_t sub = 0; sub < elems / Codes::kSubElems; sub += 2) {
      add_sub.template operator()<Nibbles::kLow>();
      add_sub.template operator()<Nibbles::kHigh>();
    }
  } else {
    constexpr bool kWithin = kNibbles == PanelNibbles::kWithinSubs;
    for (size_t sub = 0; sub < elems / Codes::kSubElems; ++sub) {
      add_sub.template operator()<kWithin ? Nibbles::kBoth : Nibbles::kNone>();
    }
  }
  DRAGOMAN_UNROLL
  for (size_t i = 0; i < kTiles * kTokens; ++i) {
    const size_t tile = i / kTokens, t = i % kTokens;
    StoreFloats(sums[tile][t], chunk.sums + t * kPanelRows + tile * kTileRows);
  }
}

using MultiplyFunction = void (*)(const Panel*, size_t, const ChunkSpan&);

template <class Codes, size_t kTiles, int... kLess>
constexpr std::array<MultiplyFunction, sizeof...(kLess)> ListMultiplyFunctions(
    std::integer_sequence<int, kLess...>) {
  return {MultiplyChunk<Codes, kLess + 1, kTiles>...};
}

// One call's product for one block type.
template <class Codes>
class PieceProduct {
 public:
  explicit PieceProduct(const Int8Piece& piece)
      : piece_(piece),
        cols_(static_cast<size_t>(piece.weights.cols)),
        rows_(static_cast<size_t>(piece.weights.rows)),
        row_bytes_(cols_ / Codes::kElems * sizeof(typename Codes::Block)),
        first_token_(static_cast<size_t>(piece.x.FirstToken(piece.first_chunk))),
        tokens_(static_cast<size_t>(piece.x.FirstToken(piece.last_chunk)) - first_token_) {}

  void Run() {
    const auto last = static_cast<size_t>(piece_.last_row);
    for (auto row = static_cast<size_t>(piece_.first_row); row < last; row += kPanelRows) {
      const size_t count = std::min(kPanelRows, last - row);
      std::memset(sums_, 0, tokens_ * sizeof(sums_[0]));
      for (size_t k = 0; k < cols_; k += kSpan) MultiplySpan(row, count, k);
      for (size_t t = 0; t < tokens_; ++t) {
        std::copy_n(sums_[t], count, piece_.out + (first_token_ + t) * rows_ + row);
      }
    }
  }

 private:
  static constexpr auto kChunkSizes = std::make_integer_sequence<int, kMaxChunkTokens>();
  static constexpr auto kMultiply = ListMultiplyFunctions<Codes, kPanelTiles>(kChunkSizes);
  static constexpr auto kMultiplyTile = ListMultiplyFunctions<Codes, 1>(kChunkSizes);

  // Unpacking takes about as long as multiplying with so many tokens.
  static constexpr size_t kUnpackTokens = 4;

  static size_t CeilDivide(size_t a, size_t b) { return (a + b - 1) / b; }

  static size_t SpanBytes(size_t elems) {
    return elems / Codes::kElems * sizeof(typename Codes::Block);
  }

  void MultiplySpan(size_t row, size_t count, size_t k) {
    const size_t elems = std::min(kSpan, cols_ - k);
    const auto* from = reinterpret_cast<const uint8_t*>(piece_.weights.data) + row * row_bytes_;
    // The rows that come next are fetched meanwhile, in the order of memory.
    const uint8_t* ahead = from + kPanelRows * (row_bytes_ + SpanBytes(k));
    const size_t ahead_lines = kPanelRows * SpanBytes(elems) / 64;
    size_t lines = CeilDivide(ahead_lines * kUnpackTokens / (tokens_ + kUnpackTokens),
                              elems / Codes::kElems * kPanelTiles);
    size_t tiles = 0;
    for (size_t done = 0; done < count; done += kTileRows, ++tiles) {
      UnpackTile(from + done * row_bytes_ + SpanBytes(k), count - done, elems, panels_[tiles],
                 Ahead{ahead, lines});
      ahead += elems / Codes::kElems * lines * 64;
    }
    const auto chunks = static_cast<size_t>(piece_.last_chunk - piece_.first_chunk);
    const size_t subs = elems / Codes::kSubElems;
    lines = CeilDivide(ahead_lines * tokens_ / (tokens_ + kUnpackTokens), chunks * subs);
    for (int64_t chunk = piece_.first_chunk; chunk < piece_.last_chunk; ++chunk) {
      MultiplyChunkAt(chunk, tiles, k, elems, ahead, lines);
      ahead += subs * lines * 64;
    }
  }

  void MultiplyChunkAt(int64_t chunk, size_t tiles, size_t k, size_t elems, const uint8_t* ahead,
                       size_t lines) {
    const Int8Activations& x = piece_.x;
    const auto first = static_cast<size_t>(x.FirstToken(chunk));
    const size_t tokens = static_cast<size_t>(x.FirstToken(chunk + 1)) - first;
    const size_t subs = cols_ / Codes::kSubElems, sub = k / Codes::kSubElems;
    ChunkSpan span;
    span.codes = x.codes + first * cols_ + k * tokens;
    span.scales = x.scales + first * subs + sub * tokens;
    span.corrections = x.corrections + first * subs + sub * tokens;
    span.sums = sums_[first - first_token_];
    span.ahead = ahead;
    span.ahead_lines = lines;
    const auto& functions = tiles == kPanelTiles ? kMultiply : kMultiplyTile;
    functions[tokens - 1](panels_, elems, span);
    if (tiles == kPanelTiles) return;
    span.ahead_lines = 0;
    for (size_t tile = 1; tile < tiles; ++tile) {
      span.sums += kTileRows;
      functions[tokens - 1](panels_ + tile, elems, span);
    }
  }

  // When fewer rows than a tile's are left, the missing ones are zeros.
  void UnpackTile(const uint8_t* from, size_t rows, size_t elems, Panel& panel, Ahead ahead) {
    const TileBlock to{panel.codes, panel.scales, panel.minima};
    if (rows >= kTileRows) return UnpackSpan<Codes>(from, row_bytes_, elems, to, ahead);
    std::memset(padded_, 0, sizeof(padded_));
    const size_t bytes = SpanBytes(elems);
    for (size_t r = 0; r < rows; ++r)
      std::memcpy(padded_ + r * bytes, from + r * row_bytes_, bytes);
    UnpackSpan<Codes>(padded_, bytes, elems, to, ahead);
  }

  const Int8Piece& piece_;
  size_t cols_, rows_, row_bytes_, first_token_, tokens_;
  Panel panels_[kPanelTiles];
  alignas(64) float sums_[kMaxPieceTokens][kPanelRows];
  alignas(64) uint8_t padded_[kTileRows * kSpan / Codes::kElems * sizeof(typename Codes::Block)];
};

// x [32] -> codes, the sums of the first 16 of them and of the others; returns the scale. NaN and
// infinity give a scale that is not finite.
DRAGOMAN_ALWAYS_INLINE float EncodeGroup(const float* x, int8_t* codes, int32_t (&half_sums)[2]) {
  const uint32_t highest = HighestMagnitude(x);
  float magnitude;
  std::memcpy(&magnitude, &highest, sizeof(magnitude));
  if (magnitude < kSmallestMagnitude) {
    std::memset(codes, 0, kInt8GroupElems);
    half_sums[0] = half_sums[1] = 0;
    return 0.0f;
  }
  RoundGroup(x, 127.0f / magnitude, codes, half_sums);
  return magnitude / 127.0f;
}

// A token's codes, and for every sub-block its scale and correction, at [i * stride].
template <class Codes>
void QuantizeToken(const float* x, size_t cols, int8_t* codes, float* scales, uint32_t* corrections,
                   size_t stride) {
  constexpr size_t kSubs = kInt8GroupElems / Codes::kSubElems;
  static_assert(kSubs == 1 || kSubs == 2);
  for (size_t k = 0; k < cols; k += kInt8GroupElems) {
    int32_t half_sums[2];
    const float scale = EncodeGroup(x + k, codes + k, half_sums);
    if constexpr (kSubs == 1) half_sums[0] += half_sums[1];
    for (size_t s = 0; s < kSubs; ++s) {
      const size_t at = (k / Codes::kSubElems + s) * stride;
      scales[at] = scale;
      if constexpr (Codes::kHasMin) {
        const auto as_float = static_cast<float>(half_sums[s]);
        std::memcpy(&corrections[at], &as_float, sizeof(as_float));
      } else {
        corrections[at] = CorrectionOf<Codes>(codes + k + s * Codes::kSubElems, half_sums[s]);
      }
    }
  }
}

template <class Codes>
void QuantizeChunk(const float* x, const Int8Activations& to, int64_t chunk) {
  const auto cols = static_cast<size_t>(to.cols);
  const int64_t first_token = to.FirstToken(chunk);
  const auto first = static_cast<size_t>(first_token);
  const auto tokens = static_cast<size_t>(to.FirstToken(chunk + 1) - first_token);
  const size_t subs = cols / Codes::kSubElems;
  int8_t* codes = to.codes + first * cols;
  float* scales = to.scales + first * subs;
  uint32_t* corrections = to.corrections + first * subs;
  if (to.by_rows || tokens == 1) {
    for (size_t t = 0; t < tokens; ++t) {
      QuantizeToken<Codes>(x + (first + t) * cols, cols, codes + t * cols, scales + t,
                           corrections + t, tokens);
    }
    return;
  }
  constexpr size_t kPart = 2048;  // columns quantized before they are spread out
  int8_t part[kPart];
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t k = 0; k < cols; k += kPart) {
      const size_t elems = std::min(kPart, cols - k);
      const size_t sub = k / Codes::kSubElems;
      QuantizeToken<Codes>(x + (first + t) * cols + k, elems, part, scales + sub * tokens + t,
                           corrections + sub * tokens + t, tokens);
      for (size_t i = 0; i < elems; i += 4) {
        std::memcpy(codes + ((k + i) / 4 * tokens + t) * 4, part + i, 4);
      }
    }
  }
}

template <class Codes>
void QuantizeChunks(const float* x, const Int8Activations& to, int64_t first, int64_t last) {
  for (int64_t chunk = first; chunk < last; ++chunk) QuantizeChunk<Codes>(x, to, chunk);
}

template <class Codes>
void MultiplyPiece(const Int8Piece& piece) {
  if (piece.x.by_rows) return MultiplyByRows<Codes>(piece);
  PieceProduct<Codes>(piece).Run();
}

// What a block type offers; null functions when there is no integer product.
struct TypeFunctions {
  int64_t sub_elems = 0;
  void (*quantize)(const float*, const Int8Activations&, int64_t, int64_t) = nullptr;
  void (*multiply)(const Int8Piece&) = nullptr;
};

template <class Codes>
constexpr TypeFunctions FunctionsOf() {
  return {static_cast<int64_t>(Codes::kSubElems), QuantizeChunks<Codes>, MultiplyPiece<Codes>};
}

TypeFunctions FunctionsOfType(BlockType type) {
  switch (type) {
    case BlockType::kQ4_K:
      return FunctionsOf<Q4KCodes>();
    case BlockType::kQ5_K:
      return FunctionsOf<Q5KCodes>();
    case BlockType::kQ6_K:
      return FunctionsOf<Q6KCodes>();
    case BlockType::kQ8_0:
      return FunctionsOf<Q80Codes>();
    case BlockType::kQ4_0:
      return FunctionsOf<Q40Codes>();
    case BlockType::kQ4_1:
      return FunctionsOf<Q41Codes>();
    case BlockType::kQ5_0:
      return FunctionsOf<Q50Codes>();
    case BlockType::kQ5_1:
      return FunctionsOf<Q51Codes>();
    case BlockType::kQ2_K:
      return FunctionsOf<Q2KCodes>();
    case BlockType::kQ3_K:
      return FunctionsOf<Q3KCodes>();
    case BlockType::kIQ4_NL:
      return FunctionsOf<IQ4NLCodes>();
    case BlockType::kIQ4_XS:
      return FunctionsOf<IQ4XSCodes>();
    default:
      return {};
  }
}

bool LayOut(const WeightMatrix& w, Int8Activations* x) {
  x->cols = w.cols;
  x->sub_elems = FunctionsOfType(w.type).sub_elems;
  x->Cut(kMaxChunkTokens);
  x->by_rows = GoesByRows(w, x->tokens);
  return x->sub_elems > 0;
}

void QuantizeActivations(BlockType type, const float* x, const Int8Activations& to, int64_t first,
                         int64_t last) {
  FunctionsOfType(type).quantize(x, to, first, last);
}

void MultiplyRows(const Int8Piece& piece) { FunctionsOfType(piece.weights.type).multiply(piece); }

Int8Kernels MakeInt8Kernels(std::string_view name) {
  return {name, LayOut, QuantizeActivations, MultiplyRows};
}
