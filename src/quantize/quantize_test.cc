// Whole files: the bundled model converted and quantized, and small ones with shapes and values
// that provoke errors.
#include "quantize/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/random.h"
#include "base/sha256.h"
#include "formats/gguf.h"
#include "model/gemma3_config.h"
#include "model/gemma3_tensors.h"
#include "text/tokenizer.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

const char kMiniFolder[] = DRAGOMAN_SOURCE_DIR "/models/mini";

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class QuantizeTest : public testing::Test {
 protected:
  QuantizeTest() {
    std::string name = testing::TempDir() + "dragoman-quantize-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~QuantizeTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  QuantizeReport Run(const std::string& model, const std::string& output, const std::string& recipe,
                     int threads = 2, const ImportanceMatrix* importance = nullptr) {
    auto report = TryRun(model, output, recipe, threads, importance);
    EXPECT_TRUE(report.has_value()) << ToString(report.error());
    return report.value_or(QuantizeReport{});
  }
  Result<QuantizeReport> TryRun(const std::string& model, const std::string& output,
                                const std::string& recipe, int threads = 2,
                                const ImportanceMatrix* importance = nullptr) {
    QuantizeOptions options;
    options.recipe = *FindRecipe(recipe);
    options.threads = threads;
    options.importance = importance;
    return Quantize(model, output, options);
  }

  std::filesystem::path folder_;
};

// Every tensor of a checkpoint by canonical name, decoded.
std::map<std::string, std::vector<float>> Decode(const std::string& path) {
  std::map<std::string, std::vector<float>> decoded;
  const auto checkpoint = OpenCheckpoint(path);
  EXPECT_TRUE(checkpoint.has_value());
  const auto config = LoadGemma3Config(**checkpoint);
  EXPECT_TRUE(config.has_value());
  const auto map = MapGemma3Tensors(**checkpoint, *config);
  EXPECT_TRUE(map.has_value());
  for (const ModelTensor& tensor : map->tensors) {
    std::vector<float>& values = decoded[tensor.name];
    values.resize(tensor.info->elems());
    TraitsOf(tensor.info->type)
        .decode((*checkpoint)->Data(*tensor.info).data(), static_cast<int64_t>(values.size()),
                values.data());
    if (tensor.norm_needs_plus_one) {
      for (float& value : values) value += 1.0f;
    }
  }
  return decoded;
}

double MeanSquaredError(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return sum / static_cast<double>(a.size());
}

// A Gemma 3 in a GGUF, without a tokenizer (which copying metadata does not need).
void WriteSmallGguf(const std::string& path, uint32_t dim, float special,
                    BlockType type = BlockType::kF32) {
  const uint64_t ffn = 2 * dim, heads = 2, head_dim = 16, layers = 2;
  std::vector<GgufTensorPlan> plans = {{"token_embd.weight", type, {20, dim}}};
  for (uint64_t i = 0; i < layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    const auto add = [&](const char* name, std::vector<uint64_t> shape) {
      plans.push_back(
          {prefix + name + ".weight", shape.size() == 1 ? BlockType::kF32 : type, shape});
    };
    for (const char* name : {"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"})
      add(name, {dim});
    for (const char* name : {"attn_q_norm", "attn_k_norm"}) add(name, {head_dim});
    add("attn_q", {heads * head_dim, dim});
    add("attn_k", {head_dim, dim});
    add("attn_v", {head_dim, dim});
    add("attn_output", {dim, heads * head_dim});
    add("ffn_gate", {ffn, dim});
    add("ffn_up", {ffn, dim});
    add("ffn_down", {dim, ffn});
  }
  plans.push_back({"output_norm.weight", BlockType::kF32, {dim}});
  const auto u32 = [](uint64_t v) { return GgufValue::U32(static_cast<uint32_t>(v)); };
  const GgufMetadata metadata = {
      {"general.architecture", GgufValue::String("gemma3")},
      {"general.file_type", u32(0)},
      {"gemma3.context_length", u32(64)},
      {"gemma3.embedding_length", u32(dim)},
      {"gemma3.block_count", u32(layers)},
      {"gemma3.feed_forward_length", u32(ffn)},
      {"gemma3.attention.head_count", u32(heads)},
      {"gemma3.attention.head_count_kv", u32(1)},
      {"gemma3.attention.key_length", u32(head_dim)},
      {"gemma3.attention.value_length", u32(head_dim)},
      {"gemma3.attention.layer_norm_rms_epsilon", GgufValue::F32(1e-6f)},
      {"gemma3.attention.sliding_window", u32(8)},
      {"gemma3.rope.freq_base", GgufValue::F32(1e6f)},
      {"quantize.imatrix.dataset", GgufValue::String("of the source")},
      {"private.note", GgufValue::String("kept")},
  };
  Random random(dim);
  const auto written = WriteGguf(path, metadata, plans, [&](size_t index, const ByteSink& sink) {
    uint64_t elems = 1;
    for (uint64_t d : plans[index].shape) elems *= d;
    std::vector<float> values(elems);
    for (float& value : values) value = 0.1f * static_cast<float>(random.Normal());
    if (plans[index].name == "blk.1.ffn_up.weight" && special != 0) values[elems / 2 + 1] = special;
    if (plans[index].type == BlockType::kF32)
      return sink(std::as_bytes(std::span<const float>(values)));
    const uint64_t cols = plans[index].shape.back();
    std::vector<std::byte> bytes(*TensorBytes(plans[index].type, elems / cols, cols));
    QuantizeRows(plans[index].type, values.data(), static_cast<int64_t>(elems / cols),
                 static_cast<int64_t>(cols), {}, bytes.data());
    return sink(bytes);
  });
  ASSERT_TRUE(written.has_value()) << ToString(written.error());
}

