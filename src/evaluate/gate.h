// The rule that turns intervals into GO, RECONSIDER or FALLBACK. docs/evaluation.md tells it in
// plain words.
#ifndef DRAGOMAN_EVALUATE_GATE_H_
#define DRAGOMAN_EVALUATE_GATE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "evaluate/compare.h"

namespace dragoman {

// In percent, chrF moves about half as much as BLEU when a model is damaged, so its margins are
// half as wide where it stands in for BLEU.
inline constexpr double kChrfMarginShare = 0.5;
// Below this a bootstrap has seen too little to vouch for anything, equal outputs included.
inline constexpr int64_t kFewestSentences = 30;
// Pooling needs company.
inline constexpr int64_t kFewestPooledPairs = 3;

struct Evidence {
  Delta bleu, chrf;
  int64_t samples = 0;
  // Wider intervals for "shown to be over": one of many pairs must not be called damaged by chance.
  // Without them the plain intervals serve.
  std::optional<Delta> strict_bleu, strict_chrf;
};

// All pairs together, or the high-resource ones. `fallback_percent` 0: a loss, however large, is
// RECONSIDER.
GateCheck JudgeGroup(const std::string& name, double margin_percent, double fallback_percent,
                     const Evidence& evidence);
// One pair; where neither BLEU nor chrF can tell, it may lean on all pairs together (`pooled`, of
// `pooled_pairs`).
GateCheck JudgePair(const std::string& pair, double margin_percent, const Evidence& evidence,
                    const Delta& pooled_chrf, int64_t pooled_pairs);
// A fault that must not become more frequent: sentences that only the quantized build gets wrong
// against those that only the baseline does, by an exact sign test at 5 %.
GateCheck JudgeCounts(const std::string& name, int64_t only_quantized, int64_t only_baseline,
                      int64_t checked);

// The chance of `k` or more of `n` fair coins showing heads.
double UpperTailOfFairCoins(int64_t k, int64_t n);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_GATE_H_
