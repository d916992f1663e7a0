// The integer product, written once over the lanes of an instruction set and included by its file
// after them, inside that file's anonymous namespace and target.
//
// As many rows of weights as a vector has lanes (a tile) are unpacked for a span of columns into a
// panel that stays in the first-level cache, and multiplied with every chunk of activations. For
// one chunk (decoding) the tile goes along its rows, so that weights are read from memory in order;
// for more, a span of several tiles is done before the next span, so that the activations of a span
// stay in the second-level cache. Both give the same sums: a row's spans are added in order.

// Columns of a panel: a multiple of every block. It does not change results.
constexpr size_t kSpan = 512;
// Tokens whose sums a piece can hold for a tile that is not whole.
constexpr size_t kMaxPieceTokens = 128;

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
  float* out;  // first token, first row of the tile
  size_t out_stride;
  bool first_span;  // set the output instead of adding to it
};

template <int kTokens, int kSubElems, bool kHasMin, int kBits, bool kSigned>
void MultiplyChunk(const Panel& panel, size_t elems, const ChunkSpan& chunk) {
  constexpr int kSteps = kSubElems / 4;
  Floats sums[kTokens];
  DRAGOMAN_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    sums[t] = chunk.first_span ? ZeroFloats()
                               : LoadFloats(chunk.out + static_cast<size_t>(t) * chunk.out_stride);
  }
  const uint8_t* codes = panel.codes;
  const float* panel_scales = panel.scales;
  const float* panel_minima = panel.minima;
  const int8_t* x = chunk.codes;
  const float* x_scales = chunk.scales;
  const uint32_t* corrections = chunk.corrections;
  for (size_t sub = 0; sub < elems / kSubElems; ++sub) {
    Ints dots[kTokens];
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) dots[t] = kHasMin ? ZeroInts() : SetInts(corrections + t);
    DotSteps<kTokens, kSteps, kBits, kSigned>(codes, x, dots);
    const Floats scale = LoadFloats(panel_scales);
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      Floats value = Mul(IntsToFloats(dots[t]), scale);
      if constexpr (kHasMin) {
        const Floats sum = SetFloats(reinterpret_cast<const float*>(corrections + t));
        value = NegMulAdd(LoadFloats(panel_minima), sum, value);
      }
      sums[t] = MulAdd(value, SetFloats(x_scales + t), sums[t]);
    }
    codes += kSteps * kStepBytes;
    panel_scales += kTileRows;
    panel_minima += kTileRows;
    x += kSteps * 4 * kTokens;
    x_scales += kTokens;
    corrections += kTokens;
  }
  DRAGOMAN_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    StoreFloats(sums[t], chunk.out + static_cast<size_t>(t) * chunk.out_stride);
  }
}

using MultiplyFunction = void (*)(const Panel&, size_t, const ChunkSpan&);

