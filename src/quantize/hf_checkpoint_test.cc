// Grids of groups, the order of columns, and whole quantized Hugging Face folders made from a small
// synthetic model.
#include "quantize/hf_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>

#include "base/float16.h"
#include "base/json.h"
#include "base/random.h"
#include "formats/safetensors.h"
#include "model/gemma3.h"
#include "model/synthetic.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

constexpr SyntheticShape kSmallShape = {"small", 96, 64, 128, 2, 2, 1, 32, 16, 256, 8.0};

// Inputs that are sums of a few patterns, some stronger than others.
Hessian PatternedHessian(int64_t dim, uint64_t seed) {
  Random random(seed);
  Hessian hessian;
  hessian.dim = dim;
  hessian.tokens = 1;
  const auto side = static_cast<size_t>(dim);
  hessian.mean.assign(side * side, 0.0f);
  for (size_t i = 0; i < side; ++i) hessian.mean[i * side + i] = 0.05f;
  std::vector<float> x(side);
  for (int64_t pattern = 0; pattern < dim / 4; ++pattern) {
    for (float& value : x) value = static_cast<float>(random.Normal());
    x[static_cast<size_t>(random.Below(side))] *= 5;
    for (size_t i = 0; i < side; ++i) {
      for (size_t j = 0; j < side; ++j) hessian.mean[i * side + j] += x[i] * x[j] * 0.1f;
    }
  }
  return hessian;
}

HessianMap HessiansFor(const SyntheticShape& shape) {
  HessianMap map;
  for (uint64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    const auto add = [&](const char* name, uint64_t dim) {
      map[prefix + name + ".weight"] = PatternedHessian(static_cast<int64_t>(dim), layer * 9 + dim);
    };
    add("attn_q", shape.model_dim);
    add("attn_output", shape.heads * shape.head_dim);
    add("ffn_gate", shape.model_dim);
    add("ffn_down", shape.ffn_dim);
  }
  return map;
}

std::string TextOf(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::map<std::string, std::string> FolderContents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    contents[entry.path().filename().string()] = TextOf(entry.path());
  }
  return contents;
}

TEST(GroupSearch, ScalesFitBothHalfFormats) {
  Random random(5);
  for (int i = 0; i < 20000; ++i) {
    const auto wanted = static_cast<float>(std::exp(random.Normal() * 6));
    const float scale = RoundScale(i % 2 == 0 ? wanted : -wanted);
    EXPECT_EQ(Fp16ToFloat(FloatToFp16(scale)), scale);
    EXPECT_EQ(Bf16ToFloat(FloatToBf16(scale)), scale);
    EXPECT_TRUE(std::isfinite(scale) && scale != 0);
    EXPECT_EQ(std::signbit(scale), i % 2 != 0);
    if (wanted > 1e-2f && wanted < 6e4f) {
      EXPECT_NEAR(std::abs(scale), wanted, wanted * 0.004f);
    }
  }
}

double GroupErrorOf(const GroupFormat& format, const GroupGrid& grid,
                    const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) {
    const int code = NearestGroupCode(format, grid, value);
    EXPECT_GE(code, 0);
    EXPECT_LE(code, format.max_code());
    const double rest = value - grid.scale * static_cast<float>(code - grid.zero);
    sum += rest * rest;
  }
  return sum;
}

TEST(GroupSearch, BeatsTheRangeOfTheValues) {
  Random random(6);
  for (const int bits : {2, 3, 4, 8}) {
    double searched = 0, by_range = 0;
    for (int trial = 0; trial < 50; ++trial) {
      std::vector<float> values(64);
      for (float& value : values) value = static_cast<float>(random.Normal());
      const std::vector<float> ones(values.size(), 1.0f);
      const GroupFormat format{bits, true};
      const GroupGrid grid = SearchGroup(format, values.data(), ones.data(), 64);
      EXPECT_EQ(grid.zero, format.middle());
      float most = 0;
      for (const float value : values) most = std::max(most, std::abs(value));
      const GroupGrid range{most / (static_cast<float>(format.middle()) - 0.5f), format.middle()};
      searched += GroupErrorOf(format, grid, values);
      by_range += GroupErrorOf(format, range, values);
    }
    EXPECT_LT(searched, (bits == 8 ? 1.0 : 0.95) * by_range) << bits;
  }
}

