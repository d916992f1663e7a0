// Which block type each tensor of a model gets under a named recipe (docs: llama.cpp's mixes,
// reproduced so that a file of the same name has the same size and loads wherever that one does).
#ifndef DRAGOMAN_QUANTIZE_RECIPE_H_
#define DRAGOMAN_QUANTIZE_RECIPE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "model/gemma3_tensors.h"

namespace dragoman {

// A named recipe: which type each tensor gets.
struct Recipe {
  std::string name;         // "Q4_K_M"
  uint32_t gguf_file_type;  // general.file_type
  std::string description;  // for --help
};
std::span<const Recipe> AllRecipes();  // F16 BF16 F32 Q8_0 Q6_K Q5_K_S Q5_K_M Q4_K_S Q4_K_M
// Any letter case. Errors: kInvalidArgument listing the known ones.
Result<Recipe> FindRecipe(std::string_view name);
// Stores the weights as 16- or 32-bit floats: a conversion, no loss by search.
bool IsPlainRecipe(const Recipe& recipe);

// One type per tensor, in the order of `tensors` (which must be the model's canonical order: the
// mixes count layers by the tensors seen so far). Norms stay float32. Rows that are no multiple of
// a type's block get the nearest type that fits. Errors: kInvalidArgument for a recipe that is none
// of AllRecipes().
Result<std::vector<BlockType>> ChooseTypes(const Recipe& recipe,
                                           std::span<const ModelTensor> tensors);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_RECIPE_H_
