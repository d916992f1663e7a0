#include "quantize/hf_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/checked_math.h"
#include "formats/packed_codes.h"
#include "formats/safetensors.h"
#include "quantize/source_trim.h"
#include "quantize/trimmed_checkpoint.h"

namespace dragoman {
namespace {

std::string Prefix(const ModelTensor& tensor) {
  const std::string name = HfTensorName(tensor);
  return name.substr(0, name.rfind('.') + 1);  // without "weight"
}

Result<void> CheckSides(const ModelTensor& tensor, const HfQuantizeOptions& options) {
  const uint64_t rows = tensor.info->rows(), cols = tensor.info->cols();
  const auto bits = static_cast<uint64_t>(options.group.bits);
  const auto unsupported = [&](const std::string& problem) {
    return Fail(ErrorCode::kUnsupported, problem, "tensor " + HfTensorName(tensor));
  };
  if (options.group_size > 0 && cols % static_cast<uint64_t>(options.group_size) != 0) {
    return unsupported(
        fmt::format("{} inputs do not divide into groups of {}; --group-size -1 takes any number",
                    cols, options.group_size));
  }
  for (const auto& [side, count] :
       {std::pair<const char*, uint64_t>{"inputs", cols}, {"outputs", rows}}) {
    // 3 bits: 32 codes in 3 words, never a part of them.
    const bool whole_words = bits == 3 ? count % 32 == 0 : count * bits % 32 == 0;
    if (!whole_words) {
      return unsupported(
          fmt::format("{} {} of {} bits do not fill whole 32-bit words", count, side, bits));
    }
  }
  return {};
}

std::vector<HfTensor> LinearParts(const ModelTensor& tensor, const HfQuantizeOptions& options) {
  using Part = HfTensor::Part;
  const uint64_t rows = tensor.info->rows(), cols = tensor.info->cols();
  const uint64_t groups = cols / static_cast<uint64_t>(GroupSizeFor(tensor, options));
  const auto words = [&](uint64_t count) {
    return static_cast<uint64_t>(PackedWords(static_cast<int64_t>(count), options.group.bits));
  };
  std::vector<HfTensor> parts;
  const auto add = [&](const char* name, BlockType type, std::vector<uint64_t> shape, Part part) {
    parts.push_back({{Prefix(tensor) + name, type, std::move(shape)}, &tensor, part});
  };
  if (options.format == HfFormat::kGptq) {
    add("qweight", BlockType::kI32, {words(cols), rows}, Part::kCodes);
    add("qzeros", BlockType::kI32, {groups, words(rows)}, Part::kZeros);
    add("g_idx", BlockType::kI32, {cols}, Part::kGroupIndex);
    add("scales", BlockType::kF16, {groups, rows}, Part::kScales);
    return parts;
  }
  add("weight_shape", BlockType::kI64, {2}, Part::kShape);
  add("weight_packed", BlockType::kI32, {rows, words(cols)}, Part::kCodes);
  if (!options.group.symmetric) {
    add("weight_zero_point", BlockType::kI32, {words(rows), groups}, Part::kZeros);
  }
  if (options.reordering == Reordering::kActivation && options.group_size > 0) {
    add("weight_g_idx", BlockType::kI32, {cols}, Part::kGroupIndex);
  }
  add("weight_scale", BlockType::kF16, {rows, groups}, Part::kScales);
  return parts;
}

HfTensor WholeTensor(const ModelTensor& tensor) {
  const bool is_half = tensor.info->type == BlockType::kF16;
  return {{HfTensorName(tensor), is_half ? BlockType::kF16 : BlockType::kBF16, tensor.info->shape},
          &tensor,
          HfTensor::Part::kWhole};
}

// Tensors of wider elements must come first for all to lie at multiples of their size; only
// weight_shape is wider than the rest, whose sizes keep 4-byte elements in step.
void PutShapesFirst(std::vector<HfTensor>& shard) {
  std::stable_partition(shard.begin(), shard.end(), [](const HfTensor& tensor) {
    return tensor.part == HfTensor::Part::kShape;
  });
}

void NameFiles(HfLayout& layout) {
  const size_t count = layout.shards.size();
  for (size_t i = 0; i < count; ++i) {
    layout.plan.files.push_back(
        count == 1 ? "model.safetensors"
                   : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, count));
  }
}

// What the same files take with every row of the vocabulary.
Result<uint64_t> UntrimmedFileBytes(const QuantizeSource& source, const HfLayout& layout) {
  uint64_t total = 0;
  for (std::vector<HfTensor> shard : layout.shards) {
    std::vector<GgufTensorPlan> plans;
    for (HfTensor& tensor : shard) {
      if (HasARowPerPiece(*tensor.tensor)) tensor.plan.shape.front() = source.trim->rows_before;
      plans.push_back(std::move(tensor.plan));
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes, SafetensorsFileBytes(plans));
    total += bytes;
  }
  return total;
}

}  // namespace