TEST(GroupSearch, FollowsValuesToOneSide) {
  Random random(7);
  std::vector<float> values(128);
  for (float& value : values) value = static_cast<float>(random.Normal()) * 0.1f + 0.2f;
  const std::vector<float> ones(values.size(), 1.0f);
  const GroupFormat symmetric{4, true}, asymmetric{4, false};
  const GroupGrid middle = SearchGroup(symmetric, values.data(), ones.data(), 128);
  const GroupGrid shifted = SearchGroup(asymmetric, values.data(), ones.data(), 128);
  EXPECT_GE(shifted.zero, 1);
  EXPECT_LT(GroupErrorOf(asymmetric, shifted, values),
            0.9 * GroupErrorOf(symmetric, middle, values));
  std::vector<float> positive(128, 3.0f);  // no zero point below 1 may come out
  EXPECT_GE(SearchGroup(asymmetric, positive.data(), ones.data(), 128).zero, 1);
  const std::vector<float> nothing(128, 0.0f);
  const GroupGrid flat = SearchGroup(asymmetric, nothing.data(), ones.data(), 128);
  EXPECT_EQ(NearestGroupCode(asymmetric, flat, 0), flat.zero);
}

TEST(ColumnOrder, KeepsOrCutsGroups) {
  const Hessian hessian = PatternedHessian(64, 3);
  const auto moment = [&](int32_t column) {
    return hessian.mean[static_cast<size_t>(column * 65)];
  };
  for (const Reordering reordering :
       {Reordering::kNone, Reordering::kGroupAware, Reordering::kActivation}) {
    const ColumnOrder order = OrderColumns(reordering, hessian, 16);
    std::vector<int32_t> sorted = order.column_at;
    std::sort(sorted.begin(), sorted.end());
    for (int32_t i = 0; i < 64; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
    for (size_t i = 0; i < 64; ++i) {
      const int32_t column = order.column_at[i];
      if (reordering != Reordering::kActivation) {
        EXPECT_EQ(column / 16, order.stored_groups[i / 16]);
      }
      const bool new_group = i % 16 == 0 && reordering == Reordering::kGroupAware;
      if (i > 0 && !new_group && reordering != Reordering::kNone) {
        EXPECT_GE(moment(order.column_at[i - 1]), moment(column));
      }
    }
    const Hessian ordered = InVisitingOrder(hessian, order);
    EXPECT_EQ(ordered.mean[3 * 64 + 9],
              hessian.mean[static_cast<size_t>(order.column_at[3] * 64 + order.column_at[9])]);
  }
}

class HfCheckpointTest : public testing::Test {
 protected:
  HfCheckpointTest() : moments_(HessiansFor(kSmallShape)) {
    std::string name = testing::TempDir() + "dragoman-hf-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    SyntheticOptions options;
    options.shape = kSmallShape;
    EXPECT_TRUE(WriteSyntheticCheckpoint(Path("source"), options).has_value());
  }
  ~HfCheckpointTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  HfQuantizeOptions Options(HfFormat format, int bits, int64_t group_size, bool symmetric,
                            Reordering reordering) {
    HfQuantizeOptions options;
    options.format = format;
    options.group = {bits, symmetric};
    options.group_size = group_size;
    options.reordering = reordering;
    options.moments = &moments_;
    options.threads = 2;
    return options;
  }
  HfQuantizeReport Run(const HfQuantizeOptions& options, const std::string& output) {
    const auto report = QuantizeToHf(Path("source"), Path(output), options);
    EXPECT_TRUE(report.has_value()) << ToString(report.error());
    return report.value_or(HfQuantizeReport{});
  }

  MomentsInMemory moments_;
  std::filesystem::path folder_;
};

double MeanLoss(const HfQuantizeReport& report) {
  double sum = 0;
  for (const HfLinearReport& linear : report.linears) sum += linear.relative_output_loss;
  return sum / static_cast<double>(report.linears.size());
}

// The value of a weight by the formula of the format, from the raw tensors.
class RawGptq {
 public:
  RawGptq(const std::string& folder, int bits) : bits_(bits) {
    bytes_ = TextOf(folder + "/model.safetensors");
    header_ = *ParseSafetensors(std::as_bytes(std::span(bytes_)), folder);
  }
  float Weight(const std::string& prefix, size_t out, size_t in) const {
    const auto group = static_cast<size_t>(Word(prefix + ".g_idx", in));
    const size_t outs = Shape(prefix + ".qweight")[1];
    const int code = Field(prefix + ".qweight", in, out, outs);
    const size_t zero_words = Shape(prefix + ".qzeros")[1];
    const int zero = FieldAlong(prefix + ".qzeros", group * zero_words, out) + 1;
    uint16_t half;
    std::memcpy(&half, Data(prefix + ".scales") + (group * outs + out) * 2, 2);
    return Fp16ToFloat(half) * static_cast<float>(code - zero);
  }

 private:
  const TensorInfo& Info(const std::string& name) const {
    for (const TensorInfo& tensor : header_.tensors) {
      if (tensor.name == name) return tensor;
    }
    ADD_FAILURE() << name;
    return header_.tensors[0];
  }
  const std::vector<uint64_t>& Shape(const std::string& name) const { return Info(name).shape; }
  const char* Data(const std::string& name) const {
    return bytes_.data() + Info(name).offset_bytes;
  }
  uint32_t Word(const std::string& name, size_t index) const {
    uint32_t word;
    std::memcpy(&word, Data(name) + index * 4, 4);
    return word;
  }
  // Bit by bit: code i of the run whose words lie `stride` apart from `first` on.
  int Bits(const std::string& name, size_t first, size_t stride, size_t i) const {
    int code = 0;
    for (int b = 0; b < bits_; ++b) {
      const size_t bit = i * static_cast<size_t>(bits_) + static_cast<size_t>(b);
      code |= static_cast<int>((Word(name, first + bit / 32 * stride) >> (bit % 32)) & 1u) << b;
    }
    return code;
  }
  int Field(const std::string& name, size_t i, size_t column, size_t columns) const {
    return Bits(name, column, columns, i);
  }
  int FieldAlong(const std::string& name, size_t first, size_t i) const {
    return Bits(name, first, 1, i);
  }

  const int bits_;
  std::string bytes_;
  SafetensorsHeader header_;
};

std::vector<float> LogitsOf(const std::string& folder) {
  const auto backend = OpenBackend("reference", 1);
  const auto model = Gemma3::Load(folder, **backend);
  EXPECT_TRUE(model.has_value()) << ToString(model.error());
  if (!model) return {};
  const auto cache = KvCache::Create(**backend, (*model)->config(), 16, 16);
  const std::vector<int32_t> ids = {2, 17, 5, 90, 33, 8};
  const SequenceChunk chunk{cache->get(), ids, true, false};
  const auto logits = (*model)->Forward({&chunk, 1});
  EXPECT_TRUE(logits.has_value());
  std::vector<float> out(static_cast<size_t>(logits->rows * logits->vocab));
  (*backend)->Download(logits->data, out);
  return out;
}

// Writes the model that `folder` stands for in float32, its linears by RawGptq's formula.
void WriteDequantized(const std::string& folder, int bits, const std::string& to) {
  const RawGptq raw(folder, bits);
  const auto view = OpenCheckpoint(folder);
  ASSERT_TRUE(view.has_value());
  std::vector<GgufTensorPlan> plans;
  std::vector<std::vector<float>> values;
  for (const TensorInfo& tensor : (*view)->tensors()) {
    plans.push_back({tensor.name, BlockType::kF32, tensor.shape});
    std::vector<float> out(tensor.elems());
    if (tensor.name.find("_proj.weight") != std::string::npos) {
      const std::string prefix = tensor.name.substr(0, tensor.name.rfind('.'));
      for (size_t i = 0; i < out.size(); ++i) {
        out[i] = raw.Weight(prefix, i / tensor.cols(), i % tensor.cols());
      }
    } else {
      TraitsOf(tensor.type)
          .decode((*view)->Data(tensor).data(), static_cast<int64_t>(out.size()), out.data());
    }
    values.push_back(std::move(out));
  }
  std::filesystem::create_directories(to);
  Json config = *ReadJsonFile(folder + "/config.json");
  config.erase("quantization_config");
  ASSERT_TRUE(WriteJsonFile(to + "/config.json", config).has_value());
  ASSERT_TRUE(
      WriteSafetensors(to + "/model.safetensors", plans, [&](size_t i, const ByteSink& sink) {
        return sink(std::as_bytes(std::span(values[i])));
      }).has_value());
}

TEST_F(HfCheckpointTest, GptqRunsAsItsDequantizedWeights) {
  for (const auto& [bits, symmetric, reordering] :
       std::vector<std::tuple<int, bool, Reordering>>{{2, false, Reordering::kNone},
                                                      {3, true, Reordering::kGroupAware},
                                                      {4, false, Reordering::kActivation},
                                                      {8, true, Reordering::kActivation}}) {
    const std::string output = "gptq" + std::to_string(bits);
    Run(Options(HfFormat::kGptq, bits, 32, symmetric, reordering), output);
    WriteDequantized(Path(output), bits, Path(output + "-float"));
    const auto found = LogitsOf(Path(output));
    EXPECT_FALSE(found.empty());
    EXPECT_EQ(found, LogitsOf(Path(output + "-float"))) << bits;
  }
}

TEST_F(HfCheckpointTest, BothFormatsHoldTheSameWeights) {
  for (const bool symmetric : {true, false}) {
    const std::string suffix = symmetric ? "s" : "a";
    const auto reordering = symmetric ? Reordering::kGroupAware : Reordering::kActivation;
    Run(Options(HfFormat::kGptq, 4, 32, symmetric, reordering), "g" + suffix);
    Run(Options(HfFormat::kCompressedTensors, 4, 32, symmetric, reordering), "c" + suffix);
    EXPECT_EQ(LogitsOf(Path("g" + suffix)), LogitsOf(Path("c" + suffix)));
  }
}

TEST_F(HfCheckpointTest, WritesWhatLoadersLookFor) {
  std::ofstream(Path("source/chat_template.jinja")) << "{{ messages }}";
  HfQuantizeOptions options = Options(HfFormat::kGptq, 4, 32, true, Reordering::kGroupAware);
  options.max_shard_bytes = 20000;
  const HfQuantizeReport report = Run(options, "out");
  const Json config = *ReadJsonFile(Path("out/config.json"));
  EXPECT_EQ(config["architectures"], Json({"Gemma3ForCausalLM"}));
  EXPECT_EQ(config["model_type"], "gemma3_text");
  EXPECT_EQ(config["tie_word_embeddings"], true);
  EXPECT_EQ(config["quantization_config"], *ReadJsonFile(Path("out/quantize_config.json")));
  EXPECT_EQ(config["quantization_config"]["quant_method"], "gptq");
  EXPECT_EQ(config["quantization_config"]["desc_act"], false);
  EXPECT_EQ(TextOf(Path("out/chat_template.jinja")), "{{ messages }}");
  EXPECT_TRUE(std::filesystem::exists(Path("out/generation_config.json")));
  const Json index = *ReadJsonFile(Path("out/model.safetensors.index.json"));
  ASSERT_GT(report.plan.files.size(), 2u);
  uint64_t file_bytes = 0;
  for (const std::string& file : report.plan.files) {
    file_bytes += std::filesystem::file_size(Path("out/" + file));
  }
  EXPECT_EQ(report.plan.file_bytes, file_bytes);
  EXPECT_EQ(index["metadata"]["total_size"], report.plan.tensor_bytes);
  EXPECT_FALSE(index["weight_map"].contains("lm_head.weight"));
  EXPECT_TRUE(index["weight_map"].contains("model.layers.1.mlp.down_proj.scales"));
  // Embedding and norms are the source's, byte for byte.
  const auto source = OpenCheckpoint(Path("source")), output = OpenCheckpoint(Path("out"));
  for (const char* name : {"model.embed_tokens.weight", "model.norm.weight"}) {
    const TensorInfo* from = (*source)->Find(name);
    const TensorInfo* to = (*output)->Find(name);
    ASSERT_TRUE(from != nullptr && to != nullptr) << name;
    EXPECT_TRUE(std::ranges::equal((*source)->Data(*from), (*output)->Data(*to))) << name;
  }
}

TEST_F(HfCheckpointTest, SameInputsGiveTheSameBytes) {
  HfQuantizeOptions options = Options(HfFormat::kGptq, 3, 32, false, Reordering::kGroupAware);
  Run(options, "two");
  options.threads = 1;
  Run(options, "one");
  EXPECT_EQ(FolderContents(Path("one")), FolderContents(Path("two")));
}

// Moments that count how often they are asked for and, sequentially, hear of what was rounded.
class ListeningMoments : public SecondMoments {
 public:
  bool Has(std::string_view tensor) const override { return inner_.Has(tensor); }
  Result<const Hessian*> Of(std::string_view tensor) override {
    ++asked;
    return inner_.Of(tensor);
  }
  bool wants_blocks() const override { return true; }
  Result<void> Quantized(std::string_view tensor, BlockType type,
                         std::span<const std::byte> blocks) override {
    EXPECT_EQ(type, BlockType::kF16);
    std::vector<float>& values = heard[std::string(tensor)];
    values.resize(blocks.size() / 2);
    TraitsOf(type).decode(blocks.data(), static_cast<int64_t>(values.size()), values.data());
    return {};
  }

  int asked = 0;
  std::map<std::string, std::vector<float>> heard;

 private:
  MomentsInMemory inner_{HessiansFor(kSmallShape)};
};

TEST_F(HfCheckpointTest, AKilledRunContinuesToTheSameBytes) {
  for (const HfFormat format : {HfFormat::kGptq, HfFormat::kCompressedTensors}) {
    const std::string name = format == HfFormat::kGptq ? "gptq" : "compressed";
    HfQuantizeOptions options = Options(format, 4, 32, false, Reordering::kActivation);
    const HfQuantizeReport alone = Run(options, name + "-alone");
    options.moments_key = "model and text";
    const std::string output = Path(name);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      options.progress = [&](uint64_t, uint64_t, const std::string& tensor) {
        if (tensor == "blk.1.attn_q.weight") ::_exit(9);
      };
      (void)QuantizeToHf(Path("source"), output, options);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(WEXITSTATUS(status), 9) << "the run ended before it could be killed";
    EXPECT_FALSE(std::filesystem::exists(output));
    ASSERT_TRUE(std::filesystem::exists(output + ".partial"));
    ListeningMoments counted;
    HfQuantizeOptions other = options;
    other.moments = &counted;  // sequential: not the killed run's work
    ASSERT_TRUE(QuantizeToHf(Path("source"), Path(name + "-other"), other));
    const int linears = counted.asked;
    const HfQuantizeReport resumed = Run(options, name);
    EXPECT_EQ(FolderContents(output), FolderContents(Path(name + "-alone")));
    ASSERT_EQ(resumed.linears.size(), static_cast<size_t>(linears));
    size_t recovered = 0;
    for (size_t i = 0; i < alone.linears.size(); ++i) {
      EXPECT_EQ(resumed.linears[i].relative_output_loss, alone.linears[i].relative_output_loss);
      recovered += resumed.linears[i].seconds == 0;
    }
    EXPECT_GT(recovered, 3u) << "finished linears were rounded again";
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string left = entry.path().filename().string();
      EXPECT_EQ(left.find(".partial"), std::string::npos) << left;
      EXPECT_EQ(left.find(".tmp-"), std::string::npos) << left;
    }
  }
}

