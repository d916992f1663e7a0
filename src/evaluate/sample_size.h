// How many sentences the gate needs, from the baseline's own variance, before the second model has
// translated anything (docs/evaluation.md).
#ifndef DRAGOMAN_EVALUATE_SAMPLE_SIZE_H_
#define DRAGOMAN_EVALUATE_SAMPLE_SIZE_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/benchmark.h"
#include "evaluate/compare.h"
#include "evaluate/resample.h"

namespace dragoman {

// Both builds translate the same sentences, so most of the scatter cancels. Measured: the standard
// error of the difference is 2.3 times smaller than that of two runs on different sentences for
// builds that lose a fifth of their score, more for milder ones; so this plans on the safe side.
inline constexpr double kPairingGain = 2.3;
// The chance that a build without any loss is GO.
inline constexpr double kPower = 0.8;
// A pilot's variance is itself an estimate; from fewer sentences it is worth little.
inline constexpr int64_t kPilotSentences = 100;

// The baseline's sentences, as a check sees them.
struct PlannedFrom {
  int64_t samples = 0;
  double baseline_error = 0;     // percent, of the baseline's score; infinite: it cannot be told
  double heaviest_sentence = 0;  // its share of the score
};
// Sentences at which a check with this margin (percent) has its share of the power: as many as make
// the planned error affordable, and as many as it takes to rule out that sentences lost whole were
// missed (loss_estimate.h). Infinite where the error cannot be told. `checks`: how many must pass
// together.
double SentencesNeeded(const PlannedFrom& from, double margin, size_t checks, double confidence);

// A check of the gate, before translating.
struct PlannedCheck {
  std::string name;  // as in the comparison: "mean BLEU loss", "en-de loss"
  double margin_percent = 0;
  double needed_bleu = 0, needed_chrf = 0;  // sentences a language
  int64_t available = 0;                    // sentences a language, the mean over the check's pairs
  std::string basis;                        // "BLEU", "chrF", "pooled chrF"
};
struct SamplePlan {
  int64_t samples_per_language = 0;  // what `auto` chose
  int64_t pilot_samples = 0;         // scored, over all pairs
  bool reached = true;               // every check on BLEU
  std::vector<PlannedCheck> checks;
};
// The baseline's sentences of one pair: a pilot, or all there are.
struct PilotPair {
  std::string pair, source_lang, target_lang;
  std::vector<std::string> ids;
  std::vector<SentenceStats> sentences;
  int64_t available = 0;  // in the suite
};
// `available`: how many sentences the suite has of each pair. Pairs without a scored sentence are
// left out.
std::vector<PilotPair> PilotPairsOf(const BenchmarkResult& pilot,
                                    const std::map<std::string, int64_t>& available);
// Errors: kInvalidArgument (no pair).
Result<SamplePlan> PlanSamples(std::span<const PilotPair> pilot, const GateOptions& options);

OrderedJson ToJson(const SamplePlan& plan);
// A line for each check that no sentence count at hand can decide by BLEU.
std::string FormatUnreached(const SamplePlan& plan);
// The same, and what was chosen.
std::string Format(const SamplePlan& plan);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SAMPLE_SIZE_H_
