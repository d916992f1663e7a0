// Error feedback on the shapes of TranslateGemma 4B, with synthetic second moments: inputs that are
// sums of fewer patterns than there are columns, plus noise, their strengths falling as 1 / (1 +
// p).
//
// DRAGOMAN_BENCH_THREADS sets the threads (default: all cores). On a machine that others use too,
// the CPU seconds of the process ("cpu_s") tell more than the time that passed.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/process_stats.h"
#include "base/random.h"
#include "quantize/error_feedback.h"

namespace dragoman {
namespace {

struct Workers {
  explicit Workers(int threads)
      : backend(std::move(*OpenBackend("auto", threads))), pool(backend->threads()) {}
  std::unique_ptr<Backend> backend;
  ThreadPool pool;
};

Workers& BenchWorkers() {
  static Workers workers([] {
    const char* threads = std::getenv("DRAGOMAN_BENCH_THREADS");
    return threads != nullptr ? std::atoi(threads) : 0;
  }());
  return workers;
}

double CpuSeconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

std::vector<float> NormalValues(int64_t count, float scale, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = scale * static_cast<float>(random.Normal());
  return values;
}

// mix [dim, patterns] with column p scaled: H = mix mix^T + noise I.
Hessian SyntheticHessian(int64_t dim) {
  constexpr float kNoise = 0.05f;
  const int64_t patterns = dim / 8;
  std::vector<float> mix = NormalValues(dim * patterns, 1.0f, 1);
  for (size_t i = 0; i < mix.size(); ++i) {
    mix[i] /= std::sqrt(1.0f + static_cast<float>(static_cast<int64_t>(i) % patterns));
  }
  Hessian hessian{dim, static_cast<uint64_t>(patterns), {}};
  hessian.mean.resize(static_cast<size_t>(dim * dim));
  const WeightMatrix matrix{BlockType::kF32, dim, patterns,
                            reinterpret_cast<const std::byte*>(mix.data())};
  BenchWorkers().backend->MatMul(matrix, mix.data(), dim, hessian.mean.data());
  for (int64_t i = 0; i < dim; ++i) {
    for (int64_t j = 0; j < i; ++j) {  // the products' order of additions is not symmetric
      hessian.mean[static_cast<size_t>(i * dim + j)] =
          hessian.mean[static_cast<size_t>(j * dim + i)];
    }
    hessian.mean[static_cast<size_t>(i * dim + i)] += kNoise;
  }
  return hessian;
}

// One at a time: that of 10,240 columns takes 420 MB.
const Hessian& HessianOf(int64_t dim) {
  static Hessian hessian;
  if (hessian.dim != dim) {
    hessian = Hessian();
    hessian = SyntheticHessian(dim);
  }
  return hessian;
}

const FeedbackFactor& FactorOf(int64_t dim) {
  static FeedbackFactor factor;
  if (factor.dim != dim) {
    factor = FeedbackFactor();
    auto fresh =
        FactorForFeedback(HessianOf(dim), 0.01, *BenchWorkers().backend, BenchWorkers().pool);
    DRAGOMAN_CHECK(fresh.has_value());
    factor = std::move(*fresh);
  }
  return factor;
}

void BenchFactor(benchmark::State& state) {
  const Hessian& hessian = HessianOf(state.range(0));
  double cpu = 0;
  for (auto _ : state) {
    const double before = CpuSeconds();
    auto factor = FactorForFeedback(hessian, 0.01, *BenchWorkers().backend, BenchWorkers().pool);
    benchmark::DoNotOptimize(factor->residual.data());
    cpu += CpuSeconds() - before;
  }
  state.counters["cpu_s"] = cpu / static_cast<double>(state.iterations());
  state.counters["anonymous_MB"] = static_cast<double>(CurrentMemoryUse().anonymous_bytes) / 1e6;
}

// Arguments: rows, columns, most passes. Per weight, since a tensor is so many groups of the same.
void BenchRound(benchmark::State& state, BlockType type) {
  const int64_t rows = state.range(0), dim = state.range(1);
  const FeedbackContext context{&FactorOf(dim), &HessianOf(dim).mean};
  const std::vector<float> values = NormalValues(rows * dim, 0.02f, 2);
  std::vector<std::byte> out(
      *TensorBytes(type, static_cast<uint64_t>(rows), static_cast<uint64_t>(dim)));
  FeedbackOptions options;
  options.most_passes = static_cast<int>(state.range(2));
  FeedbackLoss loss;
  double cpu = 0;
  for (auto _ : state) {
    const double before = CpuSeconds();
    loss = RoundWithFeedback(context, type, values.data(), rows, options, *BenchWorkers().backend,
                             BenchWorkers().pool, out.data());
    cpu += CpuSeconds() - before;
  }
  cpu /= static_cast<double>(state.iterations());
  state.counters["cpu_s"] = cpu;
  state.counters["cpu_ns_per_weight"] = cpu * 1e9 / static_cast<double>(rows * dim);
  state.counters["passes_gain"] = 1 - loss.after_passes / loss.after_feedback;
  state.counters["anonymous_MB"] = static_cast<double>(CurrentMemoryUse().anonymous_bytes) / 1e6;
}

// Rows for a quarter of a group or more: q, k, v, gate, up and the embedding read 2560 columns, o
// 2048, down 10240. In order of the columns, lest second moments are made again.
void PassesOf4B(benchmark::internal::Benchmark* bench) {
  for (const int64_t dim : {2048, 2560, 10240}) {
    for (const int64_t passes : {0, 1, 2, 6}) bench->Args({dim == 10240 ? 512 : 1024, dim, passes});
  }
}

BENCHMARK(BenchFactor)
    ->Name("factor")
    ->Arg(2048)
    ->Arg(2560)
    ->Arg(10240)
    ->Iterations(1)
    ->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(BenchRound, q4_k, BlockType::kQ4_K)
    ->Apply(PassesOf4B)
    ->Iterations(1)
    ->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(BenchRound, q6_k, BlockType::kQ6_K)
    ->Apply(PassesOf4B)
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace dragoman
