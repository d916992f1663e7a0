// One tensor from the checkpoint's bytes to the output's bytes: decoded, encoded, decoded again to
// measure the error, in pieces, on all threads. Memory stays at one piece whatever the tensor's
// size.
#ifndef DRAGOMAN_QUANTIZE_TENSOR_ENCODER_H_
#define DRAGOMAN_QUANTIZE_TENSOR_ENCODER_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "model/gemma3_tensors.h"

namespace dragoman {

struct TensorError {
  double mean_squared = 0;  // decoded output against source
  double mean_square_of_source = 0;
};

struct EncodeRequest {
  const ModelTensor* tensor = nullptr;  // with its place in `checkpoint`
  BlockType type = BlockType::kF32;     // to write; its block divides the rows
  std::vector<float> weights;           // importance of the columns, normalized; empty: none
};

// Emits the tensor into `sink`. `on_piece` hears of every piece (bytes of the source).
// Errors: kCorruptFile for values that are not finite, kUnsupported for values that `type` cannot
// hold; the sink's.
Result<TensorError> EncodeTensor(const Checkpoint& checkpoint, const EncodeRequest& request,
                                 ThreadPool& pool, const ByteSink& sink,
                                 const std::function<void(uint64_t)>& on_piece);

// values [rows, cols] float32 to `type`, in the calling thread. False when a value does not fit a
// 16-bit type.
bool EncodeRows(BlockType type, const float* values, int64_t rows, int64_t cols,
                const std::vector<float>& weights, std::byte* out);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_TENSOR_ENCODER_H_
