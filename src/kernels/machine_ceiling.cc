#include "kernels/machine_ceiling.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/cpu/integer_peak.h"
#include "kernels/cpu/kernel_table.h"

namespace dragoman {
namespace {

// Far beyond the caches that one machine's share of a large processor gives.
constexpr int64_t kReadElems = int64_t{64} << 20;  // 256 MB
constexpr int64_t kReadPieceElems = int64_t{1} << 18;
constexpr int kReadPasses = 12;
// A piece of arithmetic takes about half a millisecond.
constexpr int64_t kRoundsPerPiece = 200000;
constexpr int64_t kIntegerOpsPerPiece = 400'000'000;
constexpr int64_t kPiecesPerThread = 16;
constexpr int kMultiplyPasses = 8;

double SecondsOf(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

const KernelTable& TableOf(std::string_view backend) {
  for (const CpuIsa isa :
       {CpuIsa::kAvx512, CpuIsa::kAvxVnni, CpuIsa::kAvx2, CpuIsa::kNeonDot, CpuIsa::kGeneric}) {
    const KernelTable* table = FindKernelTable(isa);
    if (table != nullptr && table->name == backend) return *table;
  }
  for (const CpuIsa isa : {CpuIsa::kAvx512, CpuIsa::kAvx2}) {
    if (const KernelTable* table = FindKernelTable(isa)) return *table;
  }
  return *FindKernelTable(CpuIsa::kGeneric);
}

double MeasureRead(const KernelTable& table, ThreadPool& pool, std::vector<float>& sinks) {
  const std::unique_ptr<float[]> data(new float[kReadElems]);
  pool.ParallelFor(kReadElems, kReadPieceElems, [&](int64_t begin, int64_t end, int) {
    std::fill(data.get() + begin, data.get() + end, 1.0f);
  });
  double best_seconds = 1e9;
  for (int pass = 0; pass < kReadPasses; ++pass) {
    best_seconds =
        std::min(best_seconds, SecondsOf([&] {
                   pool.ParallelFor(kReadElems, kReadPieceElems,
                                    [&](int64_t begin, int64_t end, int worker) {
                                      sinks[static_cast<size_t>(worker)] +=
                                          table.read_memory(data.get() + begin, end - begin);
                                    });
                 }));
  }
  return static_cast<double>(kReadElems) * sizeof(float) / best_seconds / 1e9;
}

double MeasureMultiplyAdd(const KernelTable& table, ThreadPool& pool, std::vector<float>& sinks) {
  double best_rate = 0;
  for (int pass = 0; pass < kMultiplyPasses; ++pass) {
    std::vector<double> flops(static_cast<size_t>(pool.threads()), 0.0);
    const double seconds = SecondsOf([&] {
      const int64_t pieces = kPiecesPerThread * pool.threads();
      pool.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end, int worker) {
        const auto w = static_cast<size_t>(worker);
        sinks[w] += table.multiply_add((end - begin) * kRoundsPerPiece, &flops[w]);
      });
    });
    double total = 0;
    for (const double count : flops) total += count;
    best_rate = std::max(best_rate, total / seconds / 1e9);
  }
  return best_rate;
}

double MeasureIntegers(const IntegerPeak& peak, ThreadPool& pool) {
  if (peak.run == nullptr) return 0;
  const auto rounds = static_cast<int64_t>(kIntegerOpsPerPiece / peak.ops_per_round);
  const int64_t pieces = kPiecesPerThread * pool.threads();
  const double ops = static_cast<double>(pieces * rounds) * peak.ops_per_round;
  double best_rate = 0;
  for (int pass = 0; pass < kMultiplyPasses; ++pass) {
    const double seconds = SecondsOf([&] {
      pool.ParallelFor(pieces, 1,
                       [&](int64_t begin, int64_t end, int) { peak.run((end - begin) * rounds); });
    });
    best_rate = std::max(best_rate, ops / seconds / 1e9);
  }
  return best_rate;
}

}  // namespace

MachineCeiling MeasureCeiling(std::string_view backend, int threads) {
  const KernelTable& table = TableOf(backend);
  ThreadPool pool(threads);
  std::vector<float> sinks(static_cast<size_t>(pool.threads()), 0.0f);
  MachineCeiling ceiling;
  ceiling.read_gb_per_s = MeasureRead(table, pool, sinks);
  ceiling.f32_gflop_per_s = MeasureMultiplyAdd(table, pool, sinks);
  const IntegerPeak peak = IntegerPeakOf(table.name);
  ceiling.int8_gop_per_s = MeasureIntegers(peak, pool);
  ceiling.int8_instruction = peak.instruction;
  return ceiling;
}

}  // namespace dragoman
