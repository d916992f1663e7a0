#include "formats/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "formats/testing_files.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

const std::string kMini = std::string(DRAGOMAN_SOURCE_DIR) + "/models/mini";

class CheckpointTest : public testing::Test {
 protected:
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }
  Error OpenError(const std::string& path) const {
    auto opened = OpenCheckpoint(path);
    return opened ? Error{ErrorCode::kInternal, "opened", path} : opened.error();
  }
  TemporaryFolder folder_;
};

TEST_F(CheckpointTest, OpensTheBundledShardedModel) {
  auto opened = OpenCheckpoint(kMini);
  ASSERT_TRUE(opened.has_value()) << ToString(opened.error());
  const Checkpoint& mini = **opened;
  EXPECT_EQ(mini.format(), ContainerFormat::kSafetensors);
  EXPECT_EQ(mini.folder(), kMini);
  EXPECT_EQ(mini.files().size(), 4u);
  EXPECT_EQ(mini.tensors().size(), 8u * 13 + 2);
  EXPECT_EQ(mini.gguf(), nullptr);
  const TensorInfo* embedding = mini.Find("model.embed_tokens.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_EQ(embedding->type, BlockType::kBF16);
  EXPECT_EQ(embedding->rows(), 15104u);
  EXPECT_EQ(embedding->cols(), 512u);
  uint64_t total = 0;
  for (const TensorInfo& tensor : mini.tensors()) {
    const auto data = mini.Data(tensor);
    EXPECT_EQ(data.size(), tensor.size_bytes);
    total += data.size();
    const FiniteScan scan = ScanFinite(tensor.type, data);
    EXPECT_EQ(scan.nan_count + scan.inf_count, 0u) << tensor.name;
    mini.Release(tensor);
  }
  EXPECT_EQ(total, 53253120u);
  EXPECT_EQ(mini.Find("model.layers.99.mlp.up_proj.weight"), nullptr);
}

TEST_F(CheckpointTest, OpensAnIndexFileAndASingleShard) {
  auto by_index = OpenCheckpoint(kMini + "/model.safetensors.index.json");
  ASSERT_TRUE(by_index.has_value()) << ToString(by_index.error());
  EXPECT_EQ((*by_index)->folder(), kMini);
  auto shard = OpenCheckpoint(kMini + "/model-00004-of-00004.safetensors");
  ASSERT_TRUE(shard.has_value());
  EXPECT_LT((*shard)->tensors().size(), (*by_index)->tensors().size());
}

TEST_F(CheckpointTest, NothingThere) {
  EXPECT_EQ(OpenError(In("absent")).code, ErrorCode::kNotFound);
  EXPECT_EQ(OpenError(folder_.path().string()).code, ErrorCode::kNotFound);
  WriteBytes(In("a.txt"), "hello");
  EXPECT_EQ(OpenError(In("a.txt")).code, ErrorCode::kUnsupported);
  WriteBytes(In("a.gguf"), "hello");
  EXPECT_EQ(OpenError(In("a.gguf")).code, ErrorCode::kCorruptFile);
  WriteBytes(In("empty.gguf"), "");
  EXPECT_EQ(OpenError(In("empty.gguf")).code, ErrorCode::kCorruptFile);
}

TEST_F(CheckpointTest, AFolderWithOneModelOfAnyName) {
  WriteTinySafetensors(In("weights.safetensors"), {"a", "b"});
  auto opened = OpenCheckpoint(folder_.path().string());
  ASSERT_TRUE(opened.has_value()) << ToString(opened.error());
  EXPECT_EQ((*opened)->tensors().size(), 2u);
  WriteTinySafetensors(In("other.safetensors"), {"c"});
  EXPECT_EQ(OpenError(folder_.path().string()).code, ErrorCode::kInvalidArgument);
  WriteTinySafetensors(In("model.safetensors"), {"d"});
  opened = OpenCheckpoint(folder_.path().string());
  ASSERT_TRUE(opened.has_value());
  EXPECT_NE((*opened)->Find("d"), nullptr);
}

// What an index may say wrongly, each with two good shards beside it.
struct BadIndex {
  const char* name;
  const char* json;
  ErrorCode code;
  const char* message;
};
class BadIndexTest : public CheckpointTest, public testing::WithParamInterface<BadIndex> {};

TEST_P(BadIndexTest, IsRefused) {
  WriteTinySafetensors(In("s1.safetensors"), {"a", "b"});
  WriteTinySafetensors(In("s2.safetensors"), {"c"});
  WriteBytes(In("model.safetensors.index.json"), GetParam().json);
  const Error error = OpenError(folder_.path().string());
  EXPECT_EQ(error.code, GetParam().code) << ToString(error);
  EXPECT_THAT(ToString(error), testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadIndexTest,
    testing::Values(
        BadIndex{"NotJson", "{", ErrorCode::kCorruptFile, "JSON"},
        BadIndex{"NoMap", "{}", ErrorCode::kCorruptFile, "weight_map"},
        BadIndex{"EmptyMap", R"({"weight_map":{}})", ErrorCode::kCorruptFile, "weight_map"},
        BadIndex{"MapIsArray", R"({"weight_map":["a"]})", ErrorCode::kCorruptFile, "weight_map"},
        BadIndex{"FileIsNumber", R"({"weight_map":{"a":1}})", ErrorCode::kCorruptFile, "file name"},
        BadIndex{"ParentFolder", R"({"weight_map":{"a":"../s1.safetensors"}})",
                 ErrorCode::kCorruptFile, "beside the index"},
        BadIndex{"AbsolutePath", R"({"weight_map":{"a":"/etc/s1.safetensors"}})",
                 ErrorCode::kCorruptFile, "beside the index"},
        BadIndex{"Backslash", R"({"weight_map":{"a":"..\\s1.safetensors"}})",
                 ErrorCode::kCorruptFile, "beside the index"},
        BadIndex{"OtherFile", R"({"weight_map":{"a":"passwd"}})", ErrorCode::kCorruptFile,
                 "beside the index"},
        BadIndex{"ZeroByte", R"({"weight_map":{"a":"s1\u0000.safetensors"}})",
                 ErrorCode::kCorruptFile, "beside the index"},
        BadIndex{"MissingShard", R"({"weight_map":{"a":"s9.safetensors"}})", ErrorCode::kNotFound,
                 "s9.safetensors"},
        BadIndex{"TensorNotInShard",
                 R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s2.safetensors",
                     "d":"s2.safetensors"}})",
                 ErrorCode::kCorruptFile,
                 "tensor 'd': expected in 's2.safetensors', found nowhere"},
        BadIndex{
            "TensorInOtherShard",
            R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s2.safetensors"}})",
            ErrorCode::kCorruptFile, "tensor 'b': expected in 's2.safetensors', found in"},
        BadIndex{"TensorNotInIndex",
                 R"({"weight_map":{"a":"s1.safetensors","c":"s2.safetensors"}})",
                 ErrorCode::kCorruptFile, "tensor 'b': found in"},
        BadIndex{"DuplicateName", R"({"weight_map":{"a":"s1.safetensors","a":"s2.safetensors"}})",
                 ErrorCode::kCorruptFile, "duplicate key"}),
    [](const testing::TestParamInfo<BadIndex>& param) { return std::string(param.param.name); });

