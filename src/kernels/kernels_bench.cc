// Rates of the products and of attention, beside what the machine can do at most (the context lines
// "ceiling").
//
// DRAGOMAN_BENCH_DEVICE chooses the backend, DRAGOMAN_BENCH_THREADS the threads (default: all
// cores).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>

#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/machine_ceiling.h"
#include "kernels/random_tensors.h"

namespace dragoman {
namespace {

int Threads() {
  const char* threads = std::getenv("DRAGOMAN_BENCH_THREADS");
  return threads != nullptr ? std::atoi(threads) : 0;
}

Backend& BenchBackend() {
  static const std::unique_ptr<Backend> backend = [] {
    const char* device = std::getenv("DRAGOMAN_BENCH_DEVICE");
    auto opened = OpenBackend(device != nullptr ? device : "auto", Threads());
    DRAGOMAN_CHECK(opened.has_value());
    return std::move(*opened);
  }();
  return *backend;
}

const MachineCeiling& Ceiling() {
  static const MachineCeiling ceiling = MeasureCeiling(BenchBackend().name(), Threads());
  return ceiling;
}

// Copies of the matrix are used in turn so that small batches read memory, as a model's many layers
// do.
void BenchMatMul(benchmark::State& state, BlockType type, int64_t rows, int64_t cols,
                 int64_t tokens) {
  const uint64_t matrix_bytes =
      *TensorBytes(type, static_cast<uint64_t>(rows), static_cast<uint64_t>(cols));
  const auto copies = std::max<uint64_t>(1, (uint64_t{256} << 20) / matrix_bytes);
  const auto bytes = RandomWeights(type, static_cast<int64_t>(copies) * rows, cols, 1);
  const auto x = RandomFloats(tokens * cols, 2);
  std::vector<float> out(static_cast<size_t>(tokens * rows));
  uint64_t copy = 0;
  for (auto _ : state) {
    const WeightMatrix w{type, rows, cols, bytes.data() + copy * matrix_bytes};
    copy = (copy + 1) % copies;
    BenchBackend().MatMul(w, x.data(), tokens, out.data());
  }
  const double times = static_cast<double>(state.iterations());
  const double flops = 2.0 * static_cast<double>(rows * cols * tokens);
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(flops * times / 1e9, Counter::kIsRate);
  state.counters["GB/s"] =
      Counter(static_cast<double>(matrix_bytes) * times / 1e9, Counter::kIsRate);
  state.counters["of_flops"] =
      Counter(flops * times / 1e9 / Ceiling().f32_gflop_per_s, Counter::kIsRate);
  state.counters["of_read"] = Counter(
      static_cast<double>(matrix_bytes) * times / 1e9 / Ceiling().read_gb_per_s, Counter::kIsRate);
}

// `sequences` sequences of `tokens` new rows each, the last at position `length` - 1.
void BenchAttention(benchmark::State& state, const AttentionShape& shape, int64_t sequences,
                    int64_t tokens, int64_t length) {
  const int64_t ring_elems = length * shape.kv_heads * shape.head_dim;
  const auto keys = RandomFloats(ring_elems * sequences, 3),
             values = RandomFloats(ring_elems * sequences, 4);
  const auto q = RandomFloats(sequences * tokens * shape.heads * shape.head_dim, 5);
  std::vector<float> out(q.size());
  std::vector<AttentionSequence> list;
  double multiply_adds = 0;
  for (int64_t s = 0; s < sequences; ++s) {
    list.push_back({s * tokens, tokens, length - tokens, keys.data() + s * ring_elems,
                    values.data() + s * ring_elems, length});
    for (int64_t p = length - tokens; p < length; ++p) {
      const int64_t visible = shape.window > 0 ? std::min(p + 1, shape.window) : p + 1;
      multiply_adds += 2.0 * static_cast<double>(visible * shape.heads * shape.head_dim);
    }
  }
  for (auto _ : state) BenchBackend().Attention(q.data(), list, shape, out.data());
  using benchmark::Counter;
  const double gflops = 2 * multiply_adds * static_cast<double>(state.iterations()) / 1e9;
  state.counters["GFLOP/s"] = Counter(gflops, Counter::kIsRate);
  state.counters["of_flops"] = Counter(gflops / Ceiling().f32_gflop_per_s, Counter::kIsRate);
}

void BenchRows(benchmark::State& state, int64_t elems, const std::function<void()>& work) {
  for (auto _ : state) work();
  state.counters["Gelem/s"] = benchmark::Counter(
      static_cast<double>(elems * state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

void RegisterMatMuls() {
  struct Shape {
    const char* name;
    int64_t rows, cols;
  };
  constexpr Shape kShapes[] = {
      {"mini_ffn", 1024, 512}, {"4b_ffn", 10240, 2560}, {"4b_down", 2560, 10240}};
  constexpr BlockType kTypes[] = {BlockType::kBF16, BlockType::kF16,  BlockType::kF32,
                                  BlockType::kQ8_0, BlockType::kQ6_K, BlockType::kQ5_K,
                                  BlockType::kQ4_K, BlockType::kQ4_0};
  for (const Shape& shape : kShapes) {
    for (const BlockType type : kTypes) {
      for (const int64_t tokens : {1, 4, 16, 32, 128}) {
        const std::string name =
            fmt::format("matmul/{}/{}/tokens:{}", shape.name, TraitsOf(type).name, tokens);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          BenchMatMul(state, type, shape.rows, shape.cols, tokens);
        })->UseRealTime();
      }
    }
  }
}

void RegisterAttention() {
  const AttentionShape mini{4, 2, 128, 96, 0.088f}, global{8, 4, 256, 0, 0.0625f};
  const auto add = [](const char* name, const AttentionShape& shape, int64_t sequences,
                      int64_t tokens, int64_t length) {
    benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
      BenchAttention(state, shape, sequences, tokens, length);
    })->UseRealTime();
  };
  add("attention/mini/decode_b32", mini, 32, 1, 128);
  add("attention/mini/prefill_b32x70", mini, 32, 70, 70);
  add("attention/4b/decode_at_2048", global, 1, 1, 2048);
  add("attention/4b/prefill_512", global, 1, 512, 512);
}

void RegisterRows() {
  constexpr int64_t kRows = 32, kDim = 1024, kVocab = 15104;
  static const auto a = RandomFloats(kRows * kDim, 6), b = RandomFloats(kRows * kDim, 7);
  static const auto logits = RandomFloats(kRows * kVocab, 8);
  static std::vector<float> out(a.size());
  static std::vector<TopLogit> top(kRows);
  static std::vector<int32_t> positions(kRows, 77);
  const auto add = [](const char* name, int64_t elems, const std::function<void()>& work) {
    benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
      BenchRows(state, elems, work);
    })->UseRealTime();
  };
  add("rms_norm/32x1024", kRows * kDim,
      [] { BenchBackend().RmsNorm(a.data(), b.data(), 1e-6f, kRows, kDim, out.data()); });
  add("gelu_mul/32x1024", kRows * kDim,
      [] { BenchBackend().GeluMul(a.data(), b.data(), kRows * kDim, out.data()); });
  add("rope/32x4x128", kRows * 512,
      [] { BenchBackend().Rope(out.data(), positions, 4, 128, RopeParameters{}); });
  add("top_logits/32x15104", kRows * kVocab,
      [] { BenchBackend().TopLogits(logits.data(), kRows, kVocab, 1, top); });
}

}  // namespace

void RegisterAllBenchmarks() {
  RegisterMatMuls();
  RegisterAttention();
  RegisterRows();
  benchmark::AddCustomContext("backend", std::string(BenchBackend().name()));
  benchmark::AddCustomContext("threads", std::to_string(BenchBackend().threads()));
  benchmark::AddCustomContext(
      "ceiling",
      fmt::format("{:.1f} GB/s read, {:.0f} GFLOP/s float32, {:.0f} GOP/s int8",
                  Ceiling().read_gb_per_s, Ceiling().f32_gflop_per_s, Ceiling().int8_gop_per_s));
}

namespace {
// Before main, which Google Benchmark provides.
const bool kRegistered = (RegisterAllBenchmarks(), true);
}  // namespace

}  // namespace dragoman
