// A journal killed at every byte keeps whole records and nothing else.
#include "quantize/output_journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

EncodedRows Rows(size_t bytes, int seed) {
  EncodedRows rows;
  rows.sums = {seed + 0.25, seed + 0.5, seed + 0.75, seed + 1.0};
  for (size_t i = 0; i < bytes; ++i) {
    rows.blocks.push_back(static_cast<std::byte>(static_cast<int>(i) * 7 + seed));
  }
  return rows;
}

std::string Fresh(const std::string& name) {
  std::string path = ::testing::TempDir() + "/" + name;
  std::filesystem::remove(path);
  return path;
}

void ExpectSame(const std::optional<EncodedRows>& found, const EncodedRows& expected) {
  ASSERT_TRUE(found);
  EXPECT_EQ(found->blocks, expected.blocks);
  EXPECT_EQ(found->sums.squared_error, expected.sums.squared_error);
  EXPECT_EQ(found->sums.energy, expected.sums.energy);
}

TEST(OutputJournal, GivesBackWhatWasAppended) {
  const std::string path = Fresh("journal_back");
  {
    auto journal = OutputJournal::Open(path, "key");
    ASSERT_TRUE(journal) << ToString(journal.error());
    ASSERT_TRUE((*journal)->Append("a", 0, Rows(100, 1)));
    ASSERT_TRUE((*journal)->Append("a", 64, Rows(50, 2)));
    ASSERT_TRUE((*journal)->Append("b", 0, Rows(10, 3)));
  }
  auto journal = OutputJournal::Open(path, "key");
  ASSERT_TRUE(journal);
  EXPECT_EQ((*journal)->recovered_bytes(), 160u);
  ExpectSame((*journal)->Find("a", 64, 50), Rows(50, 2));
  ExpectSame((*journal)->Find("b", 0, 10), Rows(10, 3));
  ExpectSame((*journal)->Find("a", 0, 100), Rows(100, 1));
  EXPECT_FALSE((*journal)->Find("a", 0, 99)) << "another number of bytes";
  EXPECT_FALSE((*journal)->Find("c", 0, 100));
  (*journal)->Remove();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(OutputJournal, OtherWorkBeginsAnew) {
  const std::string path = Fresh("journal_other");
  ASSERT_TRUE((*OutputJournal::Open(path, "one"))->Append("a", 0, Rows(100, 1)));
  auto journal = OutputJournal::Open(path, "two");
  ASSERT_TRUE(journal);
  EXPECT_EQ((*journal)->recovered_bytes(), 0u);
  EXPECT_FALSE((*journal)->Find("a", 0, 100));
}

TEST(OutputJournal, ATornOrDamagedRecordIsDroppedWithWhatFollows) {
  const std::string path = Fresh("journal_torn");
  ASSERT_TRUE((*OutputJournal::Open(path, "key"))->Append("a", 0, Rows(40, 1)));
  const auto first_bytes = std::filesystem::file_size(path);
  ASSERT_TRUE((*OutputJournal::Open(path, "key"))->Append("a", 8, Rows(40, 2)));
  const std::string whole = *ReadFile(path);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    auto journal = OutputJournal::Open(path, "key");
    ASSERT_TRUE(journal) << cut;
    EXPECT_EQ((*journal)->recovered_bytes(), cut < first_bytes ? 0u : 40u) << cut;
    ASSERT_TRUE((*journal)->Append("b", 0, Rows(5, 3)));
    ExpectSame((*journal)->Find("a", 0, cut < first_bytes ? 0 : 40).value_or(EncodedRows{}),
               cut < first_bytes ? EncodedRows{} : Rows(40, 1));
  }
  for (size_t at = first_bytes; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
    EXPECT_EQ((*OutputJournal::Open(path, "key"))->recovered_bytes(), 40u) << at;
  }
}

TEST(OutputJournal, AForeignFileIsNotTouched) {
  const std::string path = Fresh("journal_foreign");
  ASSERT_TRUE(WriteFileAtomically(path, "a download of somebody\n"));
  const auto journal = OutputJournal::Open(path, "key");
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*ReadFile(path), "a download of somebody\n");
}

TEST(OutputJournal, WithoutARecordNothingStays) {
  const std::string path = Fresh("journal_empty");
  ASSERT_TRUE(OutputJournal::Open(path, "key"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace dragoman