TEST_F(QuantizeTest, ConversionKeepsEveryWeight) {
  const auto source = Decode(kMiniFolder);
  for (const char* recipe : {"F32", "BF16", "F16"}) {
    const std::string output = Path(std::string(recipe) + ".gguf");
    const QuantizeReport report = Run(kMiniFolder, output, recipe);
    EXPECT_EQ(report.method, "conversion");
    const auto written = Decode(output);
    ASSERT_EQ(written.size(), source.size());
    for (const auto& [name, values] : source) {
      const bool exact = std::string(recipe) != "F16" || name.find("norm") != std::string::npos;
      if (exact) {
        EXPECT_TRUE(written.at(name) == values) << recipe << " " << name;
      } else {
        for (size_t i = 0; i < values.size(); ++i) {
          ASSERT_EQ(written.at(name)[i], Fp16ToFloat(FloatToFp16(values[i]))) << name << " " << i;
        }
      }
    }
  }
}

TEST_F(QuantizeTest, Bf16BytesAreThoseOfTheCheckpoint) {
  Run(kMiniFolder, Path("a.gguf"), "BF16");
  const auto source = OpenCheckpoint(kMiniFolder), output = OpenCheckpoint(Path("a.gguf"));
  ASSERT_TRUE(source && output);
  const auto from = (*source)->Data(*(*source)->Find("model.layers.3.mlp.down_proj.weight"));
  const auto to = (*output)->Data(*(*output)->Find("blk.3.ffn_down.weight"));
  EXPECT_TRUE(std::equal(from.begin(), from.end(), to.begin(), to.end()));
}

