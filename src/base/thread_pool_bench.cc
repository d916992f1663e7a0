// What a parallel loop costs beside its work: with workers still polling, and with sleeping ones.
//
// DRAGOMAN_BENCH_THREADS: default all cores. A decoding step of a model of 34 layers has some 300
// loops.
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdlib>

#include "base/thread_pool.h"

namespace dragoman {
namespace {

int Threads() {
  const char* threads = std::getenv("DRAGOMAN_BENCH_THREADS");
  return threads != nullptr ? std::atoi(threads) : 0;
}

void BusyFor(int64_t microseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < end) {
  }
}

// An empty loop, `range` microseconds after the one before.
void LoopAfterPause(benchmark::State& state) {
  ThreadPool pool(Threads());
  std::atomic<int64_t> sum{0};
  for (auto _ : state) {
    BusyFor(state.range(0));
    const auto start = std::chrono::steady_clock::now();
    pool.ParallelFor(2 * pool.threads(), 1, [&](int64_t begin, int64_t, int) {
      sum.fetch_add(begin, std::memory_order_relaxed);
    });
    state.SetIterationTime(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  benchmark::DoNotOptimize(sum.load());
}
BENCHMARK(LoopAfterPause)->Arg(0)->Arg(10)->Arg(30)->Arg(100)->Arg(1000)->UseManualTime();

// Work of `range` microseconds per piece, two pieces a thread: what is gained against one thread.
void SharedWork(benchmark::State& state) {
  ThreadPool pool(Threads());
  for (auto _ : state) {
    pool.ParallelFor(2 * pool.threads(), 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) BusyFor(state.range(0));
    });
  }
}
BENCHMARK(SharedWork)->Arg(5)->Arg(20)->Arg(100)->UseRealTime();

}  // namespace
}  // namespace dragoman