uint64_t HfTensor::bytes() const {
  return CheckedProduct(plan.shape).value_or(0) * TraitsOf(plan.type).block_bytes;
}

std::vector<std::vector<GgufTensorPlan>> HfLayout::Plans() const {
  std::vector<std::vector<GgufTensorPlan>> plans(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const HfTensor& tensor : shards[i]) plans[i].push_back(tensor.plan);
  }
  return plans;
}

bool IsRounded(const ModelTensor& tensor) {
  return !tensor.is_norm && tensor.role != TensorRole::kTokenEmbedding &&
         tensor.role != TensorRole::kOutput;
}

int64_t GroupSizeFor(const ModelTensor& tensor, const HfQuantizeOptions& options) {
  return options.group_size > 0 ? options.group_size : static_cast<int64_t>(tensor.info->cols());
}

Result<HfLayout> LayOutHf(const QuantizeSource& source, const HfQuantizeOptions& options) {
  HfLayout layout;
  layout.shards.emplace_back();
  uint64_t shard_bytes = 0, linear_bytes = 0, linear_weights = 0, weights = 0;
  for (const ModelTensor& tensor : source.map.tensors) {
    std::vector<HfTensor> parts;
    if (IsRounded(tensor)) {
      DRAGOMAN_RETURN_IF_ERROR(CheckSides(tensor, options));
      parts = LinearParts(tensor, options);
    } else {
      parts.push_back(WholeTensor(tensor));
    }
    uint64_t bytes = 0;
    for (const HfTensor& part : parts) bytes += part.bytes();
    if (shard_bytes > 0 && shard_bytes + bytes > options.max_shard_bytes) {
      layout.shards.emplace_back();
      shard_bytes = 0;
    }
    shard_bytes += bytes;
    layout.plan.tensor_bytes += bytes;
    weights += tensor.info->elems();
    if (IsRounded(tensor)) {
      linear_bytes += bytes;
      linear_weights += tensor.info->elems();
    }
    std::move(parts.begin(), parts.end(), std::back_inserter(layout.shards.back()));
  }
  const auto bits = [](uint64_t bytes, uint64_t count) {
    return count == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(count);
  };
  layout.plan.bits_per_weight = bits(layout.plan.tensor_bytes, weights);
  layout.plan.linear_bits_per_weight = bits(linear_bytes, linear_weights);
  for (auto& shard : layout.shards) PutShapesFirst(shard);
  NameFiles(layout);
  for (const auto& plans : layout.Plans()) {
    DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes, SafetensorsFileBytes(plans));
    layout.plan.file_bytes += bytes;
  }
  if (source.trim) {
    DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t before, UntrimmedFileBytes(source, layout));
    layout.plan.vocabulary = ReportOf(*source.trim, before, layout.plan.file_bytes);
  }
  return layout;
}

}  // namespace dragoman
