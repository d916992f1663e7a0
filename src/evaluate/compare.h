// Baseline against quantized: deltas with paired bootstrap intervals, and the decision of the gate.
#ifndef DRAGOMAN_EVALUATE_COMPARE_H_
#define DRAGOMAN_EVALUATE_COMPARE_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/benchmark.h"
#include "evaluate/checks.h"
#include "evaluate/loss_estimate.h"
#include "evaluate/rate.h"
#include "evaluate/segment_scores.h"

namespace dragoman {

enum class Decision { kGo, kReconsider, kFallback };
const char* DecisionName(Decision decision);  // "GO", "RECONSIDER", "FALLBACK"
int ExitCodeOf(Decision decision);            // 0, 3, 4

// Pairs that are judged together, at a margin of their own.
struct MarginGroup {
  std::string name;
  std::vector<std::string> languages;  // a pair belongs when both of its languages do
  double max_loss_percent = 0;         // of the group's mean score
  double max_pair_loss_percent = 0;    // of each of its pairs; 0: as every other pair
  bool Holds(const std::string& source_lang, const std::string& target_lang) const;
};

// Losses in percent of the baseline's score (row E4).
struct GateOptions {
  double max_mean_loss_percent = 1.0;
  double max_pair_loss_percent = 2.0;
  double max_high_resource_loss_percent = 0.8;
  double fallback_loss_percent = 2.0;
  std::vector<std::string> high_resource = {"en", "zh", "es", "fr"};
  std::vector<MarginGroup> groups = {};  // besides the high-resource one
  // Metrics that other programs score, by name, which are to gate too; the others only inform.
  std::vector<std::pair<std::string, double>> max_segment_loss_percent = {};
  int bootstrap_draws = 1000;
  uint64_t seed = 12345;
  double confidence = 0.95;
};
// kInvalidArgument unless every limit is a number from 0 to 100 (NaN is under no limit and over
// none).
Result<void> CheckLimits(const GateOptions& options);
// "nordic=1.5:en,sv,da", or with a limit for each pair "nordic=1.5/3:en,sv,da". Errors:
// kInvalidArgument.
Result<MarginGroup> ParseMarginGroup(const std::string& words);
// The high-resource group and the others.
std::vector<MarginGroup> MarginGroups(const GateOptions& options);
// The narrowest that a group asks of its pairs; else the limit of every pair.
double PairMargin(const GateOptions& options, const std::string& source_lang,
                  const std::string& target_lang);

// A change with its interval; negative means that the quantized build scores lower.
struct Delta {
  double points = 0, percent = 0;
  double percent_low = 0, percent_high = 0;  // two-sided interval of `percent`
  double points_low = 0, points_high = 0;    // and of `points`
  double percent_error = 0;                  // standard error of `percent`
  double loss_skewness = 0;                  // of the loss over the draws
  double heaviest_percent = 0;  // lost with the sentence that weighs most (loss_estimate.h)
  bool of_nothing = false;      // the baseline scores 0: no share of it says anything
};

LossEstimate PercentLossOf(const Delta& delta);

// A pair whose baseline scores under this share of the median pair's BLEU is called weak: the model
// knows its language little, and a percentage of little is soon lost.
inline constexpr double kWeakShare = 0.6;

struct PairComparison {
  std::string pair;
  int64_t samples = 0;
  double baseline_bleu = 0, quantized_bleu = 0, baseline_chrf = 0, quantized_chrf = 0;
  Delta bleu, chrf;
  double identical_share = 0;  // outputs that are equal
  int64_t differing = 0;       // outputs that are not equal
  bool bleu_can_tell = false;  // enough sentences for BLEU at this pair's margin (sample_size.h)
  double bleu_needs = 0;       // those sentences
  bool weak = false;           // low-resource for this model: see kWeakShare
};

struct GateCheck {
  std::string name;  // "mean BLEU loss", "en-de loss", "high-resource loss", "wrong script"
  double limit_percent = 0;
  Delta delta;
  Decision verdict = Decision::kGo;
  bool shown = true;  // false: the sentences are too few to tell, the verdict is "undecided"
  std::string basis;  // what decided: "BLEU", "chrF", "pooled chrF", "counts", "too few sentences",
                      // "no score"
  std::string reason;  // one sentence with the figures
  bool of_one_pair = false;
};

// A fault in the outputs of both builds.
struct FaultComparison {
  Fault fault = Fault::kEmpty;
  Rate baseline, quantized;  // over the outputs in which it could happen
  int64_t only_baseline = 0, only_quantized = 0;
  // Change of the share of faulty outputs in percent of the outputs, with Newcombe's interval for
  // paired shares (1998, method 10); negative: the build has more.
  Delta delta;
  double chance = 1;  // of so many new faults, or more, if neither build had more (exact sign test)
  bool worse = false;  // beyond chance, all faults considered
};

// A metric whose scores another program gave, sentence by sentence (segment_scores.h). A negative
// delta is worse, also where less is better; its percent means something only when the baseline's
// mean is above 0.
struct SegmentMetricPair {
  std::string pair;
  int64_t samples = 0;
  double baseline = 0, quantized = 0;  // means over the sentences
  Delta delta;
};
struct SegmentMetricComparison {
  std::string name;
  bool higher_is_better = true;
  double baseline_mean = 0, quantized_mean = 0;  // over pairs, each with the same weight
  int64_t samples = 0;
  Delta mean;      // of what was seen: it informs
  Delta reckoned;  // with one more sentence lost whole, as a limit has to see it
  std::vector<SegmentMetricPair> pairs;
  // The whole sample's mean first, then those of the draws; a loss is the baseline's less the
  // build's, also where less is better.
  std::vector<double> baseline_draws, quantized_draws;
  double heaviest_points = 0;  // what the mean loses with the sentence that weighs most
};
// "worse", "better" or "no change shown": where the whole interval of the points lies.
const char* ChangeShown(const Delta& delta);

struct Comparison {
  GateOptions options;  // it was decided with
  int64_t samples = 0;  // scored, over all pairs
  double identical_share = 0;
  std::vector<PairComparison> pairs;
  // Of the mean score over pairs, every pair with the same weight.
  double baseline_mean_bleu = 0, quantized_mean_bleu = 0, baseline_mean_chrf = 0,
         quantized_mean_chrf = 0;
  Delta mean_bleu, mean_chrf;
  double mean_of_pair_bleu_percents = 0;  // the other way to average; weak pairs weigh more in it
  std::vector<GateCheck> checks;
  std::vector<FaultComparison> faults;                   // what no overlap metric sees, by kind
  std::vector<SegmentMetricComparison> segment_metrics;  // in the order given
  Decision decision = Decision::kReconsider;
  std::vector<std::string> reasons;
  std::vector<std::string> advice;  // what to try on a failed or undecided gate
  std::vector<std::string>
      notes;  // what a reader must know besides: languages the model is weak in
};

// `outside`: scores of other programs for the sentences that SegmentNamesOf lists. Errors:
// kInvalidArgument when the two runs do not cover the same samples, or a limit names no such
// metric.
Result<Comparison> Compare(const BenchmarkResult& baseline, const BenchmarkResult& quantized,
                           const GateOptions& options, std::span<const SegmentScores> outside = {});
// comparison.json: overall_comparison.mean_bleu_delta_percent, .acceptable, ...
// (schemas/comparison.schema.json)
OrderedJson ToJson(const Comparison& comparison, const BenchmarkResult& baseline,
                   const BenchmarkResult& quantized);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_COMPARE_H_
