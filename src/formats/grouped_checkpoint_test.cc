// Packed codes, both layouts of grouped weights, and quantized checkpoints seen as float ones; good
// files and hostile ones.
#include "formats/grouped_checkpoint.h"

#include <cstring>
#include <random>

#include "base/json.h"
#include "formats/grouped_config.h"
#include "formats/grouped_matrix.h"
#include "formats/packed_codes.h"
#include "formats/testing_files.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

std::vector<uint32_t> WordsOf(const std::vector<std::byte>& bytes) {
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return words;
}

GroupedMatrix RandomMatrix(int bits, int64_t rows, int64_t cols, int64_t groups,
                           bool symmetric = false) {
  std::mt19937 random(static_cast<unsigned>(bits));
  const auto below = [&](unsigned limit) { return static_cast<uint8_t>(random() % limit); };
  const unsigned codes = 1u << bits;
  GroupedMatrix matrix;
  matrix.bits = bits;
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.groups = groups;
  for (int64_t i = 0; i < rows * cols; ++i) matrix.codes.push_back(below(codes));
  for (int64_t i = 0; i < rows * groups; ++i) {
    matrix.scales.push_back(0.5f + static_cast<float>(below(64)) / 128.0f);
    matrix.zeros.push_back(symmetric ? static_cast<uint8_t>(codes / 2)
                                     : static_cast<uint8_t>(1 + below(codes - 1)));
  }
  // Groups that do not follow the order of the columns.
  for (int64_t i = 0; i < cols; ++i) matrix.group_of.push_back(static_cast<int32_t>(i % groups));
  return matrix;
}

TEST(PackedCodes, LieWhereTheFormatSays) {
  std::vector<uint8_t> codes(32);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>((i * 5 + 3) % 8);
  uint32_t words[3];
  PackCodes(codes.data(), 1, 32, 3, reinterpret_cast<std::byte*>(words), 1);
  // Word 0 ends with the low two bits of code 10, word 1 begins with its third and ends with the
  // first of code 21.
  EXPECT_EQ(words[0] >> 30, codes[10] & 3u);
  EXPECT_EQ(words[1] & 1u, codes[10] >> 2);
  EXPECT_EQ((words[1] >> 1) & 7u, codes[11]);
  EXPECT_EQ(words[1] >> 31, codes[21] & 1u);
  EXPECT_EQ(words[2] & 3u, codes[21] >> 1);
  EXPECT_EQ((words[2] >> 2) & 7u, codes[22]);
  EXPECT_EQ(words[2] >> 29, codes[31]);

  const std::vector<uint8_t> nibbles = {1, 2, 3, 4, 5, 6, 7, 8};
  uint32_t word;
  PackCodes(nibbles.data(), 1, 8, 4, reinterpret_cast<std::byte*>(&word), 1);
  EXPECT_EQ(word, 0x87654321u);
}

// The words that symmetric checkpoints hold everywhere, known from published files.
TEST(PackedCodes, SymmetricZerosAreStoredMinusOne) {
  const std::vector<std::pair<int, std::vector<uint32_t>>> expected = {
      {2, {0x55555555u, 0x55555555u}},
      {3, {0xDB6DB6DBu, 0xB6DB6DB6u, 0x6DB6DB6Du}},
      {4, {0x77777777u, 0x77777777u, 0x77777777u, 0x77777777u}},
      {8, std::vector<uint32_t>(8, 0x7F7F7F7Fu)}};
  for (const auto& [bits, words] : expected) {
    const GptqTensors tensors = PackGptq(RandomMatrix(bits, 32, 32, 1, true));
    EXPECT_EQ(WordsOf(tensors.qzeros), words) << bits;
  }
}

TEST(PackedCodes, AStoredMinusOneBorrowsAsGptqModelHasIt) {
  // Zero points 0 and 5: 5 - 1 = 4, then 0 - 1 borrows from the neighbour above.
  const uint32_t four_bit = 0x00000050u - 0x11111111u;
  uint8_t zeros[8];
  UnpackZerosMinusOne(reinterpret_cast<const std::byte*>(&four_bit), 1, 8, 4, zeros, 1);
  EXPECT_EQ(zeros[0], 0);
  EXPECT_EQ(zeros[1], 5);
  EXPECT_EQ(zeros[7], 0);
  const uint32_t three_bit[3] = {0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu};  // 7 stored: 0
  uint8_t small[32];
  UnpackZerosMinusOne(reinterpret_cast<const std::byte*>(three_bit), 1, 32, 3, small, 1);
  for (const uint8_t zero : small) EXPECT_EQ(zero, 0);
}

class GroupedLayout : public testing::TestWithParam<int> {};

