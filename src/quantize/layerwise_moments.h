// Second moments of one layer's inputs at a time: the text goes through the model layer by layer,
// weighted by how much each of its rows matters (output_sensitivity.h).
//
// Memory: the residual stream of the whole text (rows * model_dim floats), the moments of one layer
// (for the 4B model 0.6 GB), and, sequentially, the blocks quantized so far.
#ifndef DRAGOMAN_QUANTIZE_LAYERWISE_MOMENTS_H_
#define DRAGOMAN_QUANTIZE_LAYERWISE_MOMENTS_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3_gradients.h"
#include "quantize/output_sensitivity.h"
#include "quantize/second_moments.h"

namespace dragoman {

class LayerwiseMoments : public SecondMoments {
 public:
  // All must outlive this. sequential: what lies before a layer computes with the weights that
  // Quantized told of (GPTQ's "true sequential" by layers); `model` is changed then.
  LayerwiseMoments(Gemma3& model, const std::vector<PackedSequences>& batches,
                   const Sensitivities& sensitivities, bool sequential);

  bool Has(std::string_view tensor) const override;
  Result<const Hessian*> Of(std::string_view tensor) override;
  bool wants_blocks() const override { return sequential_; }
  Result<void> Quantized(std::string_view tensor, BlockType type,
                         std::span<const std::byte> blocks) override;

 private:
  Result<void> Start();
  Result<void> Advance(int layer);  // until the stream is the layer's input
  Result<void> Collect(int layer);

  Gemma3& model_;
  Gemma3Gradients pass_;
  const std::vector<PackedSequences>& batches_;
  const Sensitivities& sensitivities_;
  const bool sequential_;
  std::vector<std::vector<float>> streams_;  // by batch: the input of layer next_
  int next_ = -1;                            // -1: nothing embedded yet
  int collected_ = -1;                       // the layer whose moments are here
  HessianMap moments_;
  std::map<std::string, std::vector<std::byte>, std::less<>> quantized_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_LAYERWISE_MOMENTS_H_