TEST_F(CheckpointTest, TheSameTensorInTwoShards) {
  WriteTinySafetensors(In("s1.safetensors"), {"a"});
  WriteTinySafetensors(In("s2.safetensors"), {"a", "b"});
  WriteBytes(In("model.safetensors.index.json"),
             R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})");
  EXPECT_EQ(OpenError(folder_.path().string()).code, ErrorCode::kCorruptFile);
}

class SplitGgufTest : public CheckpointTest {
 protected:
  // Writes shard `number` (from 0) under the name of shard `name_number` of `count`.
  void WriteShard(uint16_t number, uint16_t count, int32_t total, const std::string& tensor,
                  int name_number) {
    char name[64];
    std::snprintf(name, sizeof(name), "m-%05d-of-%05d.gguf", name_number, count);
    WriteTinyGguf(In(name), {tensor},
                  {{"split.no", GgufValue::U16(number)},
                   {"split.count", GgufValue::U16(count)},
                   {"split.tensors.count", GgufValue::I32(total)}});
  }
};

TEST_F(SplitGgufTest, OpensAllShards) {
  WriteShard(0, 2, 2, "a", 1);
  WriteShard(1, 2, 2, "b", 2);
  for (const std::string& path : {folder_.path().string(), In("m-00001-of-00002.gguf")}) {
    auto opened = OpenCheckpoint(path);
    ASSERT_TRUE(opened.has_value()) << ToString(opened.error());
    EXPECT_EQ((*opened)->format(), ContainerFormat::kGguf);
    EXPECT_EQ((*opened)->files().size(), 2u);
    ASSERT_NE((*opened)->Find("b"), nullptr);
    EXPECT_EQ((*opened)->Find("b")->file_index, 1u);
    EXPECT_EQ((*opened)->Data(*(*opened)->Find("b")).size(), 16u);
    ASSERT_NE((*opened)->gguf(), nullptr);
    EXPECT_EQ((*opened)->gguf()->FindUnsigned("split.no"), 0u);
    EXPECT_EQ((*opened)->folder(), "");
  }
}

TEST_F(SplitGgufTest, RefusesWhatDoesNotFit) {
  WriteShard(0, 2, 2, "a", 1);
  EXPECT_EQ(OpenError(In("m-00001-of-00002.gguf")).code, ErrorCode::kNotFound);
  WriteShard(1, 2, 2, "a", 2);  // the same name twice
  EXPECT_EQ(OpenError(In("m-00001-of-00002.gguf")).code, ErrorCode::kCorruptFile);
  WriteShard(0, 2, 2, "b", 2);  // says that it is the first
  EXPECT_EQ(OpenError(In("m-00001-of-00002.gguf")).code, ErrorCode::kCorruptFile);
  WriteShard(1, 2, 2, "b", 2);
  EXPECT_EQ(OpenError(In("m-00002-of-00002.gguf")).code, ErrorCode::kInvalidArgument);
  WriteShard(0, 2, 3, "a", 1);  // one tensor too many promised
  EXPECT_EQ(OpenError(In("m-00001-of-00002.gguf")).code, ErrorCode::kCorruptFile);
  fs::rename(In("m-00001-of-00002.gguf"), In("other.gguf"));
  EXPECT_EQ(OpenError(In("other.gguf")).code, ErrorCode::kCorruptFile);
}

}  // namespace
}  // namespace dragoman
