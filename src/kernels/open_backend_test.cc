#include <gtest/gtest.h>

#include "kernels/cpu/integer_peak.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/kernels.h"
#include "kernels/machine_ceiling.h"
#include "kernels/random_tensors.h"

namespace dragoman {
namespace {

TEST(OpenBackend, TakesTheNameItIsGiven) {
  for (const BackendInfo& backend : ListBackends()) {
    const auto opened = OpenBackend(backend.name, 1);
    if (backend.usable) {
      ASSERT_TRUE(opened.has_value()) << backend.name;
      EXPECT_EQ((*opened)->name(), backend.name);
      EXPECT_EQ((*opened)->threads(), 1);
    } else {
      ASSERT_FALSE(opened.has_value()) << backend.name;
      EXPECT_EQ(opened.error().code, ErrorCode::kDevice);
      EXPECT_NE(opened.error().message.find(backend.name), std::string::npos);
    }
  }
}

// The name alone could lie. The variants add up in different orders, which shows in the last bits.
TEST(OpenBackend, ForcedVariantsRunDifferentCode) {
  const auto w = RandomFloats(64 * 500, 1), x = RandomFloats(500, 2);
  std::vector<std::vector<float>> results;
  for (const char* name : {"cpu:generic", "cpu:avx2", "cpu:avx512"}) {
    const auto backend = OpenBackend(name, 1);
    if (!backend) continue;
    std::vector<float> out(64);
    const WeightMatrix matrix{BlockType::kF32, 64, 500,
                              reinterpret_cast<const std::byte*>(w.data())};
    (*backend)->MatMul(matrix, x.data(), 1, out.data());
    for (const auto& other : results) EXPECT_NE(out, other) << name;
    results.push_back(out);
  }
  EXPECT_GE(results.size(), 1u);
}

TEST(OpenBackend, AutoIsTheBestUsable) {
  std::string best;
  for (const BackendInfo& backend : ListBackends()) {
    if (backend.usable && backend.name != "reference") best = backend.name;
  }
  for (const char* device : {"auto", "cpu"}) {
    const auto opened = OpenBackend(device, 2);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ((*opened)->name(), best);
    EXPECT_EQ((*opened)->threads(), 2);
  }
}

TEST(OpenBackend, GenericAlwaysRuns) { EXPECT_TRUE(OpenBackend("cpu:generic", 0).has_value()); }

TEST(OpenBackend, RefusesWhatItDoesNotKnow) {
  const auto unknown = OpenBackend("cuda:0", 1);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  for (const BackendInfo& backend : ListBackends()) {
    EXPECT_NE(unknown.error().message.find(backend.name), std::string::npos) << backend.name;
  }
  const auto negative = OpenBackend("cpu", -1);
  ASSERT_FALSE(negative.has_value());
  EXPECT_EQ(negative.error().code, ErrorCode::kInvalidArgument);
}

TEST(MeasureCeiling, FindsPlausibleRates) {
  const MachineCeiling ceiling = MeasureCeiling("auto", 1);
  EXPECT_GT(ceiling.read_gb_per_s, 0.2);
  EXPECT_LT(ceiling.read_gb_per_s, 2000);
  EXPECT_GT(ceiling.f32_gflop_per_s, 0.5);
  EXPECT_LT(ceiling.f32_gflop_per_s, 2000);
  EXPECT_EQ(ceiling.int8_gop_per_s > 0, !ceiling.int8_instruction.empty());
}

TEST(IntegerPeak, IsThereWhereProductsAreOfIntegers) {
  const std::vector<std::byte> bytes(144);
  const WeightMatrix w{BlockType::kQ4_K, 1, 256, bytes.data()};
  for (const BackendInfo& info : ListBackends()) {
    if (!info.usable) continue;
    const auto backend = OpenBackend(info.name, 1);
    ASSERT_TRUE(backend.has_value()) << info.name;
    const IntegerPeak peak = IntegerPeakOf(info.name);
    if (peak.run == nullptr) continue;
    peak.run(1000);
    EXPECT_GT(peak.ops_per_round, 0) << info.name;
    EXPECT_TRUE((*backend)->MultipliesIntegers(w)) << info.name;
  }
}

}  // namespace
}  // namespace dragoman
