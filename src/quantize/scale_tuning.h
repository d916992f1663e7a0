// Fits what a quantized build can still change without changing its size: every block's fp16
// factors and every norm's weight, by gradient descent on the KL divergence from the unquantized
// model over the calibration text. Codes stay as error feedback left them. It sees what no
// layer-wise method does: how the errors of all layers add up in what the model says.
// (End-to-end fitting of step sizes as in EfficientQAT, Chen et al. 2024; Adam, Kingma & Ba 2015.)
#ifndef DRAGOMAN_QUANTIZE_SCALE_TUNING_H_
#define DRAGOMAN_QUANTIZE_SCALE_TUNING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "model/gemma3_gradients.h"

namespace dragoman {

struct TuningOptions {
  int epochs = 2;             // passes over the text
  double factor_rate = 2e-3;  // of Adam, of a factor relative to itself; falls linearly to zero
  double norm_rate = 2e-3;    // of a norm's weight, relative to the norm's mean size
  uint64_t seed = 1;          // of the order of batches
  std::function<void(size_t done, size_t total, double kl)> progress;
};

struct TunedMatrix {
  BlockType type = BlockType::kF32;
  std::vector<std::byte> blocks;
};

struct TunedWeights {
  std::map<std::string, TunedMatrix, std::less<>> matrices;
  std::map<std::string, std::vector<float>, std::less<>> norms;
  double first_kl = 0, last_kl = 0;  // mean over the batches of the first and the last epoch
};

// `candidate` is changed: it computes with the tuned weights, which the result owns and which must
// outlive its use. Deterministic for a number of threads. Errors: those of Gemma3Gradients;
// kInvalidArgument when the two models differ in vocabulary.
Result<TunedWeights> TuneScales(Gemma3& reference, Gemma3& candidate,
                                std::span<const PackedSequences> batches,
                                const TuningOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_SCALE_TUNING_H_
