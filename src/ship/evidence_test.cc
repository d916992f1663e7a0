#include "ship/evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/sha256.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class EvidenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "evidence_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  Workspace Open() {
    auto workspace = Workspace::Open(folder_);
    EXPECT_TRUE(workspace) << ToString(workspace.error());
    return std::move(*workspace);
  }
  std::string folder_;
};

TEST_F(EvidenceTest, ASecondRunInOneWorkspaceIsRefused) {
  const Workspace first = Open();
  const auto second = Workspace::Open(folder_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kIo);
  EXPECT_THAT(second.error().message, HasSubstr("another run"));
}

TEST_F(EvidenceTest, TheLockEndsWithItsHolder) {
  { const Workspace first = Open(); }
  EXPECT_TRUE(Workspace::Open(folder_));
}

TEST_F(EvidenceTest, APathBelowTheFolderIsStoredRelative) {
  const Workspace workspace = Open();
  EXPECT_EQ(workspace.Relative(workspace.Path("models/a.gguf")), "models/a.gguf");
  EXPECT_EQ(workspace.Relative("/somewhere/else"), "/somewhere/else");
}

TEST_F(EvidenceTest, HashesAreRememberedUntilTheFileChanges) {
  const Workspace workspace = Open();
  const std::string file = workspace.Path("models/a");
  const std::string cache_path = workspace.Path("state/hashes.json");
  ASSERT_TRUE(WriteFileAtomically(file, "one"));
  HashCache cache = HashCache::Load(cache_path);
  EXPECT_EQ(*cache.HashOf(file), Sha256Hex("one"));
  ASSERT_TRUE(cache.Save());
  // A wrong entry under the right stamp is believed: that is what remembering means.
  Json json = *ReadJsonFile(cache_path);
  json["files"].begin().value()[3] = std::string(64, 'f');
  ASSERT_TRUE(WriteJsonFile(cache_path, json));
  HashCache again = HashCache::Load(cache_path);
  EXPECT_EQ(*again.HashOf(file), std::string(64, 'f'));
  ASSERT_TRUE(WriteFileAtomically(file, "two"));  // same size, other inode and time
  EXPECT_EQ(*again.HashOf(file), Sha256Hex("two"));
}

TEST_F(EvidenceTest, ADamagedCacheIsAnEmptyOne) {
  const Workspace workspace = Open();
  const std::string file = workspace.Path("models/a");
  ASSERT_TRUE(WriteFileAtomically(file, "one"));
  for (const char* text :
       {"", "[]", "{\"schema\":\"dragoman.hash_cache/1\",\"files\":{\"/x\":[1,2]}}",
        "{\"schema\":\"dragoman.hash_cache/1\",\"files\":7}", "{\"schema\":3}"}) {
    ASSERT_TRUE(WriteFileAtomically(workspace.Path("state/hashes.json"), text));
    HashCache cache = HashCache::Load(workspace.Path("state/hashes.json"));
    EXPECT_EQ(*cache.HashOf(file), Sha256Hex("one"));
  }
}

