#include "kernels/kernels.h"

namespace dragoman {

void Backend::MatMuls(const ProductInput& input, std::span<const LinearProduct> products) {
  const float* x = input.x;
  if (input.norm_weight != nullptr) {
    RmsNorm(x, input.norm_weight, input.eps, input.tokens, input.cols, input.normed);
    x = input.normed;
  }
  for (const LinearProduct& product : products)
    MatMul(product.weights, x, input.tokens, product.out);
}

void Backend::GatedMatMul(const ProductInput& input, const LinearProduct& gate,
                          const LinearProduct& up) {
  const LinearProduct both[] = {gate, up};
  MatMuls(input, both);
  GeluMul(gate.out, up.out, input.tokens * gate.weights.rows, gate.out);
}

}  // namespace dragoman
