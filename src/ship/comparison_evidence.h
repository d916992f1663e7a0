// What the comparison measured, as evidence and reports hold it.
#ifndef DRAGOMAN_SHIP_COMPARISON_EVIDENCE_H_
#define DRAGOMAN_SHIP_COMPARISON_EVIDENCE_H_

#include "base/json.h"
#include "evaluate/compare.h"

namespace dragoman {

// decision, reasons, advice, confidence, limits, mean_bleu, mean_chrf, checks, faults, pairs; segment_metrics
// where other programs' scores were imported.
Json ComparisonEvidence(const Comparison& comparison);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_COMPARISON_EVIDENCE_H_