TEST_F(QuantizeTest, TheFileIsAsPlannedAndTheReportTrue) {
  const auto source = Decode(kMiniFolder);
  for (const char* recipe : {"Q4_K_M", "Q8_0"}) {
    const auto plan = PlanQuantization(kMiniFolder, *FindRecipe(recipe));
    ASSERT_TRUE(plan.has_value()) << ToString(plan.error());
    const QuantizeReport report = Run(kMiniFolder, Path("a.gguf"), recipe);
    EXPECT_EQ(std::filesystem::file_size(Path("a.gguf")), plan->file_bytes);
    EXPECT_EQ(report.output_sha256, *Sha256OfFile(Path("a.gguf")));
    ASSERT_EQ(report.input_sha256.size(), 4u);
    EXPECT_EQ(report.input_sha256[2].second,
              *Sha256OfFile(std::string(kMiniFolder) + "/" + report.input_sha256[2].first));
    const auto written = Decode(Path("a.gguf"));
    ASSERT_EQ(report.tensors.size(), written.size());
    for (const auto& tensor : report.tensors) {
      const double expected = MeanSquaredError(source.at(tensor.name), written.at(tensor.name));
      EXPECT_NEAR(tensor.mean_squared_error, expected, 1e-9 * expected) << tensor.name;
      const bool norm = tensor.type == BlockType::kF32;
      EXPECT_LE(tensor.relative_rmse, norm                              ? 0
                                      : tensor.type == BlockType::kQ4_K ? 0.08
                                                                        : 0.02)
          << tensor.name;
      EXPECT_EQ(tensor.relative_rmse == 0, norm) << tensor.name;
    }
    EXPECT_LT(report.peak_anonymous_bytes, uint64_t{500} << 20);
  }
}

TEST_F(QuantizeTest, TheSameBytesWhateverTheThreads) {
  for (const char* recipe : {"Q4_K_S", "F16"}) {
    const auto one = Run(kMiniFolder, Path("one.gguf"), recipe, 1),
               three = Run(kMiniFolder, Path("three.gguf"), recipe, 3);
    EXPECT_TRUE(ReadAll(Path("one.gguf")) == ReadAll(Path("three.gguf"))) << recipe;
    for (size_t i = 0; i < one.tensors.size(); ++i) {
      EXPECT_EQ(one.tensors[i].mean_squared_error, three.tensors[i].mean_squared_error);
    }
  }
}