TEST_P(GroupedLayout, GptqGivesBackWhatWentIn) {
  const GroupedMatrix matrix = RandomMatrix(GetParam(), 64, 96, 3);
  const GptqTensors tensors = PackGptq(matrix);
  GroupedParts parts;
  parts.bits = GetParam();
  parts.rows = 64;
  parts.cols = 96;
  parts.groups = 3;
  parts.codes = tensors.qweight.data();
  parts.zeros = tensors.qzeros.data();
  parts.scales = tensors.scales.data();
  parts.group_of = matrix.group_of;
  const GroupedMatrix read = Unpack(parts);
  EXPECT_EQ(read.codes, matrix.codes);
  EXPECT_EQ(read.zeros, matrix.zeros);
  EXPECT_EQ(read.scales, matrix.scales);
  // Input k of output n: word k * bits / 32 of column n.
  const auto words = WordsOf(tensors.qweight);
  const int per_word = 32 / GetParam();
  if (GetParam() != 3) {
    EXPECT_EQ(
        (words[64 * static_cast<size_t>(50 / per_word) + 7] >> (GetParam() * (50 % per_word))) &
            ((1u << GetParam()) - 1),
        matrix.codes[7 * 96 + 50]);
  }
  std::vector<float> values(64 * 96);
  Dequantize(read, values.data());
  EXPECT_EQ(values[7 * 96 + 50],
            matrix.scales[7 * 3 + 50 % 3] *
                static_cast<float>(matrix.codes[7 * 96 + 50] - matrix.zeros[7 * 3 + 50 % 3]));
}

TEST_P(GroupedLayout, PackQuantizedGivesBackWhatWentIn) {
  const GroupedMatrix matrix = RandomMatrix(GetParam(), 64, 96, 3);
  const PackQuantizedTensors tensors = PackQuantized(matrix, true);
  GroupedParts parts;
  parts.gptq = false;
  parts.bits = GetParam();
  parts.rows = 64;
  parts.cols = 96;
  parts.groups = 3;
  parts.codes = tensors.weight_packed.data();
  parts.zeros = tensors.weight_zero_point.data();
  parts.scales = tensors.weight_scale.data();
  parts.group_of = matrix.group_of;
  const GroupedMatrix read = Unpack(parts);
  EXPECT_EQ(read.codes, matrix.codes);
  EXPECT_EQ(read.zeros, matrix.zeros);
  EXPECT_EQ(read.scales, matrix.scales);
  parts.zeros = nullptr;
  EXPECT_EQ(Unpack(parts).zeros[5], 1 << (GetParam() - 1));
}

INSTANTIATE_TEST_SUITE_P(Widths, GroupedLayout, testing::Values(2, 3, 4, 8),
                         [](const auto& width) { return std::to_string(width.param) + "bits"; });

TEST(GroupedConfig, RefusesWhatIsNotRead) {
  const auto code = [](const char* text) {
    const auto config = ParseGroupedConfig(*ParseJson(text, "t"), "t");
    return config ? ErrorCode::kInternal : config.error().code;
  };
  const auto method = [&](const std::string& rest) {
    return code((R"({"quant_method": "gptq", "group_size": 32, )" + rest + "}").c_str());
  };
  EXPECT_EQ(method(R"("bits": 4)"), ErrorCode::kInternal);  // read
  EXPECT_EQ(method(R"("bits": 5)"), ErrorCode::kUnsupported);
  EXPECT_EQ(method(R"("bits": "4")"), ErrorCode::kCorruptFile);
  EXPECT_EQ(method(R"("bits": 18446744073709551615)"), ErrorCode::kCorruptFile);
  EXPECT_EQ(method(R"("bits": 4, "checkpoint_format": "marlin")"), ErrorCode::kUnsupported);
  EXPECT_EQ(method(R"("bits": 4, "is_marlin_format": true)"), ErrorCode::kUnsupported);
  EXPECT_EQ(code(R"({"quant_method": "awq", "bits": 4})"), ErrorCode::kUnsupported);
  EXPECT_EQ(code(R"({"quant_method": "gptq", "bits": 4, "group_size": 0})"),
            ErrorCode::kCorruptFile);
  EXPECT_EQ(code(R"({"quant_method": "compressed-tensors", "format": "pack-quantized",
                     "config_groups": {}})"),
            ErrorCode::kCorruptFile);
  EXPECT_EQ(code(R"({"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"})"),
            ErrorCode::kUnsupported);
  EXPECT_EQ(code("[]"), ErrorCode::kCorruptFile);
}

struct StoredTensor {
  GgufTensorPlan plan;
  std::vector<std::byte> bytes;
};

