#include "package/package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/sha256.h"
#include "formats/gguf.h"
#include "package/compression.h"
#include "package/manifest.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              (std::string("package_test_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    model_ = (folder_ / "tiny.gguf").string();
    WriteModel("gemma", 3000);
    options_.model_path = model_;
    options_.output_folder = (folder_ / "out").string();
    options_.shard_bytes = 4096;
    options_.languages = {"en", "de"};
  }
  void TearDown() override { fs::remove_all(folder_); }

  void WriteModel(const std::string& license, uint64_t elems) {
    GgufMetadata metadata = {{"general.architecture", GgufValue::String("gemma3")},
                             {"general.name", GgufValue::String("tiny")},
                             {"general.file_type", GgufValue::U32(0)}};
    if (!license.empty()) metadata.push_back({"general.license", GgufValue::String(license)});
    const std::vector<GgufTensorPlan> tensors = {{"blk.0.w", BlockType::kF32, {elems}}};
    Random random(7);
    std::vector<float> values(elems);
    for (float& value : values) value = static_cast<float>(random.Normal());
    const auto written = WriteGguf(model_, metadata, tensors, [&](size_t, const ByteSink& sink) {
      return sink(std::as_bytes(std::span<const float>(values)));
    });
    ASSERT_TRUE(written) << ToString(written.error());
  }
  void WriteComparison(const std::string& decision) {
    options_.comparison_path = (folder_ / "comparison.json").string();
    ASSERT_TRUE(
        WriteJsonFile(options_.comparison_path,
                      OrderedJson{{"decision", decision}, {"reasons", {"Mean BLEU loss 0.2 %."}}}));
  }
  Manifest ReadManifest() {
    const std::string path = options_.output_folder + "/manifest.json";
    const auto text = ReadFile(path);
    EXPECT_TRUE(text) << ToString(text.error());
    const auto manifest = ParseManifest(*text, path);
    EXPECT_TRUE(manifest) << ToString(manifest.error());
    return *manifest;
  }
  // The failed check's name and detail, or "" when all are fine.
  std::string FirstFailure() {
    const auto checks = VerifyPackage(options_.output_folder);
    if (!checks) return ToString(checks.error());
    for (const PackageCheck& check : *checks) {
      if (!check.ok) return check.what + ": " + check.detail;
    }
    return "";
  }
  std::string InPackage(const std::string& name) const {
    return options_.output_folder + "/" + name;
  }

  fs::path folder_;
  std::string model_;
  PackageOptions options_;
};

TEST_F(PackageTest, BuildsAndVerifies) {
  WriteComparison("GO");
  const auto report = BuildPackage(options_);
  ASSERT_TRUE(report) << ToString(report.error());
  EXPECT_EQ(FirstFailure(), "");
  const Manifest manifest = ReadManifest();
  EXPECT_TRUE(manifest.proof.proven);
  EXPECT_EQ(manifest.model.quantization, "F32");
  EXPECT_EQ(manifest.model.parameters, 3000u);
  EXPECT_EQ(manifest.license.id, "gemma");
  EXPECT_EQ(manifest.whole.bytes, fs::file_size(model_));
  EXPECT_EQ(report->shards, static_cast<int>(manifest.files.size()));
  EXPECT_EQ(manifest.files.size(), (fs::file_size(model_) + 4095) / 4096);
  EXPECT_EQ(report->compression.size(), 3u);
  std::string joined;
  for (const ManifestFile& file : manifest.files) joined += *ReadFile(InPackage(file.path));
  EXPECT_EQ(joined, *ReadFile(model_));
  EXPECT_THAT(*ReadFile(InPackage("NOTICE")), HasSubstr("Gemma Terms of Use"));
  EXPECT_FALSE(fs::exists(options_.output_folder + ".partial"));
}

TEST_F(PackageTest, SameInputSameBytes) {
  ASSERT_TRUE(BuildPackage(options_));
  const std::string first = *ReadFile(InPackage("manifest.json"));
  ASSERT_TRUE(BuildPackage(options_));
  EXPECT_EQ(*ReadFile(InPackage("manifest.json")), first);
}

TEST_F(PackageTest, WithoutAComparisonItIsUnproven) {
  const auto report = BuildPackage(options_);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->proven);
  EXPECT_EQ(ReadManifest().proof.decision, "NONE");
  EXPECT_EQ(FirstFailure(), "");
}

TEST_F(PackageTest, AFailedDecisionIsPackagedAndSaysSo) {
  for (const char* decision : {"RECONSIDER", "FALLBACK"}) {
    WriteComparison(decision);
    ASSERT_TRUE(BuildPackage(options_));
    const Manifest manifest = ReadManifest();
    EXPECT_FALSE(manifest.proof.proven);
    EXPECT_EQ(manifest.proof.decision, decision);
    EXPECT_EQ(manifest.proof.reason, "Mean BLEU loss 0.2 %.");
    EXPECT_EQ(manifest.proof.comparison_sha256, *Sha256OfFile(options_.comparison_path));
  }
}

