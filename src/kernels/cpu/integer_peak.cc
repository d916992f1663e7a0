// Whole loops in assembly: around intrinsics GCC 12 copies registers, which costs half the rate.
//
// Every loop has so many independent sums that none waits for the one before, and needs no more
// registers than its instruction set has.
#include "kernels/cpu/integer_peak.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace dragoman {
namespace {

#if defined(__x86_64__)

#define DRAGOMAN_DOT(sum) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #sum "\n\t"

void RunAvx512Vnni(int64_t rounds) {
  asm volatile(
      "vpxord %%zmm14, %%zmm14, %%zmm14\n\t"
      "vpxord %%zmm15, %%zmm15, %%zmm15\n\t"
      "1:\n\t"  //
      DRAGOMAN_DOT(0) DRAGOMAN_DOT(1) DRAGOMAN_DOT(2) DRAGOMAN_DOT(3) DRAGOMAN_DOT(4)
          DRAGOMAN_DOT(5) DRAGOMAN_DOT(6) DRAGOMAN_DOT(7) DRAGOMAN_DOT(8) DRAGOMAN_DOT(9)
              DRAGOMAN_DOT(10) DRAGOMAN_DOT(11) DRAGOMAN_DOT(12) DRAGOMAN_DOT(13)
      "dec %0\n\t"
      "jnz 1b\n\t"
      "vzeroupper"
      : "+r"(rounds)
      :
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc");
}
#undef DRAGOMAN_DOT

// Bytes to pairs in 16 bits, pairs to fours in 32, and their sum: what AVX2 has instead.
#define DRAGOMAN_DOT(sum, part)                   \
  "vpmaddubsw %%ymm12, %%ymm13, %%ymm" #part      \
  "\n\t"                                          \
  "vpmaddwd %%ymm14, %%ymm" #part ", %%ymm" #part \
  "\n\t"                                          \
  "vpaddd %%ymm" #part ", %%ymm" #sum ", %%ymm" #sum "\n\t"

void RunAvx2(int64_t rounds) {
  asm volatile(
      "vpxor %%xmm12, %%xmm12, %%xmm12\n\t"
      "vpxor %%xmm13, %%xmm13, %%xmm13\n\t"
      "vpxor %%xmm14, %%xmm14, %%xmm14\n\t"
      "1:\n\t"  //
      DRAGOMAN_DOT(0, 6) DRAGOMAN_DOT(1, 7) DRAGOMAN_DOT(2, 8) DRAGOMAN_DOT(3, 9)
          DRAGOMAN_DOT(4, 10) DRAGOMAN_DOT(5, 11)
      "dec %0\n\t"
      "jnz 1b\n\t"
      "vzeroupper"
      : "+r"(rounds)
      :
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "cc");
}
#undef DRAGOMAN_DOT

#define DRAGOMAN_DOT(sum) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #sum "\n\t"

void RunAvxVnni(int64_t rounds) {
  asm volatile(
      "vpxor %%xmm14, %%xmm14, %%xmm14\n\t"
      "vpxor %%xmm15, %%xmm15, %%xmm15\n\t"
      "1:\n\t"  //
      DRAGOMAN_DOT(0) DRAGOMAN_DOT(1) DRAGOMAN_DOT(2) DRAGOMAN_DOT(3) DRAGOMAN_DOT(4)
          DRAGOMAN_DOT(5) DRAGOMAN_DOT(6) DRAGOMAN_DOT(7) DRAGOMAN_DOT(8) DRAGOMAN_DOT(9)
              DRAGOMAN_DOT(10) DRAGOMAN_DOT(11) DRAGOMAN_DOT(12) DRAGOMAN_DOT(13)
      "dec %0\n\t"
      "jnz 1b\n\t"
      "vzeroupper"
      : "+r"(rounds)
      :
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc");
}
#undef DRAGOMAN_DOT

bool HasAvx512Vnni() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
}

#elif defined(__aarch64__) && defined(__linux__)

#define DRAGOMAN_DOT(sum) "sdot v" #sum ".4s, v30.16b, v31.16b\n\t"

void RunNeonDot(int64_t rounds) {
  asm volatile(
      ".arch armv8.2-a+dotprod\n\t"
      "movi v30.16b, #0\n\t"
      "movi v31.16b, #0\n\t"
      "1:\n\t"  //
      DRAGOMAN_DOT(0) DRAGOMAN_DOT(1) DRAGOMAN_DOT(2) DRAGOMAN_DOT(3) DRAGOMAN_DOT(4)
          DRAGOMAN_DOT(5) DRAGOMAN_DOT(6) DRAGOMAN_DOT(7) DRAGOMAN_DOT(16) DRAGOMAN_DOT(17)
              DRAGOMAN_DOT(18) DRAGOMAN_DOT(19) DRAGOMAN_DOT(20) DRAGOMAN_DOT(21)
                  DRAGOMAN_DOT(22) DRAGOMAN_DOT(23)
      "subs %0, %0, #1\n\t"
      "b.ne 1b"
      : "+r"(rounds)
      :
      : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21",
        "v22", "v23", "v30", "v31", "cc");
}
#undef DRAGOMAN_DOT

#endif

}  // namespace

IntegerPeak IntegerPeakOf([[maybe_unused]] std::string_view backend) {
#if defined(__x86_64__)
  if (backend == "cpu:avx512" && HasAvx512Vnni())
    return {"vpdpbusd, 512 bits", RunAvx512Vnni, 14 * 2 * 64.0};
  if (backend == "cpu:avxvnni") return {"vpdpbusd, 256 bits", RunAvxVnni, 14 * 2 * 32.0};
  if ((backend == "cpu:avx512" || backend == "cpu:avx2") && __builtin_cpu_supports("avx2"))
    return {"vpmaddubsw, vpmaddwd, vpaddd, 256 bits", RunAvx2, 6 * 2 * 32.0};
#elif defined(__aarch64__) && defined(__linux__)
  if (backend == "cpu:neondot" && (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0)
    return {"sdot, 128 bits", RunNeonDot, 16 * 2 * 16.0};
#endif
  return {};
}

}  // namespace dragoman
