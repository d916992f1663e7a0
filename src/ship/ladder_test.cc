#include "ship/ladder.h"

#include <gtest/gtest.h>

#include <vector>

namespace dragoman {
namespace {

std::vector<std::string> Climbed(LadderRung rung) {
  std::vector<std::string> names;
  while (const auto next = NextRung(rung)) {
    names.push_back(next->recipe + (next->refined ? " refined" : ""));
    rung = *next;
    if (names.size() > 10) break;
  }
  return names;
}

TEST(Ladder, RefinesInTheSameSizeBeforeItGrows) {
  EXPECT_EQ(Climbed({"Q4_K_M", false}),
            (std::vector<std::string>{"Q4_K_M refined", "Q5_K_M refined", "Q6_K refined"}));
  EXPECT_EQ(Climbed({"Q4_K_M", true}),
            (std::vector<std::string>{"Q5_K_M refined", "Q6_K refined"}));
  EXPECT_EQ(Climbed({"Q2_K", false}),
            (std::vector<std::string>{"Q2_K refined", "Q5_K_M refined", "Q6_K refined"}));
}

TEST(Ladder, NeverShrinks) {
  EXPECT_EQ(Climbed({"Q5_1", true}), (std::vector<std::string>{"Q6_K refined"}));
  EXPECT_EQ(Climbed({"Q6_K", true}), (std::vector<std::string>{}));
  EXPECT_EQ(Climbed({"Q8_0", false}), (std::vector<std::string>{"Q8_0 refined"}));
  EXPECT_EQ(Climbed({"F16", false}), (std::vector<std::string>{}));
}

}  // namespace
}  // namespace dragoman