TEST_F(HfCheckpointTest, SequentialMomentsHearWhatIsLoaded) {
  for (const auto& [format, symmetric, reordering] :
       std::vector<std::tuple<HfFormat, bool, Reordering>>{
           {HfFormat::kGptq, false, Reordering::kActivation},
           {HfFormat::kCompressedTensors, true, Reordering::kGroupAware}}) {
    const std::string name = format == HfFormat::kGptq ? "gptq" : "compressed";
    ListeningMoments moments;
    HfQuantizeOptions options = Options(format, 4, 32, symmetric, reordering);
    options.moments = &moments;
    Run(options, name);
    const auto view = OpenCheckpoint(Path(name));
    ASSERT_TRUE(view.has_value());
    const TensorInfo* info = (*view)->Find("model.layers.1.mlp.down_proj.weight");
    ASSERT_NE(info, nullptr);
    std::vector<float> loaded(info->elems());
    TraitsOf(info->type)
        .decode((*view)->Data(*info).data(), static_cast<int64_t>(loaded.size()), loaded.data());
    const std::vector<float>& heard = moments.heard["blk.1.ffn_down.weight"];
    ASSERT_EQ(heard.size(), loaded.size());
    for (size_t i = 0; i < heard.size(); ++i) {
      ASSERT_NEAR(heard[i], loaded[i], 1e-3f * std::abs(loaded[i]) + 1e-6f) << i;
    }
    const Json config = *ReadJsonFile(Path(name + "/config.json"));
    if (format == HfFormat::kGptq) {
      EXPECT_EQ(config["quantization_config"]["true_sequential"], true);
    }
  }
}

