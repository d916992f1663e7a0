#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "formats/gguf.h"
#include "quantize/importance.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

class ImatrixTest : public testing::Test {
 protected:
  ~ImatrixTest() override { std::remove(path_.c_str()); }
  std::string path_ = testing::TempDir() + "dragoman-imatrix-test.gguf";
};

struct RawTensor {
  std::string name;
  std::vector<uint64_t> shape;
  std::vector<float> values;
};

// A file as another program might write it.
void WriteRaw(const std::string& path, const GgufMetadata& metadata,
              const std::vector<RawTensor>& tensors) {
  std::vector<GgufTensorPlan> plans;
  for (const RawTensor& tensor : tensors)
    plans.push_back({tensor.name, BlockType::kF32, tensor.shape});
  const auto written = WriteGguf(path, metadata, plans, [&](size_t index, const ByteSink& sink) {
    return sink(std::as_bytes(std::span<const float>(tensors[index].values)));
  });
  ASSERT_TRUE(written.has_value()) << ToString(written.error());
}

const GgufMetadata kForeign = {{"general.type", GgufValue::String("imatrix")},
                               {"imatrix.datasets", GgufValue::Strings({"wiki.txt", "more.txt"})},
                               {"imatrix.chunk_count", GgufValue::U32(2)},
                               {"imatrix.chunk_size", GgufValue::U32(512)}};

TEST_F(ImatrixTest, WritesWhatItReads) {
  ImportanceMatrix matrix;
  matrix.entries["blk.0.attn_q.weight"] = {{1.0f, 2.5f, 0.0f}, 1234};
  matrix.entries["token_embd.weight"] = {{4.0f}, 99};
  matrix.datasets = {"sources.jsonl"};
  matrix.hash = "0123";
  ASSERT_TRUE(WriteImatrix(path_, matrix).has_value());
  const auto read = ReadImatrix(path_);
  ASSERT_TRUE(read.has_value()) << ToString(read.error());
  ASSERT_EQ(read->entries.size(), 2u);
  EXPECT_EQ(read->entries.at("blk.0.attn_q.weight").sum_of_squares,
            (std::vector<float>{1.0f, 2.5f, 0.0f}));
  EXPECT_EQ(read->entries.at("blk.0.attn_q.weight").tokens, 1234u);
  EXPECT_EQ(read->datasets, matrix.datasets);
  EXPECT_EQ(read->hash, "0123");

  const auto file = GgufFile::Open(path_);
  ASSERT_TRUE(file.has_value());
  std::vector<std::string> names;
  for (const auto& tensor : file->tensors()) names.push_back(tensor.name);
  EXPECT_THAT(names,
              testing::ElementsAre("blk.0.attn_q.weight.in_sum2", "blk.0.attn_q.weight.counts",
                                   "token_embd.weight.in_sum2", "token_embd.weight.counts"));
  EXPECT_EQ(file->FindUnsigned("imatrix.chunk_count"), 3u);
}

TEST_F(ImatrixTest, ReadsOtherProgramsFiles) {
  WriteRaw(path_, kForeign,
           {{"blk.0.ffn_up.weight.counts", {1}, {1024}},
            {"blk.0.ffn_up.weight.in_sum2", {4}, {1, 2, 3, 4}},
            {"blk.1.ffn_up.weight.in_sum2", {1, 2}, {5, 6}},
            {"blk.1.ffn_up.weight.counts", {1, 1}, {0}}});
  const auto read = ReadImatrix(path_);
  ASSERT_TRUE(read.has_value()) << ToString(read.error());
  EXPECT_EQ(read->entries.at("blk.0.ffn_up.weight").tokens, 1024u);
  EXPECT_EQ(read->entries.at("blk.1.ffn_up.weight").sum_of_squares, (std::vector<float>{5, 6}));
  EXPECT_EQ(read->datasets.size(), 2u);
  EXPECT_EQ(read->hash, "");
}

