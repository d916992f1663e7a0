// A type for every tensor under a hard size budget: what each type of each tensor would cost, in
// bytes and in predicted KL divergence, and the choice with the least divergence that fits.
#ifndef DRAGOMAN_QUANTIZE_TYPE_CHOICE_H_
#define DRAGOMAN_QUANTIZE_TYPE_CHOICE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "model/gemma3_tensors.h"
#include "quantize/calibration_store.h"
#include "quantize/second_moments.h"

namespace dragoman {

struct TypeCost {
  BlockType type = BlockType::kF32;
  uint64_t bytes = 0;
  double predicted_kl = 0;  // nats per predicted token
};

struct TensorCosts {
  std::string name;
  std::vector<TypeCost> types;  // by rising bytes; at least one
  double probe_kl = 0;          // predicted of plain rounding to ProbeType (proxy_check.h)
};

struct TypeCostOptions {
  std::vector<BlockType> types;        // candidates for rows of whole blocks of 256 weights
  std::vector<BlockType> types_of_32;  // for other rows
  int64_t sample_rows = 32;            // of each tensor, rounded with error feedback and measured
  double damping = 0.01;
  int threads = 0;
  const CalibrationStore* store = nullptr;  // keeps the costs; null: measures them again
  std::function<void(size_t done, size_t total, const std::string& tensor)> progress;
};

// For every tensor that is no norm, from rows evenly spread over it. `moments` are weighted
// by sensitivities (output_sensitivity.h). Errors: kInvalidArgument for a tensor without second
// moments or without a candidate that fits its rows; those of reading it.
Result<std::vector<TensorCosts>> MeasureTypeCosts(const Checkpoint& checkpoint,
                                                  std::span<const ModelTensor> tensors,
                                                  SecondMoments& moments,
                                                  const TypeCostOptions& options);

// Index into the types of each tensor. The least sum of predicted_kl whose bytes do not exceed
// `budget_bytes`: the better of the convex hull of every tensor (a Lagrangian) and an exact
// knapsack in units of a 131,072nd of the budget, then exchanges of two tensors at a time for what
// is left. Errors: kInvalidArgument when the smallest choice is larger, saying both sizes.
Result<std::vector<size_t>> ChooseWithinBudget(std::span<const TensorCosts> tensors,
                                               uint64_t budget_bytes);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_TYPE_CHOICE_H_
