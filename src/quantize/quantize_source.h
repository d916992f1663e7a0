// What planning and quantizing both need to know of a model: the open checkpoint, its tensors and
// their places in the output.
#ifndef DRAGOMAN_QUANTIZE_QUANTIZE_SOURCE_H_
#define DRAGOMAN_QUANTIZE_QUANTIZE_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "model/gemma3_config.h"
#include "model/gemma3_tensors.h"
#include "quantize/quantize.h"
#include "text/vocabulary_trim.h"

namespace dragoman {

// What trimming the vocabulary (source_trim.h) did to a source.
struct SourceTrim {
  VocabularyTrim vocabulary;
  uint64_t rows_before = 0;  // of the embedding
  std::unique_ptr<Tokenizer> full_tokenizer;
};

struct QuantizeSource {
  std::unique_ptr<Checkpoint> checkpoint;
  Gemma3Config config;
  ModelTensorMap map;
  std::optional<SourceTrim> trim;

  uint64_t embedding_rows() const;
};

// Errors: those of OpenCheckpoint, LoadGemma3Config, MapGemma3Tensors.
Result<QuantizeSource> OpenQuantizeSource(const std::string& model_path);

// The output of a recipe, tensor i of which is made from source.map.tensors[i].
struct OutputLayout {
  GgufMetadata metadata;
  std::vector<GgufTensorPlan> tensors;
  QuantizePlan plan;
};
Result<OutputLayout> LayOut(const QuantizeSource& source, const Recipe& recipe,
                            const ImportanceMatrix* importance);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_QUANTIZE_SOURCE_H_
