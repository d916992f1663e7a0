#include "quantize/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace dragoman {
namespace {

struct Shape {
  int layers;
  uint64_t dim, ffn, q_rows, kv_rows, vocab;
};
constexpr Shape kTranslateGemma4b = {34, 2560, 10240, 2048, 1024, 262208};
constexpr Shape kGemma270m = {18, 640, 2048, 1024, 256, 262144};
constexpr Shape kGemma1b = {26, 1152, 6912, 1024, 256, 262144};

// Tensors of a Gemma 3 in canonical order.
std::vector<ModelTensor> TensorsOf(const Shape& s) {
  std::vector<ModelTensor> tensors;
  const auto add = [&](std::string name, TensorRole role, int layer, std::vector<uint64_t> shape) {
    ModelTensor tensor;
    tensor.name = std::move(name);
    tensor.role = role;
    tensor.layer = layer;
    tensor.is_norm = shape.size() == 1;
    tensor.shape = std::move(shape);
    tensors.push_back(std::move(tensor));
  };
  add("token_embd.weight", TensorRole::kTokenEmbedding, -1, {s.vocab, s.dim});
  for (int i = 0; i < s.layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    add(prefix + "attn_norm.weight", TensorRole::kAttnNorm, i, {s.dim});
    add(prefix + "attn_q.weight", TensorRole::kAttnQ, i, {s.q_rows, s.dim});
    add(prefix + "attn_k.weight", TensorRole::kAttnK, i, {s.kv_rows, s.dim});
    add(prefix + "attn_v.weight", TensorRole::kAttnV, i, {s.kv_rows, s.dim});
    add(prefix + "attn_output.weight", TensorRole::kAttnOutput, i, {s.dim, s.q_rows});
    add(prefix + "attn_q_norm.weight", TensorRole::kAttnQNorm, i, {256});
    add(prefix + "attn_k_norm.weight", TensorRole::kAttnKNorm, i, {256});
    add(prefix + "post_attention_norm.weight", TensorRole::kPostAttnNorm, i, {s.dim});
    add(prefix + "ffn_norm.weight", TensorRole::kFfnNorm, i, {s.dim});
    add(prefix + "ffn_gate.weight", TensorRole::kFfnGate, i, {s.ffn, s.dim});
    add(prefix + "ffn_up.weight", TensorRole::kFfnUp, i, {s.ffn, s.dim});
    add(prefix + "ffn_down.weight", TensorRole::kFfnDown, i, {s.dim, s.ffn});
    add(prefix + "post_ffw_norm.weight", TensorRole::kPostFfnNorm, i, {s.dim});
  }
  add("output_norm.weight", TensorRole::kOutputNorm, -1, {s.dim});
  return tensors;
}

std::vector<BlockType> TypesOf(const std::string& name, const std::vector<ModelTensor>& tensors,
                               bool calibrated = false) {
  Recipe recipe = *FindRecipe(name);
  recipe.calibrated = calibrated;
  const auto types = ChooseTypes(recipe, tensors);
  EXPECT_TRUE(types.has_value());
  return *types;
}

uint64_t BytesOf(const std::vector<ModelTensor>& tensors, const std::vector<BlockType>& types) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& shape = tensors[i].shape;
    bytes += *TensorBytes(types[i], shape.size() == 1 ? 1 : shape[0], shape.back());
  }
  return bytes;
}

// Layers whose tensor of `role` got `type`.
std::vector<int> LayersWith(BlockType type, TensorRole role,
                            const std::vector<ModelTensor>& tensors,
                            const std::vector<BlockType>& types) {
  std::vector<int> layers;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].role == role && types[i] == type) layers.push_back(tensors[i].layer);
  }
  return layers;
}

