// How much each rounding error matters to what the model says: second moments of every linear's
// input, weighted by the gradient of the model's own log-likelihood (the Fisher information).
//
// To second order the KL divergence that an error D of a weight W [outputs, inputs] causes at one
// predicted token is 1/2 E[(sum over tokens t of g_t D x_t^T)^2], g the gradient of the log
// probability of a token drawn from the model. Taking tokens and outputs as uncorrelated:
//
//   KL ~ 1/2 sum over outputs j of row_weight[j] * D_j H D_j^T,   H = E[mean_j(g_j^2) x x^T]
//
// (Kronecker-factored curvature as in Martens & Grosse 2015; the weighting of tokens by their
// gradients as in GuidedQuant, Kim et al. 2025.) H in nats per predicted token.
#ifndef DRAGOMAN_QUANTIZE_OUTPUT_SENSITIVITY_H_
#define DRAGOMAN_QUANTIZE_OUTPUT_SENSITIVITY_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3_gradients.h"
#include "quantize/hessian.h"

namespace dragoman {

struct SensitivityOptions {
  int draws = 1;      // of a token per predicted position
  uint64_t seed = 1;  // of the draws
};

// One Hessian per linear, under the tensor's own name, with row weights. The tied embedding's also
// holds what its rows contribute as input, E[g g^T] of the embedded tokens. Deterministic.
// Errors: those of Gemma3Gradients.
Result<HessianMap> CollectSensitivities(
    Gemma3& model, std::span<const PackedSequences> batches, const SensitivityOptions& options,
    const std::function<void(size_t done, size_t total)>& progress = {});

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_OUTPUT_SENSITIVITY_H_