template <class Codes, int... kLess>
constexpr std::array<MultiplyFunction, sizeof...(kLess)> ListMultiplyFunctions(
    std::integer_sequence<int, kLess...>) {
  return {MultiplyChunk<kLess + 1, Codes::kSubElems, Codes::kHasMin, DotBits(Codes::kBits),
                        Codes::kSigned>...};
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
        first_token_(piece.x.FirstToken(piece.first_chunk)) {}

  void Run() {
    const auto first = static_cast<size_t>(piece_.first_row);
    const auto last = static_cast<size_t>(piece_.last_row);
    if (piece_.last_chunk - piece_.first_chunk == 1) {
      for (size_t row = first; row < last; row += kTileRows) {
        for (size_t k = 0; k < cols_; k += kSpan) MultiplyTile(row, k);
      }
    } else {
      for (size_t k = 0; k < cols_; k += kSpan) {
        for (size_t row = first; row < last; row += kTileRows) MultiplyTile(row, k);
      }
    }
    if (tail_rows_ > 0) StoreTail();
  }

 private:
  static constexpr auto kMultiply =
      ListMultiplyFunctions<Codes>(std::make_integer_sequence<int, kMaxChunkTokens>());

  void MultiplyTile(size_t row, size_t k) {
    const size_t elems = std::min(kSpan, cols_ - k);
    const size_t rows = std::min(kTileRows, static_cast<size_t>(piece_.last_row) - row);
    const size_t span_bytes = k / Codes::kElems * sizeof(typename Codes::Block);
    const auto* from =
        reinterpret_cast<const uint8_t*>(piece_.weights.data) + row * row_bytes_ + span_bytes;
    const TileBlock to{panel_.codes, panel_.scales, panel_.minima};
    float* out = piece_.out + static_cast<size_t>(first_token_) * rows_ + row;
    size_t out_stride = rows_;
    if (rows == kTileRows) {
      UnpackSpan<Codes>(from, row_bytes_, elems, to, NextTile(row, k));
    } else {
      UnpackTail(from, rows, elems, to);
      tail_rows_ = rows;
      out = tail_;
      out_stride = kTileRows;
    }
    for (int64_t chunk = piece_.first_chunk; chunk < piece_.last_chunk; ++chunk) {
      MultiplyChunkAt(chunk, k, elems, out, out_stride);
    }
  }

  void MultiplyChunkAt(int64_t chunk, size_t k, size_t elems, float* out, size_t out_stride) {
    const Int8Activations& x = piece_.x;
    const int64_t first_token = x.FirstToken(chunk);
    const auto first = static_cast<size_t>(first_token);
    const auto tokens = static_cast<size_t>(x.FirstToken(chunk + 1) - first_token);
    const size_t subs = cols_ / Codes::kSubElems, sub = k / Codes::kSubElems;
    ChunkSpan span;
    span.codes = x.codes + first * cols_ + k * tokens;
    span.scales = x.scales + first * subs + sub * tokens;
    span.corrections = x.corrections + first * subs + sub * tokens;
    span.out = out + static_cast<size_t>(first_token - first_token_) * out_stride;
    span.out_stride = out_stride;
    span.first_span = k == 0;
    kMultiply[tokens - 1](panel_, elems, span);
  }

  // A tile goes along its rows for one chunk: then the next one is fetched meanwhile, in the order
  // of memory.
  const uint8_t* NextTile(size_t row, size_t k) const {
    if (piece_.last_chunk - piece_.first_chunk != 1) return nullptr;
    return reinterpret_cast<const uint8_t*>(piece_.weights.data) + (row + kTileRows) * row_bytes_ +
           kTileRows * (k / Codes::kElems * sizeof(typename Codes::Block));
  }

  // Fewer rows than a tile's are left: the missing ones are zeros.
  void UnpackTail(const uint8_t* from, size_t rows, size_t elems, const TileBlock& to) {
    const size_t bytes = elems / Codes::kElems * sizeof(typename Codes::Block);
    std::memset(padded_, 0, sizeof(padded_));
    for (size_t r = 0; r < rows; ++r)
      std::memcpy(padded_ + r * bytes, from + r * row_bytes_, bytes);
    UnpackSpan<Codes>(padded_, bytes, elems, to, nullptr);
  }

  void StoreTail() {
    const auto row = static_cast<size_t>(piece_.last_row) - tail_rows_;
    const int64_t tokens = piece_.x.FirstToken(piece_.last_chunk) - first_token_;
    for (size_t t = 0; t < static_cast<size_t>(tokens); ++t) {
      float* out = piece_.out + (static_cast<size_t>(first_token_) + t) * rows_ + row;
      std::copy_n(tail_ + t * kTileRows, tail_rows_, out);
    }
  }

  Panel panel_;
  alignas(64) float tail_[kMaxPieceTokens * kTileRows];
  uint8_t padded_[kTileRows * kSpan / 32 * 34];  // Q8_0 has the largest blocks
  const Int8Piece& piece_;
  size_t cols_, rows_, row_bytes_;
  int64_t first_token_;
  size_t tail_rows_ = 0;
};

// Below this the reciprocal of a scale would overflow: such a group is all zeros.
constexpr float kSmallestMagnitude = 1e-30f;

// x [32] -> codes; returns the scale. NaN and infinity give a scale that is not finite.
inline float QuantizeGroup(const float* x, int8_t* codes) {
  // Magnitudes compared as integers, which puts NaN above infinity.
  uint32_t bits[kInt8GroupElems];
  std::memcpy(bits, x, sizeof(bits));
  uint32_t highest = 0;
  for (const uint32_t value : bits) highest = std::max(highest, value & 0x7fffffffu);
  float magnitude;
  std::memcpy(&magnitude, &highest, sizeof(magnitude));
  if (magnitude < kSmallestMagnitude) {
    std::memset(codes, 0, kInt8GroupElems);
    return 0.0f;
  }
  const float inverse = 127.0f / magnitude;
  // Adding 1.5 * 2^23 rounds to the nearest even integer, which then lies in the low bits.
  constexpr float kRound = 12582912.0f;
  for (int64_t i = 0; i < kInt8GroupElems; ++i) {
    const float shifted = x[i] * inverse + kRound;
    uint32_t code;
    std::memcpy(&code, &shifted, sizeof(code));
    codes[i] = static_cast<int8_t>(code & 0xffu);
  }
  return magnitude / 127.0f;
}

// A token's codes, and for every sub-block its scale and correction, at [i * stride].
template <class Codes>
void QuantizeToken(const float* x, size_t cols, int8_t* codes, float* scales, uint32_t* corrections,
                   size_t stride) {
  constexpr size_t kSubs = kInt8GroupElems / Codes::kSubElems;
  for (size_t k = 0; k < cols; k += kInt8GroupElems) {
    const float scale = QuantizeGroup(x + k, codes + k);
    for (size_t s = 0; s < kSubs; ++s) {
      int32_t sum = 0;
      for (size_t i = 0; i < Codes::kSubElems; ++i) sum += codes[k + s * Codes::kSubElems + i];
      const size_t at = (k / Codes::kSubElems + s) * stride;
      scales[at] = scale;
      if constexpr (Codes::kHasMin) {
        const auto as_float = static_cast<float>(sum);
        std::memcpy(&corrections[at], &as_float, sizeof(as_float));
      } else {
        corrections[at] = static_cast<uint32_t>(-Codes::kOffset * sum);
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
