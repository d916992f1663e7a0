#include "model/synthetic_weights.h"

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "base/random.h"

namespace dragoman {
namespace {

// A table look-up by 16 random bits replaces a logarithm and a cosine per weight: one random number
// serves four.
constexpr size_t kQuantiles = 65536;
constexpr uint64_t kChunkElems = uint64_t{16} << 20;
constexpr double kStandardDeviation = 0.02;
constexpr double kRowScaleSigma = 0.35;
constexpr double kNormStandardDeviation = 0.2;
constexpr uint64_t kElemsPerOutlier = 1000;

// Inverse of the normal distribution in the middle of each of the equally likely bins, by
// bisection.
std::vector<float> NormalQuantiles() {
  std::vector<float> quantiles(kQuantiles);
  double smallest = -6.0;  // quantiles rise
  for (size_t i = 0; i < kQuantiles / 2; ++i) {
    const double probability = (static_cast<double>(i) + 0.5) / kQuantiles;
    double low = smallest, high = 0.0;
    for (int step = 0; step < 40; ++step) {
      const double middle = 0.5 * (low + high);
      (0.5 * std::erfc(-middle * 0.7071067811865476) < probability ? low : high) = middle;
    }
    smallest = low;
    quantiles[i] = static_cast<float>(low);
    quantiles[kQuantiles - 1 - i] = static_cast<float>(-low);
  }
  return quantiles;
}

// Seeds of neighbours must not resemble each other: they pass through the generator once.
uint64_t MixedSeed(uint64_t seed, uint64_t number) {
  return Random(seed ^ (number * 0xd1342543de82ef95ull)).Next();
}

}  // namespace

SyntheticWeights::SyntheticWeights(uint64_t seed, int threads)
    : seed_(seed), pool_(threads), normal_quantiles_(NormalQuantiles()) {}

void SyntheticWeights::FillMatrixRow(uint64_t row_seed, uint64_t cols, uint16_t* out) const {
  Random random(row_seed);
  const float scale =
      static_cast<float>(kStandardDeviation * std::exp(kRowScaleSigma * random.Normal()));
  const float* quantiles = normal_quantiles_.data();
  uint64_t col = 0;
  for (; col + 4 <= cols; col += 4) {
    const uint64_t bits = random.Next();
    out[col] = FloatToBf16(scale * quantiles[bits & 0xffff]);
    out[col + 1] = FloatToBf16(scale * quantiles[(bits >> 16) & 0xffff]);
    out[col + 2] = FloatToBf16(scale * quantiles[(bits >> 32) & 0xffff]);
    out[col + 3] = FloatToBf16(scale * quantiles[bits >> 48]);
  }
  for (; col < cols; ++col) out[col] = FloatToBf16(scale * quantiles[random.Next() & 0xffff]);
  const uint64_t outliers =
      cols / kElemsPerOutlier + (random.Below(kElemsPerOutlier) < cols % kElemsPerOutlier ? 1 : 0);
  for (uint64_t i = 0; i < outliers; ++i) {
    uint16_t& weight = out[random.Below(cols)];
    weight = FloatToBf16(Bf16ToFloat(weight) * static_cast<float>(4.0 + 8.0 * random.Uniform()));
  }
}

void SyntheticWeights::FillNorm(uint64_t tensor_seed, uint64_t cols, uint16_t* out) const {
  Random random(tensor_seed);
  for (uint64_t col = 0; col < cols; ++col) {
    out[col] = FloatToBf16(static_cast<float>(kNormStandardDeviation * random.Normal()));
  }
}

Result<void> SyntheticWeights::Emit(size_t index, const GgufTensorPlan& tensor,
                                    const ByteSink& sink) {
  const uint64_t tensor_seed = MixedSeed(seed_, index + 1);
  const uint64_t cols = tensor.shape.back();
  const auto emit = [&](uint64_t elems) {
    return sink(std::as_bytes(std::span(chunk_.data(), elems)));
  };
  if (tensor.shape.size() == 1) {
    chunk_.resize(std::max<size_t>(chunk_.size(), cols));
    FillNorm(tensor_seed, cols, chunk_.data());
    return emit(cols);
  }
  const uint64_t rows = tensor.shape[0];
  const uint64_t rows_at_once = std::clamp<uint64_t>(kChunkElems / cols, 1, rows);
  chunk_.resize(std::max<size_t>(chunk_.size(), rows_at_once * cols));
  for (uint64_t first = 0; first < rows; first += rows_at_once) {
    const uint64_t count = std::min(rows_at_once, rows - first);
    pool_.ParallelFor(static_cast<int64_t>(count), 64, [&](int64_t begin, int64_t end, int) {
      for (uint64_t row = static_cast<uint64_t>(begin); row < static_cast<uint64_t>(end); ++row) {
        FillMatrixRow(MixedSeed(tensor_seed, first + row), cols, chunk_.data() + row * cols);
      }
    });
    DRAGOMAN_RETURN_IF_ERROR(emit(count * cols));
  }
  return {};
}

}  // namespace dragoman
