#include "quantize/quantize_source.h"

#include <fmt/format.h>

#include <utility>

#include "quantize/gguf_metadata.h"
#include "quantize/source_trim.h"

namespace dragoman {

uint64_t QuantizeSource::embedding_rows() const {
  for (const ModelTensor& tensor : map.tensors) {
    if (tensor.role == TensorRole::kTokenEmbedding) return tensor.info->rows();
  }
  return 0;
}

Result<QuantizeSource> OpenQuantizeSource(const std::string& model_path) {
  QuantizeSource source;
  DRAGOMAN_ASSIGN_OR_RETURN(source.checkpoint, OpenCheckpoint(model_path));
  DRAGOMAN_ASSIGN_OR_RETURN(source.config, LoadGemma3Config(*source.checkpoint));
  DRAGOMAN_ASSIGN_OR_RETURN(source.map, MapGemma3Tensors(*source.checkpoint, source.config));
  return source;
}

Result<OutputLayout> LayOut(const QuantizeSource& source, const Recipe& recipe,
                            const ImportanceMatrix* importance) {
  OutputLayout layout;
  const uint64_t rows = source.trim ? source.trim->rows_before : source.embedding_rows();
  DRAGOMAN_ASSIGN_OR_RETURN(layout.metadata, BuildGgufMetadata(*source.checkpoint, source.config,
                                                               rows, recipe, importance));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<BlockType> types,
                            ChooseTypes(recipe, source.map.tensors));
  layout.plan.recipe = recipe.name;
  uint64_t weights = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    const ModelTensor& tensor = source.map.tensors[i];
    const auto bytes = TensorBytes(types[i], tensor.info->rows(), tensor.info->cols());
    if (!bytes) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("rows of {} weights do not fit {}", tensor.info->cols(),
                              TraitsOf(types[i]).name),
                  source.checkpoint->path() + ": tensor " + tensor.name);
    }
    layout.tensors.push_back({tensor.name, types[i], tensor.info->shape});
    layout.plan.tensors.push_back({tensor.name, types[i], tensor.info->shape, *bytes, {}});
    layout.plan.tensor_bytes += *bytes;
    weights += tensor.info->elems();
  }
  if (source.trim) DRAGOMAN_RETURN_IF_ERROR(TrimLayout(source, layout));
  DRAGOMAN_ASSIGN_OR_RETURN(layout.plan.file_bytes, GgufFileBytes(layout.metadata, layout.tensors));
  layout.plan.bits_per_weight = weights == 0 ? 0
                                             : 8.0 * static_cast<double>(layout.plan.tensor_bytes) /
                                                   static_cast<double>(weights);
  return layout;
}

Result<QuantizePlan> PlanQuantization(const std::string& model_path, const Recipe& recipe,
                                      const VocabularyOptions* vocabulary) {
  DRAGOMAN_ASSIGN_OR_RETURN(QuantizeSource source, OpenQuantizeSource(model_path));
  if (vocabulary != nullptr) DRAGOMAN_RETURN_IF_ERROR(TrimSource(*vocabulary, source));
  DRAGOMAN_ASSIGN_OR_RETURN(OutputLayout layout, LayOut(source, recipe, nullptr));
  return std::move(layout.plan);
}

}  // namespace dragoman