TEST_F(HfCheckpointTest, FeedbackOrderAndPassesLowerTheLoss) {
  const auto loss = [&](Reordering reordering, int passes, const std::string& output) {
    HfQuantizeOptions options = Options(HfFormat::kGptq, 3, 32, true, reordering);
    options.rounding.most_passes = passes;
    return MeanLoss(Run(options, output));
  };
  const double plain = loss(Reordering::kNone, 0, "a");
  const double group_aware = loss(Reordering::kGroupAware, 0, "b");
  const double descended = loss(Reordering::kGroupAware, 6, "c");
  EXPECT_LT(group_aware, plain);
  EXPECT_LT(descended, 0.97 * group_aware);
}

TEST_F(HfCheckpointTest, AMultimodalConfigBecomesTextOnly) {
  const Json flat = *ReadJsonFile(Path("source/config.json"));
  Json text = flat;
  text.erase("architectures");
  text.erase("eos_token_id");
  ASSERT_TRUE(WriteJsonFile(Path("source/config.json"),
                            Json{{"model_type", "gemma3"},
                                 {"architectures", {"Gemma3ForConditionalGeneration"}},
                                 {"eos_token_id", {1, 106}},
                                 {"vision_config", {{"hidden_size", 1152}}},
                                 {"text_config", text}})
                  .has_value());
  Run(Options(HfFormat::kCompressedTensors, 8, -1, true, Reordering::kNone), "out");
  const Json config = *ReadJsonFile(Path("out/config.json"));
  EXPECT_EQ(config["model_type"], "gemma3_text");
  EXPECT_EQ(config["hidden_size"], 64);
  EXPECT_EQ(config["eos_token_id"], Json({1, 106}));
  EXPECT_FALSE(config.contains("vision_config"));
  EXPECT_FALSE(config.contains("text_config"));
  EXPECT_EQ(config["quantization_config"]["config_groups"]["group_0"]["weights"]["strategy"],
            "channel");
}

