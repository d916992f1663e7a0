// Tests of the base room: arithmetic, 16-bit floats, files, hashing, JSON, UTF-8, threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <thread>

#include "base/atomic_file.h"
#include "base/atomic_folder.h"
#include "base/checked_math.h"
#include "base/float16.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/process_stats.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "base/utf8.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string TestPath(const std::string& name) {
  return ::testing::TempDir() + "dragoman_base_" + name;
}

TEST(CheckedMath, NoticesOverflow) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(CheckedAdd(kMax - 1, 1), kMax);
  EXPECT_EQ(CheckedAdd(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedMul(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(CheckedAlignUp(33, 32), 64u);
  EXPECT_EQ(CheckedAlignUp(kMax, 32), std::nullopt);
  const uint64_t factors[] = {1u << 20, 1u << 20, 1u << 24};
  EXPECT_EQ(CheckedProduct(factors), std::nullopt);
}

// Every fp16 value survives the way through float32; every float32 midpoint rounds to even.
TEST(Float16, EveryFp16ValueRoundTrips) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = Fp16ToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(Fp16ToFloat(FloatToFp16(value))));
    } else {
      ASSERT_EQ(FloatToFp16(value), bits);
    }
  }
}

TEST(Float16, RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {  // neighbours below infinity
    const double low = Fp16ToFloat(static_cast<uint16_t>(bits));
    const double high = Fp16ToFloat(static_cast<uint16_t>(bits + 1));
    const float middle = static_cast<float>((low + high) / 2);  // exact in float32
    ASSERT_EQ(FloatToFp16(middle), bits % 2 == 0 ? bits : bits + 1) << bits;
    ASSERT_EQ(FloatToFp16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(FloatToFp16(std::nextafter(middle, 1e9f)), bits + 1);
  }
  EXPECT_EQ(FloatToFp16(65519.0f), 0x7bff);
  EXPECT_EQ(FloatToFp16(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToFp16(-1e30f), 0xfc00);
}

TEST(Float16, Bf16RoundsToNearestEven) {
  EXPECT_EQ(FloatToBf16(1.0f), 0x3f80);
  EXPECT_EQ(FloatToBf16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(FloatToBf16(1.0f + 0x3p-8f), 0x3f82);
  EXPECT_TRUE(std::isnan(Bf16ToFloat(FloatToBf16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isinf(Bf16ToFloat(FloatToBf16(std::numeric_limits<float>::max()))));
}

TEST(AtomicFile, AppearsOnlyOnCommit) {
  const std::string path = TestPath("atomic/file.bin");
  fs::remove_all(TestPath("atomic"));
  {
    auto file = AtomicFile::Create(path);
    ASSERT_TRUE(file) << ToString(file.error());
    ASSERT_TRUE(file->Write("half"));
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::is_empty(TestPath("atomic"))) << "an abandoned temporary file stayed";
  auto file = AtomicFile::Create(path);
  ASSERT_TRUE(file);
  const std::string big(3 << 20, 'x');
  ASSERT_TRUE(file->Write("ab"));
  ASSERT_TRUE(file->Write(big));
  ASSERT_TRUE(file->WriteZeros(5000));
  EXPECT_EQ(file->position(), 2 + big.size() + 5000);
  ASSERT_TRUE(file->Commit());
  auto text = ReadFile(path);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "ab" + big + std::string(5000, '\0'));
  EXPECT_EQ(ReadFile(path, 100).error().code, ErrorCode::kCorruptFile);
}

TEST(AtomicFile, ClearsAwayWhatKilledWritersLeft) {
  const std::string path = TestPath("left_behind/file.bin");
  fs::remove_all(TestPath("left_behind"));
  ASSERT_TRUE(WriteFileAtomically(path + ".tmp-999999999", "of a process that is gone"));
  ASSERT_TRUE(WriteFileAtomically(path + ".tmp-1", "of a process that runs"));
  ASSERT_TRUE(WriteFileAtomically(path + ".tmp-x", "of nobody"));
  ASSERT_TRUE(WriteFileAtomically(path, "whole"));
  EXPECT_FALSE(fs::exists(path + ".tmp-999999999"));
  EXPECT_TRUE(fs::exists(path + ".tmp-1"));
  EXPECT_TRUE(fs::exists(path + ".tmp-x"));
}

TEST(AtomicFolder, SweepsFoldersOfProcessesThatAreGone) {
  const std::string path = testing::TempDir() + "/swept_folder";
  const std::string gone = path + ".tmp-999999999", running = path + ".tmp-1";
  for (const std::string& left : {gone, running}) {
    ASSERT_TRUE(WriteFileAtomically(left + "/inside", "half of it"));
  }
  { ASSERT_TRUE(AtomicFolder::Create(path + "/")); }
  EXPECT_FALSE(fs::exists(gone));
  EXPECT_TRUE(fs::exists(running));
  EXPECT_FALSE(fs::exists(path));
  fs::remove_all(running);
}

TEST(AtomicFile, FailsClearlyWhereItCannotWrite) {
  const auto file = AtomicFile::Create("/proc/nowhere/file");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kIo);
  EXPECT_THAT(ToString(file.error()), HasSubstr("/proc/nowhere"));
}

TEST(MappedFile, MapsAndRefuses) {
  const std::string path = TestPath("mapped");
  ASSERT_TRUE(WriteFileAtomically(path, "hello"));
  auto file = MappedFile::Open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size_bytes(), 5u);
  EXPECT_EQ(static_cast<char>(file->bytes()[4]), 'o');
  EXPECT_EQ(MappedFile::Open(path + ".absent").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(path, ""));
  EXPECT_EQ(MappedFile::Open(path).error().code, ErrorCode::kCorruptFile);
  EXPECT_EQ(MappedFile::Open(::testing::TempDir()).error().code, ErrorCode::kCorruptFile);
}

TEST(Sha256, KnownDigests) {  // FIPS 180-2, appendix B
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string path = TestPath("hash");
  ASSERT_TRUE(WriteFileAtomically(path, std::string(1000000, 'a')));
  EXPECT_EQ(Sha256OfFile(path), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Json, RefusesWhatIsHostile) {
  EXPECT_TRUE(ParseJson(R"({"a":[1,2,{"b":null}]})", "f"));
  EXPECT_EQ(ParseJson("{", "f").error().code, ErrorCode::kCorruptFile);
  EXPECT_THAT(ParseJson(R"({"a":1,"a":2})", "f").error().message, HasSubstr("duplicate key \"a\""));
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(ParseJson(deep, "f").error().message, HasSubstr("nested deeper"));
  EXPECT_FALSE(ParseJson("\"\xff\"", "f"));
}

TEST(Utf8, DecodesAndRefuses) {
  EXPECT_EQ(ToUtf32("aé汉😀"), U"aé汉😀");
  EXPECT_EQ(ToUtf8(U"aé汉😀"), "aé汉😀");
  EXPECT_FALSE(IsValidUtf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_EQ(FindInvalidUtf8("ab\xe6\xb1"), 2u);   // truncated
}

TEST(ThreadPool, CoversEveryIndexOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t count : {0, 1, 7, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      for (int round = 0; round < 50; ++round) {
        pool.ParallelFor(count, 3, [&](int64_t begin, int64_t end, int worker) {
          ASSERT_LT(worker, threads);
          for (int64_t i = begin; i < end; ++i) seen[static_cast<size_t>(i)]++;
        });
      }
      for (auto& times : seen) ASSERT_EQ(times.load(), 50);
    }
  }
}

// Loops in quick succession and after pauses long enough for the workers to fall asleep.
TEST(ThreadPool, RunsLoopsWhetherWorkersSleepOrNot) {
  ThreadPool pool(4);
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 3000; ++round) {
    if (round % 300 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    pool.ParallelFor(10, 1, [&](int64_t begin, int64_t, int) { sum += begin; });
    ASSERT_EQ(sum.load(), int64_t{45} * (round + 1));
  }
}

TEST(ProcessStats, ReportsPlausibleNumbers) {
  EXPECT_GT(CurrentMemoryUse().rss_bytes, 1u << 20);
  EXPECT_GE(CurrentMemoryUse().peak_rss_bytes, CurrentMemoryUse().anonymous_bytes);
  EXPECT_GT(CurrentMachineMemory().total_bytes, CurrentMachineMemory().available_bytes);
  EXPECT_GT(FreeDiskBytes("/tmp/not/yet/there"), 0u);
}

}  // namespace
}  // namespace dragoman
