// Tests of the loop detector: loops are seen soon, answers in kind are left alone.
#include "translate/repetition.h"

#include <gtest/gtest.h>

namespace dragoman {
namespace {

// Tokens accepted before the detector speaks up while `period` goes round; -1: never in 400.
int64_t TokensUntilLoop(const std::vector<int32_t>& source, const std::vector<int32_t>& period) {
  RepetitionDetector detector(source);
  for (int64_t i = 0; i < 400; ++i) {
    if (detector.Push(period[static_cast<size_t>(i) % period.size()])) return i + 1;
  }
  return -1;
}

std::vector<int32_t> Range(int32_t count) {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < count; ++i) ids.push_back(100 + i);
  return ids;
}

TEST(RepetitionDetector, SeesLoopsOfEveryPeriod) {
  for (int32_t period = 1; period <= 16; ++period) {
    const int64_t expected = std::max<int64_t>(8 * period, 24);
    EXPECT_EQ(TokensUntilLoop({1, 2, 3}, Range(period)), expected) << period;
  }
  EXPECT_EQ(TokensUntilLoop({1, 2, 3}, Range(17)), -1)
      << "longer periods are left to the length limit";
}

TEST(RepetitionDetector, TextBeforeTheLoopDoesNotMatter) {
  RepetitionDetector detector(Range(5));
  for (const int32_t id : Range(50)) EXPECT_FALSE(detector.Push(id));
  int64_t pushed = 0;
  while (!detector.Push(7 + static_cast<int32_t>(pushed % 2))) ASSERT_LT(++pushed, 50);
  EXPECT_EQ(pushed + 1, 24);
}

TEST(RepetitionDetector, RepeatingSourceMayBeAnsweredInKind) {
  std::vector<int32_t> dashes(60, 9);
  EXPECT_EQ(TokensUntilLoop(dashes, {9}), 120);
  EXPECT_EQ(TokensUntilLoop({9, 8, 9, 8, 9, 8}, {9, 8}), 24);
}

TEST(RepetitionDetector, OrdinaryTextPasses) {
  RepetitionDetector detector(Range(20));
  for (int32_t i = 0; i < 1000; ++i) EXPECT_FALSE(detector.Push((i * i + i / 7) % 50)) << i;
}

}  // namespace
}  // namespace dragoman
