// Where a quantizer gets the second moments of a tensor's input from: memory, or layer by layer
// from the model, so that one layer's are held at a time.
#ifndef DRAGOMAN_QUANTIZE_SECOND_MOMENTS_H_
#define DRAGOMAN_QUANTIZE_SECOND_MOMENTS_H_

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "quantize/hessian.h"

namespace dragoman {

class SecondMoments {
 public:
  virtual ~SecondMoments() = default;
  // Whether there are any of this tensor. Costs nothing, as Of may.
  virtual bool Has(std::string_view tensor) const = 0;
  // By canonical name. Null for a tensor without any. Valid until the next call. Cheapest when
  // tensors are asked for in canonical order. Errors: those of the source.
  virtual Result<const Hessian*> Of(std::string_view tensor) = 0;
  // Whether Quantized wants to be called.
  virtual bool wants_blocks() const { return false; }
  // Hears what a tensor was quantized to.
  virtual Result<void> Quantized(std::string_view /*tensor*/, BlockType /*type*/,
                                 std::span<const std::byte> /*blocks*/) {
    return {};
  }
};

class MomentsInMemory : public SecondMoments {
 public:
  explicit MomentsInMemory(HessianMap map) : map_(std::move(map)) {}
  bool Has(std::string_view tensor) const override { return FindHessian(map_, tensor) != nullptr; }
  Result<const Hessian*> Of(std::string_view tensor) override { return FindHessian(map_, tensor); }

 private:
  HessianMap map_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_SECOND_MOMENTS_H_
