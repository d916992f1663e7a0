// What int8_rows-inl.h wants of AVX2, where sums of two products are added in 16 bits.

// Sums of a sub-block's products: of two in 16 bits where the codes are unsigned, else of four.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints DotColumns(const Bytes* codes, const int8_t* x) {
  Bytes sums[2];
  DRAGOMAN_UNROLL
  for (size_t i = 0; i < 2; ++i) {
    const Bytes columns = SixteenColumns(x + 16 * i);
    if constexpr (Codes::kSigned) {
      sums[i] = Widen(
          _mm256_maddubs_epi16(_mm256_abs_epi8(codes[i]), _mm256_sign_epi8(columns, codes[i])));
    } else {
      sums[i] = _mm256_maddubs_epi16(codes[i], columns);
    }
  }
  return Codes::kSigned ? AddInts(sums[0], sums[1]) : _mm256_add_epi16(sums[0], sums[1]);
}

DRAGOMAN_ALWAYS_INLINE Bytes AddInterleavedPairs32(Bytes a, Bytes b) {
  return _mm256_add_epi16(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}
DRAGOMAN_ALWAYS_INLINE Bytes AddInterleavedPairs64(Bytes a, Bytes b) {
  return _mm256_add_epi16(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

// Sums that need not fit in 16 bits are widened before they might not.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints SumPairs(Ints a, Ints b) {
  if constexpr (SumsOf<Codes>() == Sums::kSigned) return AddInterleaved32(a, b);
  const Bytes sums = AddInterleavedPairs32(a, b);
  return SumsOf<Codes>() == Sums::kFourSteps ? Widen(sums) : sums;
}

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints SumTile(Ints a, Ints b) {
  constexpr Sums kSums = SumsOf<Codes>();
  if constexpr (kSums == Sums::kSigned || kSums == Sums::kFourSteps) return AddInterleaved64(a, b);
  const Bytes sums = AddInterleavedPairs64(a, b);
  return kSums == Sums::kCorrected ? sums : Widen(sums);
}

// Products of 16 columns that lie as four steps of a row per lane, in 16 bits.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints DotFourSteps(const Bytes (&codes)[4], const int8_t* x) {
  Bytes sums = _mm256_maddubs_epi16(codes[0], FourColumns(x));
  DRAGOMAN_UNROLL
  for (size_t step = 1; step < 4; ++step) {
    AddPairSums(codes[step], FourColumns(x + 4 * step), sums);
  }
  return sums;
}

// A byte of each word, in both of its halves: a signed one in their high bytes, so times 256.
template <int kByte, bool kIsSigned>
DRAGOMAN_ALWAYS_INLINE Bytes SpreadByte(Bytes words) {
  constexpr auto kFrom = [](int word) {
    const int byte = 4 * word + kByte, half = kIsSigned ? byte << 8 | 0x80 : 0x8000 | byte;
    return static_cast<int>(static_cast<unsigned>(half) * 0x10001u);
  };
  return _mm256_shuffle_epi8(
      words, _mm256_broadcastsi128_si256(_mm_setr_epi32(kFrom(0), kFrom(1), kFrom(2), kFrom(3))));
}

// Sums of 16 columns are multiplied with whole scales while they are widened, and with the block's
// scale as floats: no product but the last is rounded, so this gives what int8_product.h says.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE void PutRowFactors(const uint8_t* block, size_t stride,
                                          const TileBlock& to) {
  if constexpr (Codes::kSubElems == 32) {
    Codes::Factors(block, stride, to);
  } else {
    constexpr bool kIsSigned = !Codes::kHasMin;
    Bytes scales[4];
    Floats d;
    if constexpr (kIsSigned) {
      constexpr float kFactor = 1.0f / 256;
      d = Mul(Codes::Scales(block, stride, scales), SetFloats(&kFactor));
    } else {
      d = Codes::ScalesAndMinima(block, stride, scales, to);
    }
    auto* words = reinterpret_cast<uint8_t*>(to.scales);
    DRAGOMAN_UNROLL
    for (size_t i = 0; i < 4; ++i, words += 4 * sizeof(Bytes)) {
      StoreBytes(SpreadByte<0, kIsSigned>(scales[i]), words);
      StoreBytes(SpreadByte<1, kIsSigned>(scales[i]), words + sizeof(Bytes));
      StoreBytes(SpreadByte<2, kIsSigned>(scales[i]), words + 2 * sizeof(Bytes));
      StoreBytes(SpreadByte<3, kIsSigned>(scales[i]), words + 3 * sizeof(Bytes));
    }
    StoreFloats(d, reinterpret_cast<float*>(words));
  }
}
// 16 products of 6 bits less 32, twice, with scales of 8 bits.
static_assert(2ll * 8 * 32 * 127 * 128 * 256 < 1ll << 31);

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Floats ScaleDots(Ints dots, const uint32_t* correction, const float* scale,
                                        const float* block_scale) {
  constexpr Sums kSums = SumsOf<Codes>();
  if constexpr (kSums == Sums::kCorrected) dots = _mm256_add_epi16(dots, SetInts(correction));
  if constexpr (Codes::kSubElems == 16) {
    dots = _mm256_madd_epi16(dots, LoadBytes(scale));
    return Mul(IntsToFloats(dots), LoadFloats(block_scale));
  }
  if constexpr (kSums == Sums::kCorrected) dots = Widen(dots);
  if constexpr (kSums == Sums::kSigned) dots = AddInts(dots, SetInts(correction));
  return Mul(IntsToFloats(dots), LoadFloats(scale));
}
