// Matching two runs sample by sample, intervals, checks, decision, advice.
#include "evaluate/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "evaluate/fault_comparison.h"
#include "evaluate/gate.h"
#include "evaluate/resample.h"

namespace dragoman {
namespace {

using PredictionPair = std::pair<const Prediction*, const Prediction*>;

// Baseline and quantized predictions of each sample, in the baseline's order.
Result<std::vector<PredictionPair>> Match(const BenchmarkResult& baseline,
                                          const BenchmarkResult& quantized) {
  if (baseline.predictions.size() != quantized.predictions.size()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "the runs do not cover the same samples: the baseline has {}, the quantized build {}",
            baseline.predictions.size(), quantized.predictions.size()));
  }
  std::map<std::pair<std::string, std::string>, const Prediction*> others;
  for (const Prediction& one : quantized.predictions) {
    if (!others.emplace(std::make_pair(one.pair, one.id), &one).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("sample {} of {} occurs twice", one.id, one.pair));
    }
  }
  std::vector<PredictionPair> matched;
  for (const Prediction& one : baseline.predictions) {
    const auto other = others.find({one.pair, one.id});
    if (other == others.end()) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("sample {} of {} is missing in the quantized build's run", one.id, one.pair));
    }
    if (other->second->source != one.source || other->second->reference != one.reference) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("sample {} of {} is another sentence in the two runs", one.id, one.pair));
    }
    matched.emplace_back(&one, other->second);
    others.erase(other);
  }
  return matched;
}

SentenceStats StatsOf(const Prediction& one, BleuCounter& bleu, ChrfCounter& chrf) {
  const std::string references[] = {one.reference};
  return {bleu.Count(one.hypothesis, references), chrf.Count(one.hypothesis, references)};
}

struct PairData {
  PairSentences sentences;
  std::string source_lang, target_lang;
  int64_t identical = 0;
};

std::vector<PairData> CollectPairs(const std::vector<PredictionPair>& matched) {
  std::vector<PairData> pairs;
  std::map<std::string, size_t> index;
  std::vector<BleuCounter> bleu;  // of each pair
  ChrfCounter chrf({});
  for (const PredictionPair& both : matched) {
    const Prediction& baseline = *both.first;
    const Prediction& quantized = *both.second;
    if (baseline.is_edge_case()) continue;
    const size_t at = index.emplace(baseline.pair, pairs.size()).first->second;
    if (at == pairs.size()) {
      pairs.emplace_back();
      pairs.back().sentences.pair = baseline.pair;
      pairs.back().source_lang = baseline.source_lang;
      pairs.back().target_lang = baseline.target_lang;
      bleu.emplace_back(BleuOptionsFor(baseline.target_lang));
    }
    PairData& data = pairs[at];
    data.sentences.ids.push_back(baseline.id);
    data.sentences.baseline.push_back(StatsOf(baseline, bleu[at], chrf));
    const bool same = baseline.hypothesis == quantized.hypothesis;
    data.identical += same ? 1 : 0;
    data.sentences.quantized.push_back(same ? data.sentences.baseline.back()
                                            : StatsOf(quantized, bleu[at], chrf));
  }
  return pairs;
}

std::string Base(const std::string& code) { return code.substr(0, code.find_first_of("-_")); }

// The draws of the chosen pairs, as DeltaOf takes them.
struct Chosen {
  std::vector<const std::vector<Scores>*> bleu, chrf;
  int64_t samples = 0;
  void Add(const PairDraws& draws, size_t count) {
    bleu.push_back(&draws.bleu);
    chrf.push_back(&draws.chrf);
    samples += static_cast<int64_t>(count);
  }
  // `candidates`: how many such groups are judged side by side; a loss is shown only at their joint
  // confidence (Bonferroni).
  Evidence Weigh(double confidence, size_t candidates = 1) const {
    Evidence evidence{DeltaOf(bleu, confidence), DeltaOf(chrf, confidence), samples, {}, {}};
    if (candidates > 1) {
      const double joint = 1 - (1 - confidence) / static_cast<double>(candidates);
      evidence.strict_bleu = DeltaOf(bleu, joint);
      evidence.strict_chrf = DeltaOf(chrf, joint);
    }
    return evidence;
  }
};

PairComparison ComparePair(const PairData& data, const PairDraws& draws, const Evidence& evidence,
                           double margin) {
  PairComparison pair;
  pair.pair = data.sentences.pair;
  pair.samples = evidence.samples;
  pair.baseline_bleu = draws.bleu[0].baseline;
  pair.quantized_bleu = draws.bleu[0].quantized;
  pair.baseline_chrf = draws.chrf[0].baseline;
  pair.quantized_chrf = draws.chrf[0].quantized;
  pair.bleu = evidence.bleu;
  pair.chrf = evidence.chrf;
  pair.differing = pair.samples - data.identical;
  pair.identical_share = static_cast<double>(data.identical) / static_cast<double>(pair.samples);
  pair.bleu_can_tell = pair.samples >= kFewestSentences &&
                       (evidence.bleu.percent_high - evidence.bleu.percent_low) / 2 <= margin;
  return pair;
}

void AddFaultChecks(const std::vector<PredictionPair>& matched, Comparison& comparison) {
  comparison.faults = CompareFaults(matched);
  std::vector<GateCheck> checks = JudgeFaults(comparison.faults);
  std::move(checks.begin(), checks.end(), std::back_inserter(comparison.checks));
}