TEST_F(PackageTest, AComparisonWithoutADecisionIsRefused) {
  WriteComparison("PERHAPS");
  const auto report = BuildPackage(options_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kCorruptFile);
}

TEST_F(PackageTest, AModelThatIsNoGgufIsRefused) {
  ASSERT_TRUE(WriteFileAtomically(model_, "not a model"));
  EXPECT_FALSE(BuildPackage(options_));
  EXPECT_FALSE(fs::exists(options_.output_folder));
}

TEST_F(PackageTest, AFolderThatIsNoPackageIsLeftAlone) {
  fs::create_directories(options_.output_folder);
  ASSERT_TRUE(WriteFileAtomically(InPackage("thesis.txt"), "mine"));
  const auto report = BuildPackage(options_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*ReadFile(InPackage("thesis.txt")), "mine");
}

TEST_F(PackageTest, ContinuesWhatAKilledRunLeft) {
  ASSERT_TRUE(BuildPackage(options_));
  const std::string partial = options_.output_folder + ".partial";
  fs::rename(options_.output_folder, partial);
  fs::remove(partial + "/manifest.json");
  fs::remove(partial + "/shards/model-00001.bin");
  ASSERT_TRUE(WriteFileAtomically(partial + "/shards/model-00002.bin", "damaged"));
  ASSERT_TRUE(WriteFileAtomically(partial + "/shards/model-00099.bin", "from other options"));
  const auto kept = fs::last_write_time(partial + "/shards/model-00000.bin");
  ASSERT_TRUE(BuildPackage(options_));
  EXPECT_EQ(FirstFailure(), "");
  EXPECT_EQ(fs::last_write_time(InPackage("shards/model-00000.bin")), kept);
  EXPECT_FALSE(fs::exists(InPackage("shards/model-00099.bin")));
}

TEST_F(PackageTest, VerifyFindsDamage) {
  ASSERT_TRUE(BuildPackage(options_));
  const std::string shard = InPackage("shards/model-00001.bin");
  const std::string good = *ReadFile(shard);
  std::string bad = good;
  bad[100] = static_cast<char>(bad[100] ^ 1);
  ASSERT_TRUE(WriteFileAtomically(shard, bad));
  EXPECT_THAT(FirstFailure(), HasSubstr("shards/model-00001.bin: expected SHA-256"));
  ASSERT_TRUE(WriteFileAtomically(shard, good.substr(0, 99)));
  EXPECT_THAT(FirstFailure(), HasSubstr("expected 4096 bytes, found 99"));
  fs::remove(shard);
  EXPECT_THAT(FirstFailure(), HasSubstr("missing"));
  fs::create_symlink("/etc/hostname", shard);
  EXPECT_THAT(FirstFailure(), HasSubstr("symbolic link"));
}

TEST_F(PackageTest, VerifyFindsSwappedShards) {
  ASSERT_TRUE(BuildPackage(options_));
  Json json = *ReadJsonFile(InPackage("manifest.json"));
  std::swap(json["files"][0], json["files"][1]);
  ASSERT_TRUE(WriteJsonFile(InPackage("manifest.json"), json));
  EXPECT_THAT(FirstFailure(), HasSubstr("whole file: expected SHA-256"));
}

TEST_F(PackageTest, VerifyReadsNothingOutsideTheFolder) {
  ASSERT_TRUE(BuildPackage(options_));
  Json json = *ReadJsonFile(InPackage("manifest.json"));
  json["files"][0]["path"] = "../tiny.gguf";
  ASSERT_TRUE(WriteJsonFile(InPackage("manifest.json"), json));
  EXPECT_THAT(FirstFailure(), HasSubstr("stays inside the package"));
}

TEST_F(PackageTest, VerifyOfNothingIsAnError) {
  EXPECT_THAT(FirstFailure(), HasSubstr("manifest.json"));
}

TEST(Compression, TellsRealRatios) {
  const std::string zeros(200000, '\0');
  const auto figures = MeasureCompression(std::as_bytes(std::span<const char>(zeros)));
  ASSERT_TRUE(figures);
  ASSERT_EQ(figures->size(), 3u);
  for (const CompressionFigure& figure : *figures) {
    EXPECT_GT(figure.ratio(), 100) << figure.method;
    EXPECT_FALSE(figure.sampled);
  }
  Random random(1);
  std::vector<uint64_t> noise(40000);
  for (uint64_t& word : noise) word = random.Next();
  const auto none = MeasureCompression(std::as_bytes(std::span<const uint64_t>(noise)));
  ASSERT_TRUE(none);
  for (const CompressionFigure& figure : *none)
    EXPECT_NEAR(figure.ratio(), 1.0, 0.01) << figure.method;
}

TEST(Compression, SamplesBigFiles) {
  const std::vector<std::byte> file(kWholeCompressionBytes + 12345);
  const auto figures = MeasureCompression(file);
  ASSERT_TRUE(figures);
  EXPECT_TRUE(figures->front().sampled);
  EXPECT_EQ(figures->front().raw_bytes, kWholeCompressionBytes);
}

}  // namespace
}  // namespace dragoman
