// Quantized Hugging Face checkpoints (GPTQ, compressed-tensors) seen as checkpoints of float32
// weights, so that whatever reads a checkpoint can read, run and measure them too.
#ifndef DRAGOMAN_FORMATS_GROUPED_CHECKPOINT_H_
#define DRAGOMAN_FORMATS_GROUPED_CHECKPOINT_H_

#include <memory>

#include "dragoman/result.h"
#include "formats/checkpoint.h"

namespace dragoman {

// Returns a checkpoint without qweight or weight_packed tensors as it is. Of any other, the parts
// of each linear become one F32 tensor NAME.weight [out, in], decoded when its data is first asked
// for and kept from then on: 4 bytes a weight of memory. All other tensors stay where they are
// mapped.
//
// Which layout it is, config.json beside the files says (quantization_config), or
// quantize_config.json; bit widths, groups and shapes come from the tensors and must fit each
// other. Checked before anything is decoded: dtypes, shapes, group numbers in g_idx, weight_shape.
// Errors: kCorruptFile naming the tensor, expected and found; kUnsupported for other methods (AWQ,
// ...) and layouts (marlin, ...).
Result<std::unique_ptr<Checkpoint>> ViewGroupedWeights(std::unique_ptr<Checkpoint> checkpoint);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_GROUPED_CHECKPOINT_H_
