// Products with rounded activations: exact where float32 is, near the reference's product of the
// rounded activations everywhere, and the same bits from every instruction set.
#include "kernels/cpu/int8_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/kernels.h"
#include "kernels/random_tensors.h"

namespace dragoman {
namespace {

// Of the sum of the magnitudes that were added up.
constexpr double kTolerance = 1e-6;

std::vector<std::string> DevicesWithInt8() {
  std::vector<std::string> names;
  const std::pair<const char*, CpuIsa> all[] = {{"cpu:generic", CpuIsa::kGeneric},
                                                {"cpu:avx2", CpuIsa::kAvx2},
                                                {"cpu:avxvnni", CpuIsa::kAvxVnni},
                                                {"cpu:avx512", CpuIsa::kAvx512}};
  for (const auto& [name, isa] : all) {
    const KernelTable* table = FindKernelTable(isa);
    if (table != nullptr && table->int8 != nullptr) names.push_back(name);
  }
  return names;
}

std::vector<BlockType> QuantizedTypes() {
  std::vector<BlockType> types;
  for (const BlockTraits& traits : AllBlockTraits()) {
    if (traits.is_quantized) types.push_back(traits.type);
  }
  return types;
}

// Columns of a shape that the type's blocks divide.
int64_t RoundUpToBlock(BlockType type, int64_t cols) {
  const int64_t elems = TraitsOf(type).block_elems;
  return (cols + elems - 1) / elems * elems;
}

// As int8_product.h says, written for clarity: every group of 32 replaced by scale times code.
std::vector<float> RoundActivations(const std::vector<float>& x) {
  std::vector<float> rounded(x.size());
  for (size_t group = 0; group < x.size(); group += 32) {
    float magnitude = 0;
    for (size_t i = group; i < group + 32; ++i) magnitude = std::max(magnitude, std::abs(x[i]));
    for (size_t i = group; i < group + 32 && magnitude > 0; ++i) {
      const float code = std::nearbyint(x[i] * (127.0f / magnitude));
      EXPECT_LE(std::abs(code), 127);
      rounded[i] = magnitude / 127.0f * code;
    }
  }
  return rounded;
}

struct Product {
  BlockType type;
  int64_t rows, cols, tokens;
  std::vector<std::byte> weights;
  std::vector<float> x;

  std::vector<float> Run(Backend& backend) const {
    // One byte and one float off any alignment, and marks around the output.
    std::vector<std::byte> shifted(weights.size() + 1);
    std::copy(weights.begin(), weights.end(), shifted.begin() + 1);
    std::vector<float> shifted_x(x.size() + 1), out(static_cast<size_t>(tokens * rows) + 2, -7.0f);
    std::copy(x.begin(), x.end(), shifted_x.begin() + 1);
    const WeightMatrix w{type, rows, cols, shifted.data() + 1};
    backend.MatMul(w, shifted_x.data() + 1, tokens, out.data() + 1);
    EXPECT_EQ(out.front(), -7.0f) << "wrote before the output";
    EXPECT_EQ(out.back(), -7.0f) << "wrote past the output";
    return {out.begin() + 1, out.end() - 1};
  }

  std::vector<float> DecodedWeights() const {
    std::vector<float> decoded(static_cast<size_t>(rows * cols));
    TraitsOf(type).decode(weights.data(), rows * cols, decoded.data());
    return decoded;
  }
};

Product RandomProduct(BlockType type, int64_t rows, int64_t cols, int64_t tokens) {
  const auto seed = static_cast<uint64_t>(rows * 31 + cols * 7 + tokens);
  return {type,
          rows,
          cols,
          tokens,
          RandomWeights(type, rows, cols, seed),
          RandomFloats(tokens * cols, seed + 1)};
}

// Factors of one make the weights whole numbers, and a code of 127 in every group makes its scale
// one: then float32 adds without rounding, as long as sums stay below 2^24.
Product WholeProduct(BlockType type, int64_t rows, int64_t cols, int64_t tokens) {
  Product product = RandomProduct(type, rows, cols, tokens);
  const BlockTraits& traits = TraitsOf(type);
  const uint16_t one = FloatToFp16(1.0f);
  for (size_t block = 0; block < product.weights.size(); block += traits.block_bytes) {
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      std::memcpy(product.weights.data() + block + traits.factor_offsets_bytes[f], &one,
                  sizeof(one));
    }
  }
  Random random(static_cast<uint64_t>(cols));
  for (float& value : product.x) {
    value = std::floor(static_cast<float>(random.Uniform()) * 3.0f) - 1.0f;
  }
  for (size_t i = 0; i < product.x.size(); i += 32) {
    product.x[i + static_cast<size_t>(random.Uniform() * 32)] = random.Uniform() < 0.5 ? 127 : -127;
  }
  return product;
}

// Copies the blocks' factors.
void KeepFactors(BlockType type, const std::vector<std::byte>& from, std::vector<std::byte>& to) {
  const BlockTraits& traits = TraitsOf(type);
  for (size_t block = 0; block < to.size(); block += traits.block_bytes) {
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      const size_t at = block + traits.factor_offsets_bytes[f];
      std::memcpy(to.data() + at, from.data() + at, sizeof(uint16_t));
    }
  }
}

