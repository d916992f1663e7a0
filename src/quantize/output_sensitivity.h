// How much each rounding error matters to what the model says: second moments of every linear's
// input, weighted by the gradient of the model's own log-likelihood (the Fisher information).
//
// To second order the KL divergence that an error D of a weight W [outputs, inputs] causes at one
// predicted token is 1/2 E[(sum over rows t of g_t D x_t^T)^2], g the gradient of the log
// probability of a token drawn from the model. Taking rows and outputs as uncorrelated:
//
//   KL ~ 1/2 sum over outputs j of row_weight[j] * D_j H D_j^T,   H = E[mean_j(g_j^2) x x^T]
//
// (Kronecker-factored curvature as in Martens & Grosse 2015; rows weighted by their gradients as in
// GuidedQuant, Kim et al. 2025.) H is in nats per predicted token.
#ifndef DRAGOMAN_QUANTIZE_OUTPUT_SENSITIVITY_H_
#define DRAGOMAN_QUANTIZE_OUTPUT_SENSITIVITY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3_gradients.h"
#include "quantize/calibration_store.h"
#include "quantize/hessian.h"

namespace dragoman {

// Of one linear: how much each row of the text matters, and each output.
struct LinearSensitivity {
  std::vector<std::vector<float>> rows;  // by batch and row: mean over the outputs of g^2
  std::vector<float> outputs;            // relative, mean 1
};

struct Sensitivities {
  uint64_t predicted = 0;                                         // positions
  std::map<std::string, LinearSensitivity, std::less<>> linears;  // of the layers
  // Of the output (the tied embedding, or the output and the embedding by themselves). A tied
  // embedding's holds both: p (1 - p) h h^T of the hidden states that its rows meet as output, and
  // g g^T of the places where its rows stand as input.
  HessianMap tables;
};

struct SensitivityOptions {
  int draws = 1;      // of a token per predicted position
  uint64_t seed = 1;  // of the draws
  // Batches are summed in parts of so many; a stored part is not computed again.
  size_t batches_of_part = 8;
  const CalibrationStore* store = nullptr;  // null: keep nothing
};

// One pass forward and back over the text. Memory: a float per row of text and linear, and the
// tables' moments twice. Deterministic, stored parts or not. Errors: those of Gemma3Gradients.
Result<Sensitivities> MeasureSensitivities(
    Gemma3& model, std::span<const PackedSequences> batches, const SensitivityOptions& options,
    const std::function<void(size_t done, size_t total)>& progress = {});

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_OUTPUT_SENSITIVITY_H_
