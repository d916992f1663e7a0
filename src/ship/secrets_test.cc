#include "ship/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Secrets, PatternsAreSeenAndWordsAreNot) {
  EXPECT_EQ(FindSecret("token=hf_" + std::string(34, 'a'), {}), "a hub token");
  EXPECT_EQ(FindSecret("-----BEGIN PRIVATE " + std::string("KEY-----"), {}), "a private key");
  EXPECT_EQ(FindSecret("AKIA" + std::string(16, 'Q'), {}), "a cloud access key");
  EXPECT_EQ(FindSecret("hf_hub and task-" + std::string(60, 'x'), {}), "");  // "sk-" inside a word
  EXPECT_EQ(FindSecret(std::string(64, 'a') + " en-de hf_home", {}), "");
}

TEST(Secrets, ValuesOfTheEnvironmentAreFoundAndNotRepeated) {
  ::setenv("DRAGOMAN_TEST_TOKEN", "correct horse battery", 1);
  ::setenv("DRAGOMAN_TEST_PASSWORD", "short", 1);
  const std::string folder = ::testing::TempDir() + "secrets_test";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(WriteFileAtomically(folder + "/logs/a.log", "nothing here, it is short"));
  EXPECT_EQ(*FindSecretInFolders({folder}), "");
  ASSERT_TRUE(WriteFileAtomically(folder + "/logs/b.log", "it is correct horse battery staple"));
  const std::string found = *FindSecretInFolders({folder + "/nowhere", folder});
  EXPECT_THAT(found, HasSubstr("b.log holds the value of DRAGOMAN_TEST_TOKEN"));
  EXPECT_THAT(found, Not(HasSubstr("battery")));
  ::unsetenv("DRAGOMAN_TEST_TOKEN");
  ::unsetenv("DRAGOMAN_TEST_PASSWORD");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dragoman
