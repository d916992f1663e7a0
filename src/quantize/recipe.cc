#include "quantize/recipe.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "quantize/recipe_overrides.h"

namespace dragoman {
namespace {

// How a recipe treats the two kinds of tensors that suffer most from rounding.
enum class Spread {
  kNone,      // like the rest
  kFirstFew,  // better in the first layers
  kUseMore,   // better in the first and last eighth, and in every third layer between
};

struct Mix {
  Recipe recipe;
  BlockType base;
  BlockType output;  // the tied embedding, or a separate output matrix
  BlockType better;  // for attn_v and ffn_down where the spread says so
  Spread spread;
};

const std::array<Mix, 9>& Mixes() {
  using T = BlockType;
  static const std::array<Mix, 9> mixes = {{
      {{"F16", 1, "16-bit floats, range limited to 65504"},
       T::kF16,
       T::kF16,
       T::kF16,
       Spread::kNone},
      {{"BF16", 32, "16-bit floats with the range of 32-bit ones"},
       T::kBF16,
       T::kBF16,
       T::kBF16,
       Spread::kNone},
      {{"F32", 0, "32-bit floats"}, T::kF32, T::kF32, T::kF32, Spread::kNone},
      {{"Q8_0", 7, "8.5 bits everywhere"}, T::kQ8_0, T::kQ8_0, T::kQ8_0, Spread::kNone},
      {{"Q6_K", 18, "6.6 bits everywhere"}, T::kQ6_K, T::kQ6_K, T::kQ6_K, Spread::kNone},
      {{"Q5_K_S", 16, "5.5 bits, embedding 6.6"}, T::kQ5_K, T::kQ6_K, T::kQ5_K, Spread::kNone},
      {{"Q5_K_M", 17, "5.5 bits, embedding and half of attn_v and ffn_down 6.6"},
       T::kQ5_K,
       T::kQ6_K,
       T::kQ6_K,
       Spread::kUseMore},
      {{"Q4_K_S", 14, "4.5 bits, embedding 6.6, first layers of attn_v and ffn_down 5.5"},
       T::kQ4_K,
       T::kQ6_K,
       T::kQ5_K,
       Spread::kFirstFew},
      {{"Q4_K_M", 15, "4.5 bits, embedding and half of attn_v and ffn_down 6.6"},
       T::kQ4_K,
       T::kQ6_K,
       T::kQ6_K,
       Spread::kUseMore},
  }};
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

// The first four attn_v, but only the first eighth of the ffn_down.
constexpr int kFirstAttnV = 4;

bool DeservesBetter(Spread spread, TensorRole role, int index, int layers) {
  switch (spread) {
    case Spread::kNone:
      return false;
    case Spread::kFirstFew:
      return index < (role == TensorRole::kAttnV ? kFirstAttnV : layers / 8);
    case Spread::kUseMore:
      return UseMoreBits(index, layers);
  }
  return false;
}

bool Fits(BlockType type, uint64_t cols) { return cols % TraitsOf(type).block_elems == 0; }

// What stands in for `type` in rows that its blocks do not divide: about as many bits, in blocks of
// 32; then plain 16 bits.
BlockType FittingType(BlockType type, uint64_t cols) {
  if (Fits(type, cols)) return type;
  BlockType fallback = BlockType::kF16;
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
  const auto count_role = [&](TensorRole role) {
    return static_cast<int>(std::count_if(tensors.begin(), tensors.end(),
                                          [&](const ModelTensor& t) { return t.role == role; }));
  };
  const int layers = count_role(TensorRole::kFfnDown);
  const bool tied = count_role(TensorRole::kOutput) == 0;
  int attn_v_seen = 0, ffn_down_seen = 0;
  std::vector<BlockType> types;
  types.reserve(tensors.size());
  for (const ModelTensor& tensor : tensors) {
    BlockType type = mix->base;
    if (tensor.role == TensorRole::kOutput ||
        (tensor.role == TensorRole::kTokenEmbedding && tied)) {
      type = mix->output;
    } else if (tensor.role == TensorRole::kAttnV || tensor.role == TensorRole::kFfnDown) {
      int& seen = tensor.role == TensorRole::kAttnV ? attn_v_seen : ffn_down_seen;
      if (DeservesBetter(mix->spread, tensor.role, seen, layers)) type = mix->better;
      ++seen;
    }
    const uint64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
    types.push_back(tensor.is_norm ? BlockType::kF32 : FittingType(type, cols));
  }
  DRAGOMAN_RETURN_IF_ERROR(ApplyOverrides(recipe, tensors, types));
  return types;
}

}  // namespace dragoman
