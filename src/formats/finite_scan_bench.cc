// Speed of the finite scan on one thread, beside a plain copy of the same bytes (memcpy reads and
// writes).
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "formats/checkpoint.h"

namespace dragoman {
namespace {

constexpr size_t kBytes = size_t{64} << 20;  // beyond any cache

void BM_ScanFinite(benchmark::State& state, BlockType type) {
  const BlockTraits& traits = TraitsOf(type);
  const std::vector<std::byte> bytes(kBytes / traits.block_bytes * traits.block_bytes,
                                     std::byte{0x11});
  uint64_t bad = 0;
  for (auto _ : state) bad += ScanFinite(type, bytes).nan_count;
  if (bad != 0) state.SkipWithError("found NaN where there is none");
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK_CAPTURE(BM_ScanFinite, bf16, BlockType::kBF16);
BENCHMARK_CAPTURE(BM_ScanFinite, f16, BlockType::kF16);
BENCHMARK_CAPTURE(BM_ScanFinite, f32, BlockType::kF32);
BENCHMARK_CAPTURE(BM_ScanFinite, q8_0, BlockType::kQ8_0);
BENCHMARK_CAPTURE(BM_ScanFinite, q4_k, BlockType::kQ4_K);

void BM_Copy(benchmark::State& state) {
  const std::vector<std::byte> from(kBytes, std::byte{0x11});
  std::vector<std::byte> to(kBytes);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), kBytes);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBytes));
}
BENCHMARK(BM_Copy);

}  // namespace
}  // namespace dragoman
