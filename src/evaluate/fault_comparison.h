// Faults of the baseline's outputs against those of the build's, and whether they became more.
#ifndef DRAGOMAN_EVALUATE_FAULT_COMPARISON_H_
#define DRAGOMAN_EVALUATE_FAULT_COMPARISON_H_

#include <utility>
#include <vector>

#include "base/json.h"
#include "evaluate/compare.h"

namespace dragoman {

// In the order of Fault. "Worse" holds at 5 % for all faults together: Tarone's correction (1990)
// counts only the faults that differ often enough to be shown at all.
std::vector<FaultComparison> CompareFaults(
    const std::vector<std::pair<const Prediction*, const Prediction*>>& matched);
// A check of the gate for each fault that could happen.
std::vector<GateCheck> JudgeFaults(const std::vector<FaultComparison>& faults);
OrderedJson ToJson(const FaultComparison& fault);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_FAULT_COMPARISON_H_
