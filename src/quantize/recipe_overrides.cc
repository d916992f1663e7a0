// Types chosen by hand: read from a plan, and laid over a mix.
#include "quantize/recipe_overrides.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/json.h"
#include "quantize/recipe.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxPlanBytes = uint64_t{16} << 20;

Result<std::pair<std::string, BlockType>> ParsePlanned(const Json& tensor, size_t index,
                                                       const std::string& where) {
  const auto field = [&](const char* key) -> const std::string* {
    if (!tensor.is_object()) return nullptr;
    const auto found = tensor.find(key);
    return found == tensor.end() ? nullptr : found->get_ptr<const std::string*>();
  };
  const std::string *name = field("name"), *type_name = field("type");
  if (name == nullptr || type_name == nullptr) {
    return Fail(ErrorCode::kCorruptFile,
                "tensors[" + std::to_string(index) + "]: expected a name and a type", where);
  }
  const auto type = ParseBlockType(*type_name);
  if (!type || !HasEncoder(*type)) {
    return Fail(ErrorCode::kInvalidArgument,
                *name + ": no tensor can be written as \"" + *type_name + "\"", where);
  }
  return std::pair(*name, *type);
}

}  // namespace

bool HasEncoder(BlockType type) {
  const bool is_float =
      type == BlockType::kF32 || type == BlockType::kF16 || type == BlockType::kBF16;
  return is_float || TraitsOf(type).is_quantized;
}

Result<void> AddOverridesFromPlan(const std::string& plan_path, Recipe& recipe) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json plan, ReadJsonFile(plan_path, kMaxPlanBytes));
  const auto tensors = plan.is_object() ? plan.find("tensors") : plan.end();
  if (!plan.is_object() || tensors == plan.end() || !tensors->is_array()) {
    return Fail(ErrorCode::kCorruptFile, "expected a plan with \"tensors\", see quantize --plan",
                plan_path);
  }
  for (size_t i = 0; i < tensors->size(); ++i) {
    DRAGOMAN_ASSIGN_OR_RETURN(auto planned, ParsePlanned((*tensors)[i], i, plan_path));
    if (!recipe.overrides.insert(std::move(planned)).second) {
      return Fail(ErrorCode::kCorruptFile, "tensors[" + std::to_string(i) + "]: named twice",
                  plan_path);
    }
  }
  return {};
}

Result<void> ApplyOverrides(const Recipe& recipe, std::span<const ModelTensor> tensors,
                            std::vector<BlockType>& types) {
  for (const auto& entry : recipe.overrides) {
    const std::string& name = entry.first;
    const BlockType type = entry.second;
    const auto tensor = std::find_if(tensors.begin(), tensors.end(),
                                     [&](const ModelTensor& t) { return t.name == name; });
    if (tensor == tensors.end()) {
      return Fail(ErrorCode::kInvalidArgument, "the plan names " + name + ", which is not there");
    }
    if (tensor->is_norm && type != BlockType::kF32) {
      return Fail(ErrorCode::kInvalidArgument, name + ": norms stay F32");
    }
    const uint64_t cols = tensor->shape.empty() ? 1 : tensor->shape.back();
    if (cols % TraitsOf(type).block_elems != 0) {
      return Fail(ErrorCode::kInvalidArgument, name + ": rows of " + std::to_string(cols) +
                                                   " weights do not fit " +
                                                   std::string(TraitsOf(type).name));
    }
    types[static_cast<size_t>(tensor - tensors.begin())] = type;
  }
  return {};
}

}  // namespace dragoman
