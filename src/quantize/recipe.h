// Which block type each tensor of a model gets under a named recipe (docs: llama.cpp's mixes,
// reproduced so that a file of the same name has the same size and loads wherever that one does).
#ifndef DRAGOMAN_QUANTIZE_RECIPE_H_
#define DRAGOMAN_QUANTIZE_RECIPE_H_

#include <cstdint>
#include <functional>
#include <map>
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
  // Made with measured importance or second moments: some mixes spend their bits differently then.
  bool calibrated = false;
  // Types chosen by hand, by tensor name; the mix counts its layers as if they were not.
  std::map<std::string, BlockType, std::less<>> overrides = {};
};
std::span<const Recipe> AllRecipes();  // floats first, then the largest first
// Any letter case. Errors: kInvalidArgument listing the known ones.
Result<Recipe> FindRecipe(std::string_view name);
// Takes the types of a plan, as `quantize --plan --json` prints it and as somebody may have edited
// it since; only the tensors' names and types count. Errors: kNotFound, kCorruptFile (no such
// document), kInvalidArgument naming an unknown or unsupported type.
Result<void> AddOverridesFromPlan(const std::string& plan_path, Recipe& recipe);
// Can blocks of this type be written?
bool HasEncoder(BlockType type);
// Stores the weights as 16- or 32-bit floats: a conversion, no loss by search.
bool IsPlainRecipe(const Recipe& recipe);

// One type per tensor, in the order of `tensors` (which must be the model's canonical order: the
// mixes count layers by the tensors seen so far). Norms stay float32. Rows that are no multiple of
// a type's block get the nearest type that fits. Errors: kInvalidArgument for a recipe that is none
// of AllRecipes(), and for overrides of tensors that are not there, that are norms, or whose rows
// the type does not divide.
Result<std::vector<BlockType>> ChooseTypes(const Recipe& recipe,
                                           std::span<const ModelTensor> tensors);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_RECIPE_H_