void Decide(Comparison& comparison) {
  comparison.decision = Decision::kGo;
  bool undecided = false, shown = false;
  for (const GateCheck& check : comparison.checks) {
    if (check.verdict == Decision::kGo) continue;
    comparison.reasons.push_back(check.reason);
    undecided |= !check.shown;
    shown |= check.shown;
    if (check.verdict == Decision::kFallback) comparison.decision = Decision::kFallback;
    if (comparison.decision == Decision::kGo) comparison.decision = Decision::kReconsider;
  }
  if (comparison.decision == Decision::kGo) {
    comparison.reasons.push_back(
        comparison.checks.front().reason);  // the mean, with what decided it
    return;
  }
  if (shown) {
    comparison.advice.push_back(
        "more bits where it hurts: a larger --max-size, importance weighting, or the next type up "
        "(Q5_K_M, Q6_K); the "
        "divergence report shows the change in minutes, long before BLEU does");
  }
  if (undecided) {
    comparison.advice.push_back(
        "a larger suite: FLORES+ devtest has 1,012 sentences a language, NTREX-128 1,997; the "
        "divergence from the "
        "baseline on the same text needs far fewer");
  }
  if (comparison.decision == Decision::kFallback) {
    comparison.advice.push_back(
        "until then keep the previous build, or the cloud service, in place");
  }
}

}  // namespace

const char* DecisionName(Decision decision) {
  switch (decision) {
    case Decision::kGo:
      return "GO";
    case Decision::kReconsider:
      return "RECONSIDER";
    case Decision::kFallback:
      return "FALLBACK";
  }
  return "RECONSIDER";
}

int ExitCodeOf(Decision decision) {
  switch (decision) {
    case Decision::kGo:
      return 0;
    case Decision::kReconsider:
      return 3;
    case Decision::kFallback:
      return 4;
  }
  return 3;
}

Result<Comparison> Compare(const BenchmarkResult& baseline, const BenchmarkResult& quantized,
                           const GateOptions& options) {
  if (options.bootstrap_draws < 100 || options.confidence <= 0.5 || options.confidence >= 1) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "expected at least 100 draws and a confidence between 0.5 and 1, found {} and {}",
            options.bootstrap_draws, options.confidence));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<PredictionPair> matched, Match(baseline, quantized));
  const std::vector<PairData> pairs = CollectPairs(matched);
  if (pairs.empty())
    return Fail(ErrorCode::kInvalidArgument, "the runs hold no sample that can be scored");
  std::vector<PairSentences> sentences;
  for (const PairData& pair : pairs) sentences.push_back(pair.sentences);
  const std::vector<PairDraws> draws = Resample(sentences, options.bootstrap_draws, options.seed);

  Comparison comparison;
  comparison.options = options;
  const std::set<std::string> rich(options.high_resource.begin(), options.high_resource.end());
  Chosen all, high_resource;
  int64_t identical = 0;
  const auto pair_count = static_cast<double>(pairs.size());
  for (size_t p = 0; p < pairs.size(); ++p) {
    const size_t count = pairs[p].sentences.ids.size();
    all.Add(draws[p], count);
    if (rich.count(Base(pairs[p].source_lang)) != 0 &&
        rich.count(Base(pairs[p].target_lang)) != 0) {
      high_resource.Add(draws[p], count);
    }
    identical += pairs[p].identical;
    comparison.baseline_mean_bleu += draws[p].bleu[0].baseline / pair_count;
    comparison.quantized_mean_bleu += draws[p].bleu[0].quantized / pair_count;
    comparison.baseline_mean_chrf += draws[p].chrf[0].baseline / pair_count;
    comparison.quantized_mean_chrf += draws[p].chrf[0].quantized / pair_count;
  }
  const Evidence pooled = all.Weigh(options.confidence);
  comparison.samples = pooled.samples;
  comparison.identical_share = static_cast<double>(identical) / static_cast<double>(pooled.samples);
  comparison.mean_bleu = pooled.bleu;
  comparison.mean_chrf = pooled.chrf;
  comparison.checks.push_back(JudgeGroup("mean BLEU loss", options.max_mean_loss_percent,
                                         options.fallback_loss_percent, pooled));
  if (!high_resource.bleu.empty()) {
    comparison.checks.push_back(JudgeGroup("high-resource loss",
                                           options.max_high_resource_loss_percent, 0,
                                           high_resource.Weigh(options.confidence)));
  }
  for (size_t p = 0; p < pairs.size(); ++p) {
    Chosen one;
    one.Add(draws[p], pairs[p].sentences.ids.size());
    const Evidence evidence = one.Weigh(options.confidence, pairs.size());
    comparison.pairs.push_back(
        ComparePair(pairs[p], draws[p], evidence, options.max_pair_loss_percent));
    comparison.mean_of_pair_bleu_percents += evidence.bleu.percent / pair_count;
    comparison.checks.push_back(JudgePair(pairs[p].sentences.pair, options.max_pair_loss_percent,
                                          evidence, pooled.chrf,
                                          static_cast<int64_t>(pairs.size())));
  }
  AddFaultChecks(matched, comparison);
  Decide(comparison);
  return comparison;
}

}  // namespace dragoman
