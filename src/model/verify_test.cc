// Tests of inspection and of the scan for values that are not finite.
#include "model/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "model/tiny_model.h"

namespace dragoman {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kMiniFolder[] = DRAGOMAN_SOURCE_DIR "/models/mini";

TEST(Inspect, BundledModel) {
  const auto summary = InspectModel(kMiniFolder);
  ASSERT_TRUE(summary) << ToString(summary.error());
  EXPECT_EQ(summary->container, "safetensors");
  EXPECT_EQ(summary->parameters, 26626560u);
  EXPECT_EQ(summary->tensor_bytes, 53253120u);
  EXPECT_DOUBLE_EQ(summary->bits_per_weight, 16.0);
  EXPECT_THAT(summary->companions, Contains("tokenizer.json"));
  EXPECT_TRUE(summary->missing_companions.empty());
  ASSERT_EQ(summary->components.size(), 4u);
  uint64_t parameters = 0;
  for (const auto& component : summary->components) parameters += component.parameters;
  EXPECT_EQ(parameters, summary->parameters);
  EXPECT_EQ(summary->components[0].parameters, 15104u * 512);
  const OrderedJson json = ToJson(*summary);
  EXPECT_EQ(json["config"]["global_layers"], OrderedJson({5}));
  EXPECT_EQ(json["types"]["BF16"], 53253120);
}

TEST(Verify, BundledModelIsFinite) {
  uint64_t last_done = 0, last_total = 0;
  const auto report = VerifyModel(kMiniFolder, 2, [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, last_done);
    last_done = done;
    last_total = total;
  });
  ASSERT_TRUE(report) << ToString(report.error());
  EXPECT_EQ(report->scanned_bytes, 53253120u);
  EXPECT_EQ(last_done, report->scanned_bytes);
  EXPECT_EQ(last_total, report->scanned_bytes);
  EXPECT_GT(report->gb_per_second(), 0);
}

TEST(Verify, NamesTheFirstBadValue) {
  const std::string folder = ::testing::TempDir() + "dragoman_verify";
  std::filesystem::remove_all(folder);
  TinyModel model = MakeTinyModel(2);
  model.At("model.layers.1.mlp.up_proj.weight").values[77] =
      std::numeric_limits<float>::quiet_NaN();
  model.At("model.norm.weight").values[3] = -std::numeric_limits<float>::infinity();
  ASSERT_TRUE(WriteTinyModel(model, folder));
  const auto checkpoint = OpenCheckpoint(folder);
  ASSERT_TRUE(checkpoint);
  const TensorInfo* tensor = (*checkpoint)->Find("model.layers.1.mlp.up_proj.weight");
  ASSERT_NE(tensor, nullptr);
  for (const int threads : {1, 4}) {
    const auto report = VerifyModel(folder, threads);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::kCorruptFile);
    const std::string message = ToString(report.error());
    EXPECT_THAT(message, HasSubstr("model.safetensors: tensor model.layers.1.mlp.up_proj.weight"));
    EXPECT_THAT(message, HasSubstr("element 77"));
    EXPECT_THAT(message, HasSubstr("offset " + std::to_string(tensor->offset_bytes + 77 * 4)));
    EXPECT_THAT(message, HasSubstr("NaN"));
  }
}

TEST(Verify, MissingModelIsNotFound) {
  EXPECT_EQ(VerifyModel("/nowhere/model", 1).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dragoman
