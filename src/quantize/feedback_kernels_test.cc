// The arithmetic of error feedback against its scalar twin, on every instruction set this machine
// has, at sizes that are no multiple of any vector.
#include "quantize/feedback_kernels.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace dragoman {
namespace {

std::vector<float> NormalFloats(int64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

// `body` gets the kernels of each instruction set, and whether it fuses multiply and add.
template <typename Body>
void WithEachFeedbackTarget(const Body& body) {
  for (int64_t targets = hwy::SupportedTargets() & HWY_TARGETS; targets != 0;
       targets &= targets - 1) {
    hwy::GetChosenTarget().Update(targets & -targets);
    const FeedbackKernels kernels = SimdFeedbackKernels();
    const std::string_view name = kernels.name;
    SCOPED_TRACE(name);
    body(kernels, name.substr(0, 3) == "AVX" || name.substr(0, 4) == "NEON");
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(FeedbackKernels, AddScaledEqualsItsTwin) {
  for (const int64_t count : {1, 7, 16, 33, 250}) {
    const auto x = NormalFloats(count, 1), to = NormalFloats(count, 2);
    std::vector<float> expected = to;
    ScalarFeedbackKernels().add_scaled(-0.37f, x.data(), count, expected.data());
    WithEachFeedbackTarget([&](const FeedbackKernels& kernels, bool) {
      std::vector<float> found = to;
      kernels.add_scaled(-0.37f, x.data(), count, found.data());
      EXPECT_EQ(found, expected);
    });
  }
}

TEST(FeedbackKernels, DotEqualsItsTwin) {
  for (const int64_t count : {1, 8, 31, 257}) {
    const auto a = NormalFloats(count, 3), b = NormalFloats(count, 4);
    const double expected = ScalarFeedbackKernels().dot(a.data(), b.data(), count);
    WithEachFeedbackTarget([&](const FeedbackKernels& kernels, bool) {
      EXPECT_EQ(kernels.dot(a.data(), b.data(), count), expected);
    });
  }
}

TEST(FeedbackKernels, MultiplyRowsEqualsItsTwin) {
  constexpr int64_t kDepth = 37, kCols = 77, kStride = 80;
  const auto matrix = NormalFloats(kDepth * kStride, 5);
  for (const int64_t rows : {1, 3, 4, 7}) {
    const auto x = NormalFloats(rows * kStride, 6);
    std::vector<float> expected(static_cast<size_t>(rows * kStride), 9.0f), found;
    const auto multiply = [&](const FeedbackKernels& kernels, std::vector<float>& out) {
      kernels.multiply_rows(
          {x.data(), kStride, rows, kDepth, kCols, matrix.data(), kStride, out.data(), kStride});
    };
    multiply(ScalarFeedbackKernels(), expected);
    WithEachFeedbackTarget([&](const FeedbackKernels& kernels, bool fused) {
      found.assign(expected.size(), 9.0f);
      multiply(kernels, found);
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_NEAR(found[i], expected[i], fused ? 0.0f : 2e-5f) << i;  // sums are near 6
      }
    });
  }
}

}  // namespace
}  // namespace dragoman
