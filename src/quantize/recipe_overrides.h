// Laying a recipe's overrides over what its mix chose; private to this room.
#ifndef DRAGOMAN_QUANTIZE_RECIPE_OVERRIDES_H_
#define DRAGOMAN_QUANTIZE_RECIPE_OVERRIDES_H_

#include <span>
#include <vector>

#include "quantize/recipe.h"

namespace dragoman {

// types[i] belongs to tensors[i]. Errors: see ChooseTypes.
Result<void> ApplyOverrides(const Recipe& recipe, std::span<const ModelTensor> tensors,
                            std::vector<BlockType>& types);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_RECIPE_OVERRIDES_H_
