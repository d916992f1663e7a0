// The factor of a layer's second moments that error feedback needs.
#ifndef DRAGOMAN_QUANTIZE_FEEDBACK_FACTOR_H_
#define DRAGOMAN_QUANTIZE_FEEDBACK_FACTOR_H_

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "dragoman/result.h"
#include "kernels/kernels.h"
#include "quantize/hessian.h"

namespace dragoman {

// H + diagonal_add I = M diag(residual) M^T with M unit upper triangular.
//
// For a row of errors e = w - q the loss is e H e^T = sum over k of residual[k] * (e_k + sum over
// i < k of e_i M_ik)^2. So when columns are rounded from left to right, column k is best rounded
// from w_k + sum over i < k of e_i M_ik, and then costs residual[k] times its rounding error
// squared: what GPTQ does (Frantar et al. 2022) in the form of LDLQ (Chee et al. 2023), which needs
// one factorization and no inverse.
struct FeedbackFactor {
  int64_t dim = 0;
  std::vector<float> feedback;  // [dim, dim]; row k holds M_ik for i < k, zero from i = k on
  std::vector<float> residual;  // [dim], > 0
  float diagonal_add = 0;
};

// Adds damping * mean(diagonal) to the diagonal, more if that is not enough for a stable factor.
// Panels of 256 columns are eliminated in double; what they take from the rest is a float32 product
// on `backend`. Kept in float32, as H is: rounding acts like a change of H by a few units in its
// own last place, far below the damping. Same result for any thread count. Owns 4 dim^2 bytes (the
// result) and 3 KiB per column.
// Errors: kInvalidArgument for a matrix that no damping below 1 makes positive definite (it holds
// NaN, or is zero).
Result<FeedbackFactor> FactorForFeedback(const Hessian& hessian, double damping, Backend& backend,
                                         ThreadPool& pool);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_FEEDBACK_FACTOR_H_