TEST_F(QuantizeTest, MetadataTellsTheModelAndTheTokenizer) {
  Run(kMiniFolder, Path("a.gguf"), "Q4_K_M");
  const auto file = GgufFile::Open(Path("a.gguf"));
  ASSERT_TRUE(file.has_value());
  const std::map<std::string, uint64_t> numbers = {{"general.file_type", 15},
                                                   {"general.quantization_version", 2},
                                                   {"gemma3.block_count", 8},
                                                   {"gemma3.embedding_length", 512},
                                                   {"gemma3.feed_forward_length", 1024},
                                                   {"gemma3.context_length", 8192},
                                                   {"gemma3.attention.head_count", 4},
                                                   {"gemma3.attention.head_count_kv", 2},
                                                   {"gemma3.attention.key_length", 128},
                                                   {"gemma3.attention.value_length", 128},
                                                   {"gemma3.attention.sliding_window", 96},
                                                   {"gemma3.attention.sliding_window_pattern", 6},
                                                   {"tokenizer.ggml.bos_token_id", 2},
                                                   {"tokenizer.ggml.eos_token_id", 5},
                                                   {"tokenizer.ggml.eot_token_id", 5},
                                                   {"tokenizer.ggml.unknown_token_id", 3},
                                                   {"tokenizer.ggml.padding_token_id", 0}};
  for (const auto& [key, value] : numbers) EXPECT_EQ(file->FindUnsigned(key), value) << key;
  EXPECT_EQ(*file->FindString("general.architecture"), "gemma3");
  EXPECT_EQ(*file->FindString("general.license"), "other");
  EXPECT_EQ(*file->FindString("tokenizer.ggml.model"), "llama");
  EXPECT_EQ(*file->FindString("gemma3.rope.scaling.type"), "linear");
  EXPECT_EQ(file->FindFloat("gemma3.rope.scaling.factor"), 8.0);
  EXPECT_EQ(file->FindFloat("gemma3.rope.freq_base_swa"), 10000.0);
  EXPECT_EQ(file->FindBool("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ(file->FindBool("tokenizer.ggml.add_space_prefix"), false);
  EXPECT_EQ(file->FindStrings("tokenizer.ggml.tokens")->size(), 15104u);
  EXPECT_EQ(file->FindFloats("tokenizer.ggml.scores")->size(), 15104u);
  EXPECT_EQ(file->FindIntegers("tokenizer.ggml.token_type")->size(), 15104u);
}

TEST_F(QuantizeTest, TheTokenizerInsideEqualsTheOneOutside) {
  Run(kMiniFolder, Path("a.gguf"), "Q4_K_S");
  const auto file = GgufFile::Open(Path("a.gguf"));
  ASSERT_TRUE(file.has_value());
  const auto inside = Tokenizer::FromGguf(*file, "a.gguf");
  const auto outside = Tokenizer::FromJsonFile(std::string(kMiniFolder) + "/tokenizer.json");
  ASSERT_TRUE(inside && outside);
  for (const char* text : {"Good morning.", "two  spaces   three", "a\n\nb\n",
                           "naïve 東京 हिन्दी 🦜", "<end_of_turn>x"}) {
    for (const bool special : {false, true}) {
      EXPECT_EQ((*inside)->Encode(text, {true, special}), (*outside)->Encode(text, {true, special}))
          << text;
    }
  }
}

TEST_F(QuantizeTest, FromAGgufAsFromTheCheckpoint) {
  Run(kMiniFolder, Path("bf16.gguf"), "BF16");
  Run(Path("bf16.gguf"), Path("a.gguf"), "Q4_K_M");
  Run(kMiniFolder, Path("b.gguf"), "Q4_K_M");
  const auto a = GgufFile::Open(Path("a.gguf")), b = GgufFile::Open(Path("b.gguf"));
  ASSERT_TRUE(a && b);
  ASSERT_EQ(a->tensors().size(), b->tensors().size());
  for (size_t i = 0; i < a->tensors().size(); ++i) {
    const auto left = a->Data(a->tensors()[i]), right = b->Data(b->tensors()[i]);
    EXPECT_TRUE(std::equal(left.begin(), left.end(), right.begin(), right.end()))
        << a->tensors()[i].name;
  }
  EXPECT_EQ(a->FindUnsigned("general.file_type"), 15u);
  EXPECT_EQ(*a->FindStrings("tokenizer.ggml.tokens"), *b->FindStrings("tokenizer.ggml.tokens"));
}

TEST_F(QuantizeTest, RequantizingKeepsBlocksOfTheSameTypeAndForeignKeys) {
  WriteSmallGguf(Path("q8.gguf"), 32, 0, BlockType::kQ8_0);
  Run(Path("q8.gguf"), Path("again.gguf"), "Q8_0");
  const auto before = GgufFile::Open(Path("q8.gguf")), after = GgufFile::Open(Path("again.gguf"));
  ASSERT_TRUE(before && after);
  for (const TensorInfo& tensor : after->tensors()) {
    const auto same = std::find_if(before->tensors().begin(), before->tensors().end(),
                                   [&](const TensorInfo& t) { return t.name == tensor.name; });
    ASSERT_NE(same, before->tensors().end());
    const auto left = before->Data(*same), right = after->Data(tensor);
    EXPECT_TRUE(std::equal(left.begin(), left.end(), right.begin(), right.end())) << tensor.name;
  }
  EXPECT_EQ(*after->FindString("private.note"), "kept");
  EXPECT_EQ(after->Find("quantize.imatrix.dataset"), nullptr);
}

TEST_F(QuantizeTest, RowsThatFitNoSuperblock) {
  WriteSmallGguf(Path("32.gguf"), 32, 0);
  WriteSmallGguf(Path("40.gguf"), 40, 0);
  const auto source = Decode(Path("32.gguf"));
  Run(Path("32.gguf"), Path("a.gguf"), "Q4_K_M");
  const auto written = Decode(Path("a.gguf"));
  EXPECT_EQ(OpenCheckpoint(Path("a.gguf")).value()->Find("blk.0.attn_q.weight")->type,
            BlockType::kQ5_0);
  for (const auto& [name, values] : source) {
    EXPECT_LT(MeanSquaredError(values, written.at(name)), 0.01 * 0.003) << name;
  }
  Run(Path("40.gguf"), Path("b.gguf"), "Q4_K_M");
  EXPECT_EQ(OpenCheckpoint(Path("b.gguf")).value()->Find("blk.0.attn_q.weight")->type,
            BlockType::kF16);
}

TEST_F(QuantizeTest, ImportanceIsUsedCheckedAndLeavesThePlanAlone) {
  ImportanceMatrix importance;
  importance.datasets = {"made up"};
  importance.hash = "abc";
  Random random(1);
  std::vector<float>& sums = importance.entries["blk.2.attn_q.weight"].sum_of_squares;
  for (int i = 0; i < 512; ++i) sums.push_back(static_cast<float>(std::exp(2 * random.Normal())));
  importance.entries["blk.2.attn_q.weight"].tokens = 100;
  const auto plain = Run(kMiniFolder, Path("a.gguf"), "Q4_K_M");
  const auto weighted = Run(kMiniFolder, Path("b.gguf"), "Q4_K_M", 2, &importance);
  EXPECT_EQ(std::filesystem::file_size(Path("a.gguf")), std::filesystem::file_size(Path("b.gguf")));
  for (size_t i = 0; i < plain.tensors.size(); ++i) {
    const bool touched = plain.tensors[i].name == "blk.2.attn_q.weight";
    EXPECT_EQ(plain.tensors[i].mean_squared_error < weighted.tensors[i].mean_squared_error, touched)
        << plain.tensors[i].name;
  }
  EXPECT_EQ(weighted.method, "importance-weighted rounding");
  EXPECT_EQ(ToJson(weighted)["importance"]["hash"], "abc");
  sums.pop_back();
  const auto refused = TryRun(kMiniFolder, Path("c.gguf"), "Q4_K_M", 2, &importance);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(Path("c.gguf")));
}

TEST_F(QuantizeTest, BadWeightsAreRefusedByNameAndLeaveNoFile) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  struct Case {
    float special;
    const char* recipe;
    ErrorCode code;
  };
  const Case cases[] = {{nan, "Q4_K_M", ErrorCode::kCorruptFile},
                        {inf, "Q8_0", ErrorCode::kCorruptFile},
                        {nan, "F32", ErrorCode::kCorruptFile},
                        {-inf, "BF16", ErrorCode::kCorruptFile},
                        {1e5f, "F16", ErrorCode::kUnsupported}};
  for (const Case& c : cases) {
    WriteSmallGguf(Path("bad.gguf"), 32, c.special);
    const auto refused = TryRun(Path("bad.gguf"), Path("out.gguf"), c.recipe);
    ASSERT_FALSE(refused.has_value()) << c.recipe;
    EXPECT_EQ(refused.error().code, c.code) << ToString(refused.error());
    EXPECT_THAT(ToString(refused.error()), HasSubstr("blk.1.ffn_up.weight"));
    EXPECT_FALSE(std::filesystem::exists(Path("out.gguf")));
  }
}

