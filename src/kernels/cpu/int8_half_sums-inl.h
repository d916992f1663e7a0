// Shared by the x86-64 instruction sets of the integer product.

// The sums of the lower and of the upper four words.
DRAGOMAN_ALWAYS_INLINE void SumHalves(__m256i words, int32_t (&sums)[2]) {
  const __m128i pairs =
      _mm_hadd_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  const __m128i halves = _mm_hadd_epi32(pairs, pairs);
  sums[0] = _mm_cvtsi128_si32(halves);
  sums[1] = _mm_extract_epi32(halves, 1);
}
