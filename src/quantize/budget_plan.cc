#include "quantize/budget_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "quantize/proxy_check.h"
#include "quantize/quantize_source.h"
#include "quantize/source_trim.h"
#include "quantize/type_choice.h"

namespace dragoman {
namespace {

// What rows of whole super-blocks choose from, and what others do (types of 32 weights). Left out
// are types that another of their size or less beats on every tensor measured.
const BlockType kCandidates[] = {BlockType::kQ2_K, BlockType::kQ3_K, BlockType::kIQ4_XS,
                                 BlockType::kQ4_K, BlockType::kQ5_K, BlockType::kQ6_K,
                                 BlockType::kQ8_0};
const BlockType kCandidatesOf32[] = {BlockType::kIQ4_NL, BlockType::kQ4_1, BlockType::kQ5_0,
                                     BlockType::kQ5_1, BlockType::kQ8_0};

uint64_t Padded(uint64_t bytes) {
  constexpr uint64_t kAlignment = 32;  // of tensors in the files that we write
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// The stock mix that gives the file its name and file type: the largest that is not above the
// budget, else the smallest.
Result<Recipe> NearestRecipe(const QuantizeSource& source, uint64_t max_file_bytes) {
  const Recipe* nearest = nullptr;
  uint64_t nearest_bytes = 0;
  for (const Recipe& recipe : AllRecipes()) {
    if (IsPlainRecipe(recipe)) continue;
    DRAGOMAN_ASSIGN_OR_RETURN(const OutputLayout layout, LayOut(source, recipe, nullptr));
    const uint64_t bytes = layout.plan.file_bytes;
    const bool fits = bytes <= max_file_bytes, found_fits = nearest_bytes <= max_file_bytes;
    if (nearest == nullptr || (fits && (!found_fits || bytes > nearest_bytes)) ||
        (!fits && !found_fits && bytes < nearest_bytes)) {
      nearest = &recipe;
      nearest_bytes = bytes;
    }
  }
  return *nearest;
}

// Header, norms and the padding of norms: what no choice of types changes.
uint64_t FixedBytes(const OutputLayout& layout, const QuantizeSource& source) {
  uint64_t matrices = 0;
  for (size_t i = 0; i < layout.plan.tensors.size(); ++i) {
    if (!source.map.tensors[i].is_norm) matrices += Padded(layout.plan.tensors[i].size_bytes);
  }
  return layout.plan.file_bytes - matrices;
}

// Multiplies what was predicted by what real measurements say of each group.
Result<std::vector<ProxyGroup>> CorrectPredictions(const BudgetOptions& options,
                                                   std::vector<TensorCosts>& costs) {
  std::vector<ProxyGroup> groups;
  if (options.model == nullptr || options.batches.empty()) return groups;
  for (const char* name : {"embedding", "attention", "ffn"}) {
    // A trimmed embedding has other rows than the model at hand.
    if (options.vocabulary == nullptr || std::string_view(name) != "embedding") {
      groups.push_back({name});
    }
  }
  const auto group_of = [&](const TensorCosts& tensor) {
    return std::find_if(groups.begin(), groups.end(), [&](const ProxyGroup& group) {
      return group.name == ProxyGroupOf(tensor.name);
    });
  };
  for (const TensorCosts& tensor : costs) {
    if (const auto group = group_of(tensor); group != groups.end()) {
      group->predicted_kl += tensor.probe_kl;
    }
  }
  DRAGOMAN_RETURN_IF_ERROR(MeasureProxy(*options.model, options.batches, groups));
  for (TensorCosts& tensor : costs) {
    const auto group = group_of(tensor);
    if (group == groups.end()) continue;
    for (TypeCost& type : tensor.types) type.predicted_kl *= group->factor();
  }
  return groups;
}

}  // namespace

Result<BudgetPlan> PlanWithinBudget(const std::string& model_path, SecondMoments& moments,
                                    const BudgetOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(QuantizeSource source, OpenQuantizeSource(model_path));
  if (options.vocabulary != nullptr) {
    DRAGOMAN_RETURN_IF_ERROR(TrimSource(*options.vocabulary, source));
  }
  BudgetPlan budget;
  DRAGOMAN_ASSIGN_OR_RETURN(budget.recipe, NearestRecipe(source, options.max_file_bytes));
  budget.recipe.calibrated = true;
  DRAGOMAN_ASSIGN_OR_RETURN(const OutputLayout stock, LayOut(source, budget.recipe, nullptr));
  const uint64_t fixed = FixedBytes(stock, source);
  TypeCostOptions costs_options;
  costs_options.types.assign(std::begin(kCandidates), std::end(kCandidates));
  costs_options.types_of_32.assign(std::begin(kCandidatesOf32), std::end(kCandidatesOf32));
  costs_options.sample_rows = options.sample_rows;
  costs_options.threads = options.threads;
  // The rows of a trimmed embedding are others, which the key of a cost does not know.
  if (options.vocabulary == nullptr) costs_options.store = options.store;
  costs_options.progress = options.progress;
  DRAGOMAN_ASSIGN_OR_RETURN(
      std::vector<TensorCosts> costs,
      MeasureTypeCosts(*source.checkpoint, source.map.tensors, moments, costs_options));
  for (TensorCosts& tensor : costs) {
    for (TypeCost& type : tensor.types) type.bytes = Padded(type.bytes);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const auto proxy, CorrectPredictions(options, costs));
  const uint64_t room = options.max_file_bytes > fixed ? options.max_file_bytes - fixed : 0;
  const auto chosen = ChooseWithinBudget(costs, room);
  if (!chosen) {
    uint64_t least = fixed;
    for (const TensorCosts& tensor : costs) least += tensor.types.front().bytes;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("no choice of types fits {} bytes; the smallest file has {}",
                            options.max_file_bytes, least),
                model_path);
  }
  std::map<std::string, double> predicted;
  for (size_t i = 0; i < costs.size(); ++i) {
    const TypeCost& type = costs[i].types[(*chosen)[i]];
    budget.recipe.overrides[costs[i].name] = type.type;
    predicted[costs[i].name] = type.predicted_kl;
  }
  DRAGOMAN_ASSIGN_OR_RETURN(OutputLayout layout, LayOut(source, budget.recipe, nullptr));
  budget.plan = std::move(layout.plan);
  double sum = 0;
  for (PlannedTensor& tensor : budget.plan.tensors) {
    const auto found = predicted.find(tensor.name);
    if (found == predicted.end()) continue;
    tensor.predicted_kl = found->second;
    sum += found->second;
  }
  budget.plan.predicted_kl = sum;
  budget.plan.proxy = proxy;
  return budget;
}

void CopyPredictions(const QuantizePlan& from, QuantizePlan& to) {
  to.predicted_kl = from.predicted_kl;
  to.proxy = from.proxy;
  for (size_t i = 0; i < std::min(from.tensors.size(), to.tensors.size()); ++i) {
    if (from.tensors[i].name != to.tensors[i].name) continue;
    to.tensors[i].predicted_kl = from.tensors[i].predicted_kl;
  }
}

}  // namespace dragoman