class GroupedCheckpointTest : public testing::Test {
 protected:
  GroupedCheckpointTest() : matrix_(RandomMatrix(4, 16, 64, 2)) {
    GptqTensors tensors = PackGptq(matrix_);
    gptq_ = {{{"model.x.qweight", BlockType::kI32, {8, 16}}, tensors.qweight},
             {{"model.x.qzeros", BlockType::kI32, {2, 2}}, tensors.qzeros},
             {{"model.x.g_idx", BlockType::kI32, {64}}, tensors.g_idx},
             {{"model.x.scales", BlockType::kF16, {2, 16}}, tensors.scales},
             {{"model.norm.weight", BlockType::kF16, {2}}, std::vector<std::byte>(4)}};
    PackQuantizedTensors packed = PackQuantized(matrix_, true);
    const int64_t shape[] = {16, 64};
    std::vector<std::byte> shape_bytes(sizeof(shape));
    std::memcpy(shape_bytes.data(), shape, sizeof(shape));
    packed_ = {{{"model.x.weight_shape", BlockType::kI64, {2}}, shape_bytes},
               {{"model.x.weight_packed", BlockType::kI32, {16, 8}}, packed.weight_packed},
               {{"model.x.weight_zero_point", BlockType::kI32, {2, 2}}, packed.weight_zero_point},
               {{"model.x.weight_g_idx", BlockType::kI32, {64}}, packed.weight_g_idx},
               {{"model.x.weight_scale", BlockType::kF16, {16, 2}}, packed.weight_scale}};
  }

  Result<std::unique_ptr<Checkpoint>> Open(const std::vector<StoredTensor>& tensors,
                                           const std::string& quantization) {
    WriteBytes(In("config.json"), R"({"quantization_config": )" + quantization + "}");
    std::vector<GgufTensorPlan> plans;
    for (const StoredTensor& tensor : tensors) plans.push_back(tensor.plan);
    const auto written =
        WriteSafetensors(In("model.safetensors"), plans,
                         [&](size_t i, const ByteSink& sink) { return sink(tensors[i].bytes); });
    EXPECT_TRUE(written.has_value()) << ToString(written.error());
    return OpenCheckpoint(folder_.path().string());
  }
  std::string ErrorOf(const std::vector<StoredTensor>& tensors, const char* quantization = kGptq) {
    const auto checkpoint = Open(tensors, quantization);
    return checkpoint ? "opened" : ToString(checkpoint.error());
  }
  void ExpectWeights(const Checkpoint& checkpoint) {
    const TensorInfo* weight = checkpoint.Find("model.x.weight");
    ASSERT_NE(weight, nullptr);
    EXPECT_EQ(weight->type, BlockType::kF32);
    EXPECT_EQ(weight->shape, (std::vector<uint64_t>{16, 64}));
    std::vector<float> expected(16 * 64);
    Dequantize(matrix_, expected.data());
    const auto data = checkpoint.Data(*weight);
    ASSERT_EQ(data.size(), expected.size() * 4);
    EXPECT_EQ(std::memcmp(data.data(), expected.data(), data.size()), 0);
    EXPECT_EQ(checkpoint.Data(*weight).data(), data.data());  // decoded once
  }
  StoredTensor& Part(std::vector<StoredTensor>& tensors, const std::string& name) {
    for (StoredTensor& tensor : tensors) {
      if (tensor.plan.name == "model.x." + name) return tensor;
    }
    DRAGOMAN_CHECK(false);
  }
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }

  static constexpr const char* kGptq =
      R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "gptq"})";
  static constexpr const char* kPacked =
      R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups":
          {"group_0": {"weights": {"num_bits": 4, "strategy": "group", "group_size": 32}}}})";
  TemporaryFolder folder_;
  GroupedMatrix matrix_;
  std::vector<StoredTensor> gptq_, packed_;
};

TEST_F(GroupedCheckpointTest, ShowsGptqAsFloats) {
  const auto checkpoint = Open(gptq_, kGptq);
  ASSERT_TRUE(checkpoint.has_value()) << ToString(checkpoint.error());
  EXPECT_EQ((*checkpoint)->tensors().size(), 2u);
  EXPECT_NE((*checkpoint)->Find("model.norm.weight"), nullptr);
  EXPECT_EQ((*checkpoint)->Find("model.x.qweight"), nullptr);
  ExpectWeights(**checkpoint);
}

TEST_F(GroupedCheckpointTest, ShowsPackQuantizedAsFloats) {
  const auto checkpoint = Open(packed_, kPacked);
  ASSERT_TRUE(checkpoint.has_value()) << ToString(checkpoint.error());
  ExpectWeights(**checkpoint);
}