TEST_F(HfCheckpointTest, RefusesWhatCannotBe) {
  const auto error = [&](const HfQuantizeOptions& options, const std::string& output = "out") {
    const auto report = QuantizeToHf(Path("source"), Path(output), options);
    return report ? std::string("written") : ToString(report.error());
  };
  const auto base = Options(HfFormat::kGptq, 4, 32, true, Reordering::kNone);
  HfQuantizeOptions options = base;
  options.group.bits = 5;
  EXPECT_THAT(error(options), HasSubstr("--bits: expected 2, 3, 4 or 8, found 5"));
  options = base;
  options.group_size = 100;
  EXPECT_THAT(error(options), HasSubstr("--group-size"));
  options.group_size = 128;  // a row of 64
  EXPECT_THAT(error(options), HasSubstr("64 inputs do not divide into groups of 128"));
  options = Options(HfFormat::kCompressedTensors, 3, 32, true, Reordering::kNone);
  EXPECT_THAT(error(options), HasSubstr("4 or 8 for compressed-tensors"));
  options = base;
  options.damping = 0;
  EXPECT_THAT(error(options), HasSubstr("--damping"));
  options = base;
  options.max_size_bytes = 1000;
  EXPECT_THAT(error(options), HasSubstr("more than the 1000 allowed"));
  options = base;
  MomentsInMemory none(HessianMap{});
  options.moments = &none;
  EXPECT_THAT(error(options), HasSubstr("second moments of blk.0.attn_q.weight"));
  // Nothing is left of what failed, and what is there stays.
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  EXPECT_THAT(error(base, "source"), HasSubstr("found one in use"));
  EXPECT_EQ(error(base), "written");
  EXPECT_THAT(error(base), HasSubstr("found one in use"));
}

}  // namespace
}  // namespace dragoman
