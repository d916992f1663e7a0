// Seeded random weights of a synthetic checkpoint, row by row in BF16.
#ifndef DRAGOMAN_MODEL_SYNTHETIC_WEIGHTS_H_
#define DRAGOMAN_MODEL_SYNTHETIC_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "formats/gguf.h"

namespace dragoman {

class SyntheticWeights {
 public:
  SyntheticWeights(uint64_t seed, int threads);

  // Streams tensor number `index` of the model into the sink, a few MB at a time.
  Result<void> Emit(size_t index, const GgufTensorPlan& tensor, const ByteSink& sink);

 private:
  void FillMatrixRow(uint64_t row_seed, uint64_t cols, uint16_t* out) const;
  void FillNorm(uint64_t tensor_seed, uint64_t cols, uint16_t* out) const;

  uint64_t seed_;
  ThreadPool pool_;
  std::vector<float> normal_quantiles_;  // equally likely values of the standard normal
  std::vector<uint16_t> chunk_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_SYNTHETIC_WEIGHTS_H_
