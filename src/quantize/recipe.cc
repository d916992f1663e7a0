#include "quantize/recipe.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "quantize/recipe_overrides.h"

namespace dragoman {
namespace {

// Which layers' tensors of one kind get a mix's better type. Layers are counted by the tensors of
// that kind seen so far.
enum class Which {
  kNone,
  kFirstTwo,
  kFirstFour,
  kFirstSixteenth,
  kFirstEighth,
  kFirstEighthPlain,       // of builds without calibration only
  kFirstEighthCalibrated,  // with it only
  kUseMore,                // the first and last eighth, and every third layer between
  kSharedValues,           // all, where at least four query heads share one value head
};

// How a mix treats a kind of tensors.
struct Rule {
  Which which;
  BlockType better;
  BlockType otherwise;
};

struct Mix {
  Recipe recipe;
  BlockType base;    // of attn_q, attn_k, ffn_gate, ffn_up
  BlockType output;  // the tied embedding, or a separate output matrix
  Rule attn_v;
  BlockType attn_output;
  Rule ffn_down;
};

Rule Everywhere(BlockType type) { return {Which::kNone, type, type}; }

Mix OneType(std::string name, uint32_t file_type, std::string description, BlockType base,
            BlockType output) {
  return {{std::move(name), file_type, std::move(description)},
          base,
          output,
          Everywhere(base),
          base,
          Everywhere(base)};
}

const std::vector<Mix>& Mixes() {
  using T = BlockType;
  using W = Which;
  static const std::vector<Mix> mixes = {
      OneType("F16", 1, "16-bit floats, range limited to 65504", T::kF16, T::kF16),
      OneType("BF16", 32, "16-bit floats with the range of 32-bit ones", T::kBF16, T::kBF16),
      OneType("F32", 0, "32-bit floats", T::kF32, T::kF32),
      OneType("Q8_0", 7, "8.5 bits everywhere", T::kQ8_0, T::kQ8_0),
      OneType("Q6_K", 18, "6.6 bits everywhere", T::kQ6_K, T::kQ6_K),
      OneType("Q5_1", 9, "6 bits, embedding 6.6", T::kQ5_1, T::kQ6_K),
      {{"Q5_0", 8, "5.5 bits, embedding 6.6, calibrated: first layers of ffn_down 6"},
       T::kQ5_0,
       T::kQ6_K,
       Everywhere(T::kQ5_0),
       T::kQ5_0,
       {W::kFirstEighthCalibrated, T::kQ5_1, T::kQ5_0}},
      OneType("Q5_K_S", 16, "5.5 bits, embedding 6.6", T::kQ5_K, T::kQ6_K),
      {{"Q5_K_M", 17, "5.5 bits, embedding and half of attn_v and ffn_down 6.6"},
       T::kQ5_K,
       T::kQ6_K,
       {W::kUseMore, T::kQ6_K, T::kQ5_K},
       T::kQ5_K,
       {W::kUseMore, T::kQ6_K, T::kQ5_K}},
      OneType("Q4_1", 3, "5 bits, embedding 6.6", T::kQ4_1, T::kQ6_K),
      {{"Q4_0", 2, "4.5 bits, embedding 6.6, calibrated: first layers of ffn_down 5"},
       T::kQ4_0,
       T::kQ6_K,
       Everywhere(T::kQ4_0),
       T::kQ4_0,
       {W::kFirstEighthCalibrated, T::kQ4_1, T::kQ4_0}},
      {{"Q4_K_S", 14, "4.5 bits, embedding 6.6, first layers of attn_v and ffn_down 5.5"},
       T::kQ4_K,
       T::kQ6_K,
       {W::kFirstFour, T::kQ5_K, T::kQ4_K},
       T::kQ4_K,
       {W::kFirstEighth, T::kQ5_K, T::kQ4_K}},
      {{"Q4_K_M", 15, "4.5 bits, embedding and half of attn_v and ffn_down 6.6"},
       T::kQ4_K,
       T::kQ6_K,
       {W::kUseMore, T::kQ6_K, T::kQ4_K},
       T::kQ4_K,
       {W::kUseMore, T::kQ6_K, T::kQ4_K}},
      {{"IQ4_NL", 25, "4.5 bits on uneven levels, embedding 6.6"},
       T::kIQ4_NL,
       T::kQ6_K,
       {W::kSharedValues, T::kQ5_K, T::kIQ4_NL},
       T::kIQ4_NL,
       {W::kFirstEighthPlain, T::kQ5_K, T::kIQ4_NL}},
      {{"IQ4_XS", 30, "4.25 bits on uneven levels, embedding 6.6"},
       T::kIQ4_XS,
       T::kQ6_K,
       {W::kSharedValues, T::kQ5_K, T::kIQ4_XS},
       T::kIQ4_XS,
       {W::kFirstEighthPlain, T::kQ5_K, T::kIQ4_XS}},
      {{"Q3_K_L", 13, "3.4 bits, attn_v, attn_output and ffn_down 5.5, embedding 6.6"},
       T::kQ3_K,
       T::kQ6_K,
       Everywhere(T::kQ5_K),
       T::kQ5_K,
       Everywhere(T::kQ5_K)},
      {{"Q3_K_M", 12, "3.4 bits, attn_v, attn_output and ffn_down 4.5 or more, embedding 6.6"},
       T::kQ3_K,
       T::kQ6_K,
       {W::kFirstTwo, T::kQ5_K, T::kQ4_K},
       T::kQ4_K,
       {W::kFirstSixteenth, T::kQ5_K, T::kQ4_K}},
      OneType("Q3_K_S", 11, "3.4 bits, embedding 6.6", T::kQ3_K, T::kQ6_K),
      {{"Q2_K", 10, "2.6 bits, attn_v, attn_output and ffn_down 3.4, embedding 6.6"},
       T::kQ2_K,
       T::kQ6_K,
       {W::kSharedValues, T::kQ4_K, T::kQ3_K},
       T::kQ3_K,
       Everywhere(T::kQ3_K)},
      {{"Q2_K_S", 21, "2.6 bits, first layers of ffn_down 4.5, embedding 6.6"},
       T::kQ2_K,
       T::kQ6_K,
       {W::kSharedValues, T::kQ4_K, T::kQ2_K},
       T::kQ2_K,
       {W::kFirstEighth, T::kQ4_K, T::kQ2_K}},
  };
  return mixes;
}

const Mix* FindMix(std::string_view name) {
  const auto same_letters = [](unsigned char a, unsigned char b) {
    return std::toupper(a) == std::toupper(b);
  };
  for (const Mix& mix : Mixes()) {
    const std::string& known = mix.recipe.name;
    if (std::equal(known.begin(), known.end(), name.begin(), name.end(), same_letters)) return &mix;
  }
  return nullptr;
}

std::string KnownNames() {
  std::string names;
  for (const Mix& mix : Mixes()) names += (names.empty() ? "" : ", ") + mix.recipe.name;
  return names;
}

bool UseMoreBits(int index, int layers) {
  const int eighth = layers / 8;
  return index < eighth || index >= 7 * layers / 8 || (index - eighth) % 3 == 2;
}

// What the rules ask about the model.
struct ModelFacts {
  int layers = 0;
  bool tied = false;             // the embedding is the output matrix too
  uint64_t heads_per_value = 1;  // query heads that share a value head
  bool calibrated = false;
};

ModelFacts FactsOf(const Recipe& recipe, std::span<const ModelTensor> tensors) {
  ModelFacts facts;
  facts.tied = true;
  facts.calibrated = recipe.calibrated;
  uint64_t query_rows = 0, key_rows = 0;  // of the first layer
  for (const ModelTensor& tensor : tensors) {
    if (tensor.role == TensorRole::kFfnDown) ++facts.layers;
    if (tensor.role == TensorRole::kOutput) facts.tied = false;
    if (tensor.role == TensorRole::kAttnQ && query_rows == 0) query_rows = tensor.shape[0];
    if (tensor.role == TensorRole::kAttnK && key_rows == 0) key_rows = tensor.shape[0];
  }
  if (key_rows > 0) facts.heads_per_value = query_rows / key_rows;
  return facts;
}

bool DeservesBetter(Which which, int index, const ModelFacts& facts) {
  switch (which) {
    case Which::kNone:
      return false;
    case Which::kFirstTwo:
      return index < 2;
    case Which::kFirstFour:
      return index < 4;
    case Which::kFirstSixteenth:
      return index < facts.layers / 16;
    case Which::kFirstEighth:
      return index < facts.layers / 8;
    case Which::kFirstEighthPlain:
      return !facts.calibrated && index < facts.layers / 8;
    case Which::kFirstEighthCalibrated:
      return facts.calibrated && index < facts.layers / 8;
    case Which::kUseMore:
      return UseMoreBits(index, facts.layers);
    case Which::kSharedValues:
      return facts.heads_per_value >= 4;
  }
  return false;
}

BlockType Apply(const Rule& rule, int index, const ModelFacts& facts) {
  return DeservesBetter(rule.which, index, facts) ? rule.better : rule.otherwise;
}

bool Fits(BlockType type, uint64_t cols) { return cols % TraitsOf(type).block_elems == 0; }

// What stands in for `type` in rows that its blocks do not divide: about as many bits, in blocks of
// 32; then plain 16 bits.
BlockType FittingType(BlockType type, uint64_t cols) {
  if (Fits(type, cols)) return type;
  BlockType fallback = BlockType::kF16;
  if (type == BlockType::kQ2_K || type == BlockType::kQ3_K) fallback = BlockType::kQ4_0;
  if (type == BlockType::kIQ4_XS) fallback = BlockType::kIQ4_NL;
  if (type == BlockType::kQ4_K) fallback = BlockType::kQ5_0;
  if (type == BlockType::kQ5_K) fallback = BlockType::kQ5_1;
  if (type == BlockType::kQ6_K) fallback = BlockType::kQ8_0;
  return Fits(fallback, cols) ? fallback : BlockType::kF16;
}

}  // namespace

std::span<const Recipe> AllRecipes() {
  static const std::vector<Recipe> recipes = [] {
    std::vector<Recipe> all;
    for (const Mix& mix : Mixes()) all.push_back(mix.recipe);
    return all;
  }();
  return recipes;
}

Result<Recipe> FindRecipe(std::string_view name) {
  const Mix* mix = FindMix(name);
  if (mix == nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                "unknown type \"" + std::string(name) + "\", expected one of " + KnownNames());
  }
  return mix->recipe;
}