TEST(Recipe, SizesOf4bAreThoseOfPublishedFiles) {
  // Published GGUF files of TranslateGemma-4B, less their 6,556,928 bytes of header and vocabulary.
  const std::map<std::string, uint64_t> expected = {
      {"F16", 7767819520},    {"Q8_0", 4130417920},   {"Q6_K", 3190755840},
      {"Q5_K_M", 2829713920}, {"Q5_K_S", 2764608000}, {"Q4_K_M", 2489909760},
      {"Q4_K_S", 2377945600}, {"IQ4_XS", 2279641600}, {"Q3_K_L", 2236101120},
      {"Q3_K_M", 2098475520}, {"Q3_K_S", 1937379840}, {"Q2_K", 1729180160},
  };
  const auto tensors = TensorsOf(kTranslateGemma4b);
  for (const auto& [name, file_bytes] : expected) {
    EXPECT_EQ(BytesOf(tensors, TypesOf(name, tensors)) + 6556928, file_bytes) << name;
  }
}

// Rows of 640 and 1152, which no block of 256 divides, beside rows of 1024, 2048 and 6912, which it
// does; four heads share a value. Bytes of all tensors as real llama.cpp 0.5.0 lays them out.
TEST(Recipe, SizesOfTheSmallModelsAreThoseOfLlamaCpp) {
  struct Case {
    const char* recipe;
    uint64_t bytes_270m, bytes_1b;
  };
  const Case cases[] = {
      {"Q5_1", 253684224, 844722688},   {"Q5_0", 247417344, 801112576},
      {"Q5_K_M", 253499904, 844812544}, {"Q4_1", 241150464, 757502464},
      {"Q4_0", 234883584, 713892352},   {"Q4_K_M", 246587904, 799525120},
      {"IQ4_NL", 235764224, 718316032}, {"IQ4_XS", 234740224, 711634432},
      {"Q3_K_L", 239860224, 745042432}, {"Q3_K_M", 235436544, 715883008},
      {"Q3_K_S", 230183424, 682322944}, {"Q2_K", 230552064, 683281408},
      {"Q2_K_S", 227572224, 664738816},
  };
  const auto small = TensorsOf(kGemma270m), big = TensorsOf(kGemma1b);
  for (const Case& c : cases) {
    EXPECT_EQ(BytesOf(small, TypesOf(c.recipe, small)), c.bytes_270m) << c.recipe;
    EXPECT_EQ(BytesOf(big, TypesOf(c.recipe, big)), c.bytes_1b) << c.recipe;
  }
}

