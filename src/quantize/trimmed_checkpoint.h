// A checkpoint whose embedding has only the rows that a trimmed vocabulary keeps. Whatever writes
// tensors writes a trimmed model when given this one: rows stay as they are, columns too, so that
// importance and second moments of the whole model fit.
#ifndef DRAGOMAN_QUANTIZE_TRIMMED_CHECKPOINT_H_
#define DRAGOMAN_QUANTIZE_TRIMMED_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "model/gemma3_tensors.h"

namespace dragoman {

// Embedding and output.
bool HasARowPerPiece(const ModelTensor& tensor);

// The embedding, and an output matrix of its own where there is one, have `kept_rows` (ascending)
// in place of all; every other tensor is the wrapped checkpoint's. Their bytes are gathered by Data
// and freed by Release. `map` then means the new checkpoint's tensors. Errors: kCorruptFile when a
// row is not there.
Result<std::unique_ptr<Checkpoint>> TrimCheckpoint(std::unique_ptr<Checkpoint> whole,
                                                   std::vector<int32_t> kept_rows,
                                                   ModelTensorMap& map);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_TRIMMED_CHECKPOINT_H_
