#include "ship/ladder.h"

#include <algorithm>
#include <iterator>

#include "quantize/recipe.h"

namespace dragoman {
namespace {

// By rising size.
const char* const kLarger[] = {"Q5_K_M", "Q6_K"};

}  // namespace

std::optional<LadderRung> NextRung(const LadderRung& rung) {
  const auto recipe = FindRecipe(rung.recipe);
  if (!recipe || IsPlainRecipe(*recipe)) return std::nullopt;
  if (!rung.refined) return LadderRung{rung.recipe, true};
  if (recipe->name == "Q8_0") return std::nullopt;
  if (recipe->name == "Q5_1") return LadderRung{"Q6_K", true};  // larger than Q5_K_M
  const auto* here = std::find(std::begin(kLarger), std::end(kLarger), recipe->name);
  if (here == std::end(kLarger)) return LadderRung{kLarger[0], true};
  return here + 1 == std::end(kLarger) ? std::nullopt
                                       : std::optional(LadderRung{*(here + 1), true});
}

}  // namespace dragoman