TEST_F(ImatrixTest, RefusesWhatIsNoImportance) {
  const float nan = std::nanf("");
  struct Case {
    GgufMetadata metadata;
    std::vector<RawTensor> tensors;
    ErrorCode code;
    const char* says;
  };
  const Case cases[] = {
      {{},
       {{"a.in_sum2", {1}, {1}}, {"a.counts", {1}, {1}}},
       ErrorCode::kCorruptFile,
       "general.type"},
      {kForeign, {}, ErrorCode::kCorruptFile, "at least one"},
      {kForeign, {{"a.in_sum2", {1}, {1}}}, ErrorCode::kCorruptFile, ".counts"},
      {kForeign,
       {{"a.in_sum2", {1}, {nan}}, {"a.counts", {1}, {1}}},
       ErrorCode::kCorruptFile,
       "finite"},
      {kForeign,
       {{"a.in_sum2", {1}, {-1}}, {"a.counts", {1}, {1}}},
       ErrorCode::kCorruptFile,
       "a.in_sum2"},
      {kForeign,
       {{"a.in_sum2", {1}, {1}}, {"a.counts", {2}, {1, 1}}},
       ErrorCode::kCorruptFile,
       "a.counts"},
      {kForeign,
       {{"a.in_sum2", {1}, {1}}, {"a.counts", {1}, {1e30f}}},
       ErrorCode::kCorruptFile,
       "tokens"},
      {kForeign, {{"a.weight", {1}, {1}}}, ErrorCode::kCorruptFile, "in_sum2"},
      {kForeign,
       {{"a.in_sum2", {2, 2}, {1, 1, 1, 1}}, {"a.counts", {2, 1}, {1, 1}}},
       ErrorCode::kUnsupported,
       "experts"},
  };
  for (const Case& c : cases) {
    WriteRaw(path_, c.metadata, c.tensors);
    const auto read = ReadImatrix(path_);
    ASSERT_FALSE(read.has_value()) << c.says;
    EXPECT_EQ(read.error().code, c.code) << ToString(read.error());
    EXPECT_THAT(ToString(read.error()), HasSubstr(c.says));
  }
  EXPECT_EQ(ReadImatrix(path_ + ".absent").error().code, ErrorCode::kNotFound);
}

// As llama.cpp's older writer lays it out.
std::string LegacyBytes() {
  std::string bytes;
  const auto number = [&](int32_t value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  const auto entry = [&](const std::string& name, int32_t calls, std::vector<float> values) {
    number(static_cast<int32_t>(name.size()));
    bytes += name;
    number(calls);
    number(static_cast<int32_t>(values.size()));
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  };
  number(2);
  entry("blk.0.attn_q.weight", 4, {4.0f, 8.0f});
  entry("blk.0.ffn_down.weight", 2, {1.0f});
  number(2);
  number(8);
  bytes += "wiki.txt";
  return bytes;
}

TEST_F(ImatrixTest, ReadsTheOlderBinaryForm) {
  ASSERT_TRUE(WriteFileAtomically(path_, LegacyBytes()));
  const auto read = ReadImatrix(path_);
  ASSERT_TRUE(read) << ToString(read.error());
  EXPECT_EQ(read->datasets, (std::vector<std::string>{"wiki.txt"}));
  const ImportanceEntry& entry = read->entries.at("blk.0.attn_q.weight");
  EXPECT_EQ(entry.sum_of_squares, (std::vector<float>{4.0f, 8.0f}));
  EXPECT_EQ(entry.tokens, 4u);
  EXPECT_EQ(read->entries.size(), 2u);
}

TEST_F(ImatrixTest, ACutOlderFileIsRefused) {
  const std::string whole = LegacyBytes();
  const size_t entries_end = whole.size() - 16;  // the last two numbers and the name may be missing
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    const std::string part = whole.substr(0, cut);
    const auto read = ParseLegacyImatrix(std::as_bytes(std::span(part)), "file");
    EXPECT_EQ(read.has_value(), cut >= entries_end && cut < entries_end + 4) << cut;
    if (read) continue;
    EXPECT_THAT(ToString(read.error()), HasSubstr("importance matrix"));
  }
}

}  // namespace
}  // namespace dragoman