TEST_F(GroupedCheckpointTest, TakesWhatOtherProgramsWrite) {
  // AutoGPTQ: no word about the layout, a zero bias for every linear, its own file of settings.
  std::vector<StoredTensor> tensors = gptq_;
  tensors.push_back({{"model.x.bias", BlockType::kF16, {16}}, std::vector<std::byte>(32)});
  WriteBytes(In("quantize_config.json"), R"({"bits": 4, "group_size": 32, "desc_act": true})");
  const auto checkpoint = Open(tensors, "null");
  ASSERT_TRUE(checkpoint.has_value()) << ToString(checkpoint.error());
  EXPECT_EQ((*checkpoint)->Find("model.x.bias"), nullptr);
  ExpectWeights(**checkpoint);
  // gptq_v2 stores zero points as they are.
  std::vector<StoredTensor> second = gptq_;
  PackCodes(matrix_.zeros.data(), 2, 16, 4, Part(second, "qzeros").bytes.data(), 1);
  PackCodes(matrix_.zeros.data() + 1, 2, 16, 4, Part(second, "qzeros").bytes.data() + 8, 1);
  const auto v2 = Open(second, R"({"quant_method": "gptq", "bits": 4, "group_size": 32,
                                   "checkpoint_format": "gptq_v2"})");
  ASSERT_TRUE(v2.has_value()) << ToString(v2.error());
  ExpectWeights(**v2);
}

TEST_F(GroupedCheckpointTest, RefusesHostileParts) {
  const auto broken = [&](const std::string& part, auto change) {
    std::vector<StoredTensor> tensors = gptq_;
    change(Part(tensors, part));
    return ErrorOf(tensors);
  };
  const auto group = [](int32_t number) {
    return [number](StoredTensor& tensor) { std::memcpy(tensor.bytes.data() + 12, &number, 4); };
  };
  EXPECT_THAT(broken("g_idx", group(2)), HasSubstr("input 3: expected a group in [0, 2), found 2"));
  EXPECT_THAT(broken("g_idx", group(-1)), HasSubstr("found -1"));
  const auto reshape = [](std::vector<uint64_t> shape) {
    return [shape](StoredTensor& tensor) { tensor.plan.shape = shape; };
  };
  EXPECT_THAT(broken("qweight", reshape({16, 8})), HasSubstr("model.x"));
  EXPECT_THAT(broken("qweight", reshape({128})), HasSubstr("expected a matrix"));
  EXPECT_THAT(broken("qzeros", reshape({4, 1})), HasSubstr("expected shape [2, 2], found [4, 1]"));
  EXPECT_THAT(broken("scales", reshape({4, 8})), HasSubstr("expected shape [4, 16], found [4, 8]"));
  EXPECT_THAT(broken("g_idx", reshape({8, 8})), HasSubstr("g_idx"));
  const auto retype = [](BlockType type) {
    return [type](StoredTensor& tensor) {
      tensor.plan.type = type;
      tensor.plan.shape[0] /= TraitsOf(type).block_bytes / 2;
    };
  };
  EXPECT_THAT(broken("scales", retype(BlockType::kI32)), HasSubstr("expected F16, found I32"));
  for (const char* part : {"qweight", "qzeros", "scales"}) {
    std::vector<StoredTensor> tensors;
    for (const StoredTensor& tensor : gptq_) {
      if (tensor.plan.name != std::string("model.x.") + part) tensors.push_back(tensor);
    }
    if (std::string(part) == "qweight") continue;  // then nothing says that it is quantized
    EXPECT_THAT(ErrorOf(tensors), HasSubstr("expected this part of a linear, found none")) << part;
  }
  std::vector<StoredTensor> twice = gptq_;
  twice.push_back({{"model.x.weight", BlockType::kF16, {1, 2}}, std::vector<std::byte>(4)});
  EXPECT_THAT(ErrorOf(twice), HasSubstr("plain and quantized"));
}

TEST_F(GroupedCheckpointTest, RefusesHostileShapesOfPackQuantized) {
  const auto with_shape = [&](int64_t rows, int64_t cols) {
    std::vector<StoredTensor> tensors = packed_;
    const int64_t shape[] = {rows, cols};
    std::memcpy(Part(tensors, "weight_shape").bytes.data(), shape, sizeof(shape));
    return ErrorOf(tensors, kPacked);
  };
  EXPECT_THAT(with_shape(int64_t{1} << 40, int64_t{1} << 40), HasSubstr("expected sides"));
  EXPECT_THAT(with_shape(-1, 64), HasSubstr("expected sides"));
  EXPECT_THAT(with_shape(16, 65), HasSubstr("expected shape [16, 9], found [16, 8]"));
  EXPECT_THAT(with_shape(32, 64), HasSubstr("expected shape [32, 8]"));
  EXPECT_THAT(ErrorOf(gptq_, kPacked), HasSubstr("expected weight_packed tensors"));
}

TEST_F(GroupedCheckpointTest, SaysWhenNothingTellsTheLayout) {
  EXPECT_THAT(ErrorOf(gptq_, "null"), HasSubstr("expected a quantization_config"));
  EXPECT_THAT(ErrorOf(gptq_, R"({"quant_method": "awq"})"), HasSubstr("awq"));
}

}  // namespace
}  // namespace dragoman
