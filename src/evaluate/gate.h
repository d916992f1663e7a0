// The rule that turns intervals into GO, RECONSIDER or FALLBACK. docs/evaluation.md tells it in
// plain words.
#ifndef DRAGOMAN_EVALUATE_GATE_H_
#define DRAGOMAN_EVALUATE_GATE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

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
  // Sentences at which BLEU has the power to decide, from the baseline's variance alone
  // (sample_size.h). With fewer, chrF is heard as well.
  double bleu_needs = 0;
  bool bleu_can_tell() const {
    return !bleu.of_nothing && static_cast<double>(samples) >= bleu_needs;
  }
};

// One-sided p-values (loss_estimate.h): were the loss `limit` percent, how often would it seem as
// small (large) as seen.
double ChanceOfSeemingSmaller(const Delta& delta, double limit);
double ChanceOfSeemingLarger(const Delta& delta, double limit);

// Holm's step-down correction (1979): adjusted p-values, in the given order. Whichever are at most
// alpha may all be claimed together with an error of at most alpha.
std::vector<double> AdjustByHolm(std::span<const double> p_values);

struct GateLevels {
  double fallback_percent = 2.0;
  double confidence = 0.95;                              // two-sided
  double alpha() const { return (1 - confidence) / 2; }  // of each claim
};

// All pairs together, or those of a language group. `may_fall_back` false: a loss, however large,
// is RECONSIDER.
GateCheck JudgeGroup(const std::string& name, double margin_percent, bool may_fall_back,
                     const Evidence& evidence, const GateLevels& levels);

struct PairEvidence {
  std::string pair;
  double margin_percent = 2.0;
  Evidence evidence;
};
// Every pair, each family of claims ("under its margin", "over it", "over the fallback limit")
// corrected by Holm over the pairs. A pair whose own sentences cannot tell may lean on `pooled`,
// all pairs together.
std::vector<GateCheck> JudgePairs(std::span<const PairEvidence> pairs, const Evidence& pooled,
                                  const GateLevels& levels);

// GO when every check is; FALLBACK when a check of more than one pair is: a damaged pair can keep
// its previous build while the others go ahead.
Decision Overall(std::span<const GateCheck> checks);

// A fault that must not become more frequent: sentences that only the quantized build gets wrong
// against those that only the baseline does, by an exact sign test at 5 %.
GateCheck JudgeCounts(const std::string& name, int64_t only_quantized, int64_t only_baseline,
                      int64_t checked);

// The chance of `k` or more of `n` fair coins showing heads.
double UpperTailOfFairCoins(int64_t k, int64_t n);

// "1,900": a count to two digits, for people; an infinite one is more than can be told.
std::string RoughCount(double count);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_GATE_H_