class Int8Product : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Backend> backend_ = std::move(*OpenBackend(GetParam(), 2));
  std::unique_ptr<Backend> reference_ = std::move(*OpenBackend("reference", 1));

  void CheckAgainstReference(BlockType type, int64_t rows, int64_t cols, int64_t tokens) {
    CheckAgainstReference(RandomProduct(type, rows, cols, tokens));
  }

  void CheckAgainstReference(const Product& product) {
    const auto& [type, rows, cols, tokens, weights, x] = product;
    SCOPED_TRACE(testing::Message() << TraitsOf(type).name << " " << rows << "x" << cols << " by "
                                    << tokens << " tokens");
    const std::vector<float> got = product.Run(*backend_);
    std::vector<float> rounded = RoundActivations(x);
    std::vector<float> expected(got.size()), magnitudes(got.size());
    const WeightMatrix w{type, rows, cols, weights.data()};
    reference_->MatMul(w, rounded.data(), tokens, expected.data());
    MultiplyMagnitudes(product, rounded, magnitudes);
    double worst = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
      worst = std::max(worst, error / static_cast<double>(magnitudes[i]));
    }
    EXPECT_LE(worst, kTolerance);
  }

  // The parts of a weight, scale * code and minimum, are larger than the weight: so the magnitudes
  // are those of scale * code added to those of the minima, bounded by twice the largest weight of
  // the sub-block.
  void MultiplyMagnitudes(const Product& product, std::vector<float> x, std::vector<float>& out) {
    std::vector<float> weights = product.DecodedWeights();
    for (size_t sub = 0; sub < weights.size(); sub += 16) {
      float highest = 0;
      for (size_t i = sub; i < sub + 16; ++i) highest = std::max(highest, std::abs(weights[i]));
      std::fill_n(weights.begin() + static_cast<ptrdiff_t>(sub), 16, 2 * highest);
    }
    for (float& value : x) value = std::abs(value);
    const WeightMatrix w{BlockType::kF32, product.rows, product.cols,
                         reinterpret_cast<const std::byte*>(weights.data())};
    reference_->MatMul(w, x.data(), product.tokens, out.data());
  }
};

TEST_P(Int8Product, IsExactForWholeNumbers) {
  for (const BlockType type : QuantizedTypes()) {
    for (const int64_t tokens : {1, 2, 5, 12, 13, 31}) {
      for (const int64_t rows : {16, 37}) {
        const Product product = WholeProduct(type, rows, 768, tokens);
        const std::vector<float> weights = product.DecodedWeights(), got = product.Run(*backend_);
        for (int64_t t = 0; t < tokens; ++t) {
          for (int64_t r = 0; r < rows; ++r) {
            int64_t sum = 0;
            for (int64_t k = 0; k < 768; ++k) {
              sum += static_cast<int64_t>(weights[static_cast<size_t>(r * 768 + k)]) *
                     static_cast<int64_t>(product.x[static_cast<size_t>(t * 768 + k)]);
            }
            ASSERT_LT(std::abs(sum), int64_t{1} << 24);
            ASSERT_EQ(got[static_cast<size_t>(t * rows + r)], static_cast<float>(sum))
                << TraitsOf(type).name << " row " << r << " token " << t << " of " << tokens;
          }
        }
      }
    }
  }
}

TEST_P(Int8Product, OfEveryBlockTypeIsNearTheReference) {
  ASSERT_EQ(QuantizedTypes().size(), 12u);
  for (const BlockType type : QuantizedTypes()) {
    for (const int64_t tokens : {1, 2, 3, 4, 7, 40}) CheckAgainstReference(type, 21, 1280, tokens);
  }
}

