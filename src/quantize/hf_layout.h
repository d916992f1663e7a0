// Which tensors a quantized Hugging Face checkpoint holds, and in which files.
#ifndef DRAGOMAN_QUANTIZE_HF_LAYOUT_H_
#define DRAGOMAN_QUANTIZE_HF_LAYOUT_H_

#include <string>
#include <vector>

#include "dragoman/result.h"
#include "formats/gguf.h"
#include "quantize/hf_checkpoint.h"
#include "quantize/quantize_source.h"

namespace dragoman {

// One tensor to write: `part` of the model's tensor.
struct HfTensor {
  // The parts of a linear in the order of GptqTensors and PackQuantizedTensors; kWhole: the tensor
  // itself, in 16 bits; kShape: compressed-tensors' weight_shape.
  enum class Part { kWhole, kShape, kCodes, kZeros, kScales, kGroupIndex };
  GgufTensorPlan plan;
  const ModelTensor* tensor = nullptr;
  Part part = Part::kWhole;

  uint64_t bytes() const;
};

struct HfLayout {
  std::vector<std::vector<HfTensor>> shards;
  HfPlan plan;

  std::vector<std::vector<GgufTensorPlan>> Plans() const;
};

bool IsRounded(const ModelTensor& tensor);  // a linear: neither norm nor embedding nor output
int64_t GroupSizeFor(const ModelTensor& tensor, const HfQuantizeOptions& options);

// Errors: kUnsupported naming the linear whose sides do not divide by group or word.
Result<HfLayout> LayOutHf(const QuantizeSource& source, const HfQuantizeOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_HF_LAYOUT_H_