TEST_F(QuantizeTest, RefusalsSayWhatWouldDo) {
  QuantizeOptions options;
  options.recipe = *FindRecipe("Q8_0");
  options.max_size_bytes = 18100000;
  const auto refused = Quantize(kMiniFolder, Path("a.gguf"), options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message,
              testing::AllOf(HasSubstr("18100000"), HasSubstr("Q4_K_M (18")));
  EXPECT_THAT(refused.error().message, testing::Not(HasSubstr("Q6_K")));

  EXPECT_EQ(TryRun(Path("nothing"), Path("a.gguf"), "Q8_0").error().code, ErrorCode::kNotFound);
  WriteSmallGguf(Path("in.gguf"), 32, 0);
  const auto itself = TryRun(Path("in.gguf"), Path("in.gguf"), "Q8_0");
  ASSERT_FALSE(itself.has_value());
  EXPECT_EQ(itself.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(GgufFile::Open(Path("in.gguf")).has_value());
}

TEST_F(QuantizeTest, ReportsAreTheSameButForTheRun) {
  OrderedJson first = ToJson(Run(kMiniFolder, Path("a.gguf"), "Q4_K_M")),
              second = ToJson(Run(kMiniFolder, Path("a.gguf"), "Q4_K_M"));
  EXPECT_TRUE(first.contains("run"));
  first.erase("run");
  second.erase("run");
  EXPECT_EQ(first.dump(), second.dump());
  EXPECT_EQ(first["tensors"].size(), 106u);
}

}  // namespace
}  // namespace dragoman
