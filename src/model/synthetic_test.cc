#include "model/synthetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "formats/checkpoint.h"
#include "model/gemma3_config.h"
#include "model/gemma3_tensors.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

class SyntheticTest : public testing::Test {
 protected:
  SyntheticTest() {
    std::string name = testing::TempDir() + "dragoman-synthetic-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~SyntheticTest() override { fs::remove_all(root_); }

  std::string In(const std::string& name) const { return (root_ / name).string(); }
  Result<SyntheticSummary> Write(const std::string& name, uint64_t seed = 1, int threads = 1,
                                 uint64_t max_shard_bytes = 200'000) {
    SyntheticOptions options;
    options.shape = *FindSyntheticShape("tiny");
    options.seed = seed;
    options.threads = threads;
    options.max_shard_bytes = max_shard_bytes;
    options.tokenizer_path = tokenizer_;
    return WriteSyntheticCheckpoint(In(name), options);
  }
  // Of every tensor in canonical order, whatever the shards.
  std::string WeightsDigest(const std::string& name) {
    auto opened = OpenCheckpoint(In(name));
    EXPECT_TRUE(opened.has_value()) << ToString(opened.error());
    Sha256 digest;
    for (const GgufTensorPlan& plan : SyntheticTensors(*FindSyntheticShape("tiny"))) {
      digest.Update((*opened)->Data(*(*opened)->Find(plan.name)));
    }
    return digest.HexDigest();
  }
  fs::path root_;
  std::string tokenizer_;
};

TEST_F(SyntheticTest, GivesACompleteCheckpoint) {
  auto summary = Write("a");
  ASSERT_TRUE(summary.has_value()) << ToString(summary.error());
  EXPECT_FALSE(summary->already_there);
  auto opened = OpenCheckpoint(In("a"));
  ASSERT_TRUE(opened.has_value()) << ToString(opened.error());
  EXPECT_GT((*opened)->files().size(), 1u);
  for (const std::string& file : (*opened)->files()) EXPECT_LE(fs::file_size(file), 200'000u);
  auto config = LoadGemma3Config(**opened);
  ASSERT_TRUE(config.has_value()) << ToString(config.error());
  EXPECT_EQ(config->head_dim, 32);
  EXPECT_EQ(config->sliding_window, 32);
  EXPECT_EQ(config->rope_global.position_scale, 1.0f / 8);
  EXPECT_THAT(config->layer_is_local, testing::ElementsAre(true, true, true, true, true, false));
  EXPECT_EQ(config->parameter_count(), summary->parameters);
  auto map = MapGemma3Tensors(**opened, *config);
  ASSERT_TRUE(map.has_value()) << ToString(map.error());
  EXPECT_EQ(map->tensors.size(), 6u * 13 + 2);
  for (const TensorInfo& tensor : (*opened)->tensors()) {
    const FiniteScan scan = ScanFinite(tensor.type, (*opened)->Data(tensor));
    EXPECT_EQ(scan.nan_count + scan.inf_count, 0u) << tensor.name;
  }
}

TEST_F(SyntheticTest, BytesDependOnTheSeedAndNotOnThreadsOrShards) {
  ASSERT_TRUE(Write("a", 1, 1).has_value());
  ASSERT_TRUE(Write("b", 1, 3).has_value());
  ASSERT_TRUE(Write("c", 1, 2, 2'000'000'000).has_value());
  ASSERT_TRUE(Write("d", 2, 1).has_value());
  const std::string digest = WeightsDigest("a");
  EXPECT_EQ(digest, WeightsDigest("b"));
  EXPECT_EQ(digest, WeightsDigest("c"));
  EXPECT_NE(digest, WeightsDigest("d"));
}

TEST_F(SyntheticTest, WeightsHaveTheirDistribution) {
  ASSERT_TRUE(Write("a").has_value());
  auto opened = OpenCheckpoint(In("a"));
  ASSERT_TRUE(opened.has_value());
  const TensorInfo& info = *(*opened)->Find("model.embed_tokens.weight");
  std::vector<float> weights(info.elems());
  TraitsOf(info.type).decode((*opened)->Data(info).data(), static_cast<int64_t>(weights.size()),
                             weights.data());
  double sum = 0, squares = 0;
  std::vector<double> row_deviations;
  for (size_t row = 0; row < info.rows(); ++row) {
    double row_squares = 0;
    for (size_t col = 0; col < info.cols(); ++col) {
      const double w = weights[row * info.cols() + col];
      sum += w;
      row_squares += w * w;
    }
    squares += row_squares;
    row_deviations.push_back(std::log(std::sqrt(row_squares / static_cast<double>(info.cols()))));
  }
  const double count = static_cast<double>(weights.size());
  EXPECT_NEAR(sum / count, 0.0, 0.001);
  // 0.02 sqrt(exp(2 * 0.35^2)) for the rows' scales, times sqrt(1 + 0.001 * 69) for the outliers.
  EXPECT_NEAR(std::sqrt(squares / count), 0.0234, 0.0025);
  double mean = 0, variance = 0;
  for (double v : row_deviations) mean += v / static_cast<double>(row_deviations.size());
  for (double v : row_deviations) {
    variance += (v - mean) * (v - mean) / static_cast<double>(row_deviations.size());
  }
  EXPECT_NEAR(std::sqrt(variance), 0.37, 0.06);  // sigma 0.35 plus what 64 samples a row add
}

TEST_F(SyntheticTest, CompleteOnesAreLeftAloneAndCutOnesContinued) {
  ASSERT_TRUE(Write("a").has_value());
  const std::string digest = WeightsDigest("a");
  const std::vector<std::string> shards = (*OpenCheckpoint(In("a")))->files();
  const std::string& first_shard = shards.front();
  const auto written_at = fs::last_write_time(first_shard);
  auto again = Write("a");
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->already_there);
  // As if the process had died after the first shard.
  fs::remove(In("a/model.safetensors.index.json"));
  fs::remove(shards.back());
  again = Write("a");
  ASSERT_TRUE(again.has_value()) << ToString(again.error());
  EXPECT_FALSE(again->already_there);
  EXPECT_EQ(fs::last_write_time(first_shard), written_at);
  EXPECT_EQ(WeightsDigest("a"), digest);
}

TEST_F(SyntheticTest, NeverOverwritesAnythingElse) {
  ASSERT_TRUE(Write("a", 1).has_value());
  EXPECT_EQ(Write("a", 2).error().code, ErrorCode::kInvalidArgument);
  fs::create_directories(In("b"));
  ASSERT_TRUE(WriteFileAtomically(In("b/config.json"), "{}").has_value());
  EXPECT_EQ(Write("b").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SyntheticTest, CopiesTheTokenizerWithItsNeighbours) {
  ASSERT_TRUE(WriteFileAtomically(In("t/my.json"), "{\"a\":1}").has_value());
  ASSERT_TRUE(WriteFileAtomically(In("t/tokenizer_config.json"), "{}").has_value());
  tokenizer_ = In("t/my.json");
  ASSERT_TRUE(Write("a").has_value());
  EXPECT_EQ(*ReadFile(In("a/tokenizer.json")), "{\"a\":1}");
  EXPECT_TRUE(fs::exists(In("a/tokenizer_config.json")));
  tokenizer_ = In("t/absent.json");
  EXPECT_EQ(Write("b").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(fs::exists(In("b")));
}

// The published parameter counts.
TEST(SyntheticShapes, AreThoseOfTheRealModels) {
  const auto parameters = [](const char* name) {
    uint64_t total = 0;
    for (const GgufTensorPlan& tensor : SyntheticTensors(*FindSyntheticShape(name))) {
      uint64_t elems = 1;
      for (uint64_t dim : tensor.shape) elems *= dim;
      total += elems;
    }
    return total;
  };
  EXPECT_EQ(parameters("translategemma-4b"), 3'880'263'168u);
  EXPECT_EQ(parameters("gemma3-1b"), 999'885'952u);
  EXPECT_EQ(parameters("gemma3-270m"), 268'098'176u);
  EXPECT_EQ(SyntheticTensors(*FindSyntheticShape("translategemma-4b")).size(), 444u);
  EXPECT_EQ(FindSyntheticShape("gemma3-27b"), nullptr);
}

}  // namespace
}  // namespace dragoman