TEST_P(Int8Product, OfModelShapesIsNearTheReference) {
  for (const BlockType type : {BlockType::kQ4_K, BlockType::kQ6_K, BlockType::kQ8_0}) {
    for (const int64_t cols : {512, 1024, 2048, 2560, 10240}) {
      for (const int64_t tokens : {1, 32}) CheckAgainstReference(type, 40, cols, tokens);
    }
  }
  // Widths of the smaller models, which only blocks of 32 divide.
  for (const BlockType type : {BlockType::kQ5_0, BlockType::kQ8_0, BlockType::kQ4_0}) {
    for (const int64_t cols : {32, 640, 1152}) CheckAgainstReference(type, 33, cols, 3);
  }
}

TEST_P(Int8Product, OfEveryBatchSizeIsNearTheReference) {
  for (int64_t tokens = 1; tokens <= 40; ++tokens) {
    CheckAgainstReference(BlockType::kQ4_K, 19, 512, tokens);
  }
  CheckAgainstReference(BlockType::kQ6_K, 130, 256, 193);
}

TEST_P(Int8Product, OfEveryRowCountIsNearTheReference) {
  for (int64_t rows = 1; rows <= 34; ++rows) {
    for (const int64_t tokens : {1, 30}) CheckAgainstReference(BlockType::kQ8_0, rows, 544, tokens);
  }
}

// The largest sums that instructions which saturate at 16 bits could meet: every code at an end of
// its range, every activation at +127 or -127, of one sign or of both.
TEST_P(Int8Product, DoesNotSaturate) {
  for (const BlockType type : QuantizedTypes()) {
    for (const unsigned byte : {0x00u, 0x7fu, 0x80u, 0xffu}) {
      for (const int64_t tokens : {2, 5}) {
        Product product = WholeProduct(type, 19, 768, tokens);
        std::vector<std::byte> ones = product.weights;
        std::fill(product.weights.begin(), product.weights.end(), static_cast<std::byte>(byte));
        KeepFactors(type, ones, product.weights);
        for (size_t i = 0; i < product.x.size(); ++i) {
          const bool first_token = i < 768;
          product.x[i] = first_token || i % 7 < 3 ? 127.0f : -127.0f;
        }
        CheckAgainstReference(product);
      }
    }
  }
}

// The same additions in the same order.
TEST_P(Int8Product, HasTheSameBitsAsTheOtherInstructionSets) {
  const auto first = std::move(*OpenBackend(DevicesWithInt8().front(), 1));
  for (const BlockType type : QuantizedTypes()) {
    for (const int64_t cols : {640, 1120}) {  // by rows and by tiles
      for (const int64_t tokens : {1, 2, 3, 9, 50}) {
        const Product product = RandomProduct(type, 83, RoundUpToBlock(type, cols), tokens);
        EXPECT_EQ(product.Run(*backend_), product.Run(*first)) << TraitsOf(type).name;
      }
    }
  }
}

TEST_P(Int8Product, OfZerosIsZero) {
  Product product = RandomProduct(BlockType::kQ4_K, 17, 512, 2);
  std::fill(product.x.begin(), product.x.end(), 0.0f);
  product.x[3] = 1e-38f;  // too small to have a reciprocal
  for (const float value : product.Run(*backend_)) EXPECT_EQ(value, 0.0f);
}

TEST_P(Int8Product, KeepsWhatIsNotANumber) {
  for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
    Product product = RandomProduct(BlockType::kQ8_0, 16, 512, 3);
    product.x[512 + 77] = bad;
    const std::vector<float> got = product.Run(*backend_);
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(std::isfinite(got[i]), i / 16 != 1) << "element " << i;
    }
  }
}

TEST_P(Int8Product, CanBeSwitchedOff) {
  const auto exact = std::move(*OpenBackend(GetParam(), 1, {.float32_activations = true}));
  const Product product = RandomProduct(BlockType::kQ4_K, 32, 512, 2);
  EXPECT_NE(product.Run(*backend_), product.Run(*exact));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Int8Product);
INSTANTIATE_TEST_SUITE_P(Devices, Int8Product, testing::ValuesIn(DevicesWithInt8()),
                         [](const testing::TestParamInfo<std::string>& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace dragoman