TEST(Recipe, LayersThatGetMoreBits) {
  const auto big = TensorsOf(kTranslateGemma4b);
  const std::vector<int> half = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 29, 30, 31, 32, 33};
  const auto q4m = TypesOf("Q4_K_M", big);
  EXPECT_EQ(LayersWith(BlockType::kQ6_K, TensorRole::kAttnV, big, q4m), half);
  EXPECT_EQ(LayersWith(BlockType::kQ6_K, TensorRole::kFfnDown, big, q4m), half);
  EXPECT_EQ(LayersWith(BlockType::kQ4_K, TensorRole::kAttnOutput, big, q4m).size(), 34u);
  const auto q4s = TypesOf("q4_k_s", big);
  EXPECT_EQ(LayersWith(BlockType::kQ5_K, TensorRole::kAttnV, big, q4s),
            (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(LayersWith(BlockType::kQ5_K, TensorRole::kFfnDown, big, q4s),
            (std::vector<int>{0, 1, 2, 3}));

  const auto small = TensorsOf({8, 512, 1024, 512, 256, 15104});
  EXPECT_EQ(LayersWith(BlockType::kQ6_K, TensorRole::kAttnV, small, TypesOf("Q4_K_M", small)),
            (std::vector<int>{0, 3, 6, 7}));
  EXPECT_EQ(LayersWith(BlockType::kQ5_K, TensorRole::kAttnV, small, TypesOf("Q4_K_S", small)),
            (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(LayersWith(BlockType::kQ5_K, TensorRole::kFfnDown, small, TypesOf("Q4_K_S", small)),
            (std::vector<int>{0}));
}

TEST(Recipe, LayersThatGetMoreBitsBelowFour) {
  using T = BlockType;
  const auto big = TensorsOf(kTranslateGemma4b);
  const std::vector<int> first_two = {0, 1}, none;
  const auto q3m = TypesOf("Q3_K_M", big);
  EXPECT_EQ(LayersWith(T::kQ5_K, TensorRole::kAttnV, big, q3m), first_two);
  EXPECT_EQ(LayersWith(T::kQ5_K, TensorRole::kFfnDown, big, q3m), first_two);
  EXPECT_EQ(LayersWith(T::kQ4_K, TensorRole::kAttnOutput, big, q3m).size(), 34u);
  // Eight layers have no first sixteenth, but a first two.
  const auto small = TensorsOf({8, 512, 1024, 512, 256, 15104});
  const auto small_q3m = TypesOf("Q3_K_M", small);
  EXPECT_EQ(LayersWith(T::kQ5_K, TensorRole::kAttnV, small, small_q3m), first_two);
  EXPECT_EQ(LayersWith(T::kQ4_K, TensorRole::kFfnDown, small, small_q3m).size(), 8u);
}

TEST(Recipe, SomeMixesAskWhetherThereIsACalibration) {
  using T = BlockType;
  const auto big = TensorsOf(kTranslateGemma4b);
  const std::vector<int> eighth = {0, 1, 2, 3}, none;
  struct Case {
    const char* recipe;
    T better;
    bool calibrated;
  };
  for (const Case& c : {Case{"IQ4_XS", T::kQ5_K, false}, Case{"IQ4_NL", T::kQ5_K, false},
                        Case{"Q4_0", T::kQ4_1, true}, Case{"Q5_0", T::kQ5_1, true}}) {
    const auto with = TypesOf(c.recipe, big, c.calibrated),
               without = TypesOf(c.recipe, big, !c.calibrated);
    EXPECT_EQ(LayersWith(c.better, TensorRole::kFfnDown, big, with), eighth) << c.recipe;
    EXPECT_EQ(LayersWith(c.better, TensorRole::kFfnDown, big, without), none) << c.recipe;
  }
}

TEST(Recipe, ValuesThatFourHeadsShareGetMoreBits) {
  using T = BlockType;
  const auto shared = TensorsOf({8, 1024, 2048, 1024, 256, 100}),
             paired = TensorsOf({8, 1024, 2048, 1024, 512, 100});
  struct Case {
    const char* recipe;
    T better, otherwise;
  };
  for (const Case& c : {Case{"Q2_K", T::kQ4_K, T::kQ3_K}, Case{"Q2_K_S", T::kQ4_K, T::kQ2_K},
                        Case{"IQ4_XS", T::kQ5_K, T::kIQ4_XS}}) {
    EXPECT_EQ(LayersWith(c.better, TensorRole::kAttnV, shared, TypesOf(c.recipe, shared)).size(),
              8u);
    EXPECT_EQ(LayersWith(c.otherwise, TensorRole::kAttnV, paired, TypesOf(c.recipe, paired)).size(),
              8u);
  }
}

TEST(Recipe, NormsStayFloat32) {
  const auto tensors = TensorsOf({8, 512, 1024, 512, 256, 15104});
  for (const Recipe& recipe : AllRecipes()) {
    const auto types = TypesOf(recipe.name, tensors);
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (!tensors[i].is_norm) continue;
      EXPECT_EQ(types[i], BlockType::kF32) << recipe.name << " " << tensors[i].name;
    }
  }
}

TEST(Recipe, RowsThatNoSuperblockDividesGetTheNearestType) {
  const auto thirty_two = TensorsOf({8, 288, 544, 288, 96, 100});
  EXPECT_EQ(TypesOf("Q4_K_M", thirty_two)[0], BlockType::kQ8_0);  // in place of Q6_K
  EXPECT_EQ(
      LayersWith(BlockType::kQ5_0, TensorRole::kAttnQ, thirty_two, TypesOf("Q4_K_M", thirty_two))
          .size(),
      8u);
  EXPECT_EQ(
      LayersWith(BlockType::kQ5_1, TensorRole::kAttnQ, thirty_two, TypesOf("Q5_K_M", thirty_two))
          .size(),
      8u);
  EXPECT_EQ(
      LayersWith(BlockType::kQ8_0, TensorRole::kAttnV, thirty_two, TypesOf("Q5_K_M", thirty_two)),
      (std::vector<int>{0, 3, 6, 7}));
  const std::map<std::string, BlockType> in_place = {{"Q2_K", BlockType::kQ4_0},
                                                     {"Q3_K_S", BlockType::kQ4_0},
                                                     {"IQ4_XS", BlockType::kIQ4_NL},
                                                     {"IQ4_NL", BlockType::kIQ4_NL}};
  for (const auto& [name, type] : in_place) {
    const auto types = TypesOf(name, thirty_two);
    EXPECT_EQ(LayersWith(type, TensorRole::kFfnGate, thirty_two, types).size(), 8u) << name;
  }
  const auto odd = TensorsOf({8, 40, 72, 40, 24, 100});
  for (const char* name : {"Q4_K_M", "Q8_0", "Q6_K", "Q4_0", "IQ4_XS", "Q2_K"}) {
    EXPECT_EQ(TypesOf(name, odd)[0], BlockType::kF16) << name;
    EXPECT_EQ(LayersWith(BlockType::kF16, TensorRole::kFfnDown, odd, TypesOf(name, odd)).size(), 8u)
        << name;
  }
}

TEST(Recipe, AnUntiedOutputTakesTheOutputType) {
  auto tensors = TensorsOf({8, 512, 1024, 512, 256, 15104});
  ModelTensor output;
  output.name = "output.weight";
  output.role = TensorRole::kOutput;
  output.shape = {15104, 512};
  tensors.push_back(output);
  const auto types = TypesOf("Q4_K_M", tensors);
  EXPECT_EQ(types.back(), BlockType::kQ6_K);
  EXPECT_EQ(types.front(), BlockType::kQ4_K);
}

TEST(Recipe, NamesInAnyCaseAndUnknownOnesWithTheList) {
  EXPECT_EQ(FindRecipe("q4_k_m")->name, "Q4_K_M");
  EXPECT_EQ(FindRecipe("Bf16")->gguf_file_type, 32u);
  const auto unknown = FindRecipe("q4_k");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message,
              testing::AllOf(testing::HasSubstr("q4_k"), testing::HasSubstr("Q5_K_S")));
}

std::string WritePlan(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + name;
  std::ofstream(path) << text;
  return path;
}

TEST(RecipeOverrides, WinOverTheMix) {
  Recipe recipe = *FindRecipe("Q4_K_M");
  const auto path =
      WritePlan("plan.json",
                R"({"tensors": [{"name": "token_embd.weight", "type": "q8_0", "size_bytes": 1}]})");
  ASSERT_TRUE(AddOverridesFromPlan(path, recipe).has_value());
  ASSERT_EQ(recipe.overrides.size(), 1u);
  EXPECT_EQ(recipe.overrides.begin()->second, BlockType::kQ8_0);
}

TEST(RecipeOverrides, RefuseWhatIsNoPlan) {
  const char* bad[] = {
      "[]",
      "{}",
      R"({"tensors": [1]})",
      R"({"tensors": [{"name": "a", "type": "Q9"}]})",
      R"({"tensors": [{"name": "a", "type": "I32"}]})",
      R"({"tensors": [{"name": "a", "type": "F32"}, {"name": "a", "type": "F32"}]})"};
  for (const char* text : bad) {
    Recipe recipe = *FindRecipe("Q4_K_M");
    EXPECT_FALSE(AddOverridesFromPlan(WritePlan("bad.json", text), recipe).has_value()) << text;
  }
}

TEST(RecipeOverrides, RefuseTensorsThatAreNotThere) {
  Recipe recipe = *FindRecipe("Q4_K_M");
  recipe.overrides["blk.99.attn_q.weight"] = BlockType::kQ8_0;
  EXPECT_FALSE(ChooseTypes(recipe, {}).has_value());
}

}  // namespace
}  // namespace dragoman
