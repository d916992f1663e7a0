// A plan under a hard size budget: the types of type_choice.h laid out as a file.
#ifndef DRAGOMAN_QUANTIZE_BUDGET_PLAN_H_
#define DRAGOMAN_QUANTIZE_BUDGET_PLAN_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "dragoman/result.h"
#include "model/gemma3_gradients.h"
#include "quantize/calibration_store.h"
#include "quantize/quantize.h"
#include "quantize/recipe.h"
#include "quantize/second_moments.h"

namespace dragoman {

struct BudgetOptions {
  uint64_t max_file_bytes = 0;
  int64_t sample_rows = 32;                       // of each tensor and type, see TypeCostOptions
  const VocabularyOptions* vocabulary = nullptr;  // trim to it first; null: keep all
  const CalibrationStore* store = nullptr;        // of the moments; keeps what types cost
  // Text of the moments and their model: some real measurements then correct the predictions
  // (proxy_check.h). Null: none.
  Gemma3* model = nullptr;
  std::span<const PackedSequences> batches;
  int threads = 0;
  std::function<void(size_t done, size_t total, const std::string& tensor)> progress;
};

struct BudgetPlan {
  Recipe recipe;  // the stock mix next below, every matrix's type overridden
  QuantizePlan plan;
};

// The file never exceeds the budget by a byte: header and padding are counted. Errors: those of
// MeasureTypeCosts; kInvalidArgument when nothing fits, saying the smallest file.
Result<BudgetPlan> PlanWithinBudget(const std::string& model_path, SecondMoments& moments,
                                    const BudgetOptions& options);

// What was predicted for each tensor, into a plan of the same tensors made later.
void CopyPredictions(const QuantizePlan& from, QuantizePlan& to);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_BUDGET_PLAN_H_