bool IsPlainRecipe(const Recipe& recipe) {
  const Mix* mix = FindMix(recipe.name);
  return mix != nullptr && !TraitsOf(mix->base).is_quantized;
}

Result<std::vector<BlockType>> ChooseTypes(const Recipe& recipe,
                                           std::span<const ModelTensor> tensors) {
  const Mix* mix = FindMix(recipe.name);
  if (mix == nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                "unknown type \"" + recipe.name + "\", expected one of " + KnownNames());
  }
  const ModelFacts facts = FactsOf(recipe, tensors);
  int attn_v_seen = 0, ffn_down_seen = 0;
  std::vector<BlockType> types;
  types.reserve(tensors.size());
  for (const ModelTensor& tensor : tensors) {
    BlockType type = mix->base;
    if (tensor.role == TensorRole::kOutput ||
        (tensor.role == TensorRole::kTokenEmbedding && facts.tied)) {
      type = mix->output;
    } else if (tensor.role == TensorRole::kAttnV) {
      type = Apply(mix->attn_v, attn_v_seen++, facts);
    } else if (tensor.role == TensorRole::kFfnDown) {
      type = Apply(mix->ffn_down, ffn_down_seen++, facts);
    } else if (tensor.role == TensorRole::kAttnOutput) {
      type = mix->attn_output;
    }
    const uint64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
    types.push_back(tensor.is_norm ? BlockType::kF32 : FittingType(type, cols));
  }
  DRAGOMAN_RETURN_IF_ERROR(ApplyOverrides(recipe, tensors, types));
  return types;
}

}  // namespace dragoman