TEST(HashInputs, TellsEveryChangeApart) {
  const std::string base = HashInputs("a", {{"x", "1"}, {"y", "2"}});
  EXPECT_EQ(base, HashInputs("a", {{"x", "1"}, {"y", "2"}}));
  EXPECT_NE(base, HashInputs("b", {{"x", "1"}, {"y", "2"}}));
  EXPECT_NE(base, HashInputs("a", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(base, HashInputs("a", {{"x", "1"}, {"y", "3"}}));
  EXPECT_NE(base, HashInputs("a", {{"x", "1"}}));
  EXPECT_NE(HashInputs("a", {{"x", "1y"}}), HashInputs("a", {{"x1", "y"}}));
  EXPECT_NE(HashInputs("a", {{"x", "\",\""}}), HashInputs("a", {{"x", ""}, {"", ""}}));
}

PhaseEvidence Example() {
  PhaseEvidence evidence;
  evidence.phase = "model";
  evidence.status = "done";
  evidence.input_hash = std::string(64, 'a');
  evidence.inputs = {{"device", "cpu"}};
  evidence.measured = Json{{"parameters", 7}};
  evidence.summary = "fine";
  evidence.program = "0.1.0";
  evidence.started = evidence.finished = "2026-01-01T00:00:00Z";
  evidence.seconds = 1.5;
  evidence.peak_memory_bytes = 123;
  return evidence;
}

TEST_F(EvidenceTest, SurvivesWritingAndReading) {
  const Workspace workspace = Open();
  HashCache hashes = HashCache::Load(workspace.Path("state/hashes.json"));
  ASSERT_TRUE(WriteFileAtomically(workspace.Path("models/a"), "one"));
  PhaseEvidence evidence = Example();
  evidence.outputs = *DescribeOutputs({workspace.Path("models/a")}, workspace, &hashes);
  EXPECT_EQ(evidence.outputs[0].path, "models/a");
  const std::string path = workspace.Path("evidence/model.json");
  ASSERT_TRUE(WriteJsonFile(path, ToJson(evidence)));
  const auto again = ReadEvidence(path);
  ASSERT_TRUE(again) << ToString(again.error());
  EXPECT_EQ(DumpJson(ToJson(*again)), DumpJson(ToJson(evidence)));
}

TEST_F(EvidenceTest, AWrongTypeAnywhereIsAnError) {
  const std::string path = folder_ + "/evidence.json";
  const Json good = Json::parse(DumpJson(ToJson(Example())));
  for (const auto& item : good.items()) {
    Json bad = good;
    bad[item.key()] = item.value().is_boolean() ? Json("x") : Json(true);
    if (item.key() == "measured") continue;  // any value is kept as it is
    ASSERT_TRUE(WriteJsonFile(path, bad));
    EXPECT_FALSE(ReadEvidence(path)) << item.key();
    bad.erase(item.key());
    ASSERT_TRUE(WriteJsonFile(path, bad));
    EXPECT_FALSE(ReadEvidence(path)) << "without " << item.key();
  }
}

TEST_F(EvidenceTest, OutputsAreMissedWhenTheyChange) {
  const Workspace workspace = Open();
  HashCache hashes = HashCache::Load(workspace.Path("state/hashes.json"));
  const std::string file = workspace.Path("models/a");
  ASSERT_TRUE(WriteFileAtomically(file, "one"));
  PhaseEvidence evidence = Example();
  evidence.outputs = *DescribeOutputs({file}, workspace, &hashes);
  EXPECT_TRUE(OutputsAreThere(evidence, workspace, &hashes));
  ASSERT_TRUE(WriteFileAtomically(file, "one"));  // written again, same bytes
  EXPECT_TRUE(OutputsAreThere(evidence, workspace, &hashes));
  ASSERT_TRUE(WriteFileAtomically(file, "two"));
  EXPECT_FALSE(OutputsAreThere(evidence, workspace, &hashes));
  ASSERT_TRUE(WriteFileAtomically(file, "longer"));
  EXPECT_FALSE(OutputsAreThere(evidence, workspace, &hashes));
  fs::remove(file);
  EXPECT_FALSE(OutputsAreThere(evidence, workspace, &hashes));
}

TEST_F(EvidenceTest, AnOutputThatWasNotWrittenIsAnError) {
  const Workspace workspace = Open();
  HashCache hashes = HashCache::Load(workspace.Path("state/hashes.json"));
  EXPECT_FALSE(DescribeOutputs({workspace.Path("models/nothing")}, workspace, &hashes));
}

TEST_F(EvidenceTest, FollowsItsSchema) {
  const auto schema = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/schemas/evidence.schema.json");
  ASSERT_TRUE(schema) << ToString(schema.error());
  const OrderedJson json = ToJson(Example());
  EXPECT_EQ(json.size(), (*schema)["properties"].size());
  for (const Json& key : (*schema)["required"])
    EXPECT_TRUE(json.contains(key.get<std::string>())) << key;
}

}  // namespace
}  // namespace dragoman
