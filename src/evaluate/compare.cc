// Matching two runs sample by sample, intervals, checks, decision, advice.
#include "evaluate/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <utility>

#include "evaluate/fault_comparison.h"
#include "evaluate/gate.h"
#include "evaluate/influence.h"
#include "evaluate/resample.h"
#include "evaluate/sample_size.h"
#include "evaluate/segment_comparison.h"

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

// The baseline's mean over pairs, of the whole sample.
double BaselineOf(const std::vector<const std::vector<Scores>*>& pairs) {
  double sum = 0;
  for (const auto* scores : pairs) sum += scores->front().baseline;
  return pairs.empty() ? 0 : sum / static_cast<double>(pairs.size());
}

// The draws of the chosen pairs, as DeltaOf takes them.
struct Chosen {
  std::vector<const std::vector<Scores>*> bleu, chrf;
  std::vector<const std::vector<std::string>*> ids;
  int64_t samples = 0;
  void Add(const PairDraws& draws, const PairSentences& sentences) {
    bleu.push_back(&draws.bleu);
    chrf.push_back(&draws.chrf);
    ids.push_back(&sentences.ids);
    samples += static_cast<int64_t>(sentences.ids.size());
  }
  Evidence Weigh(double confidence) const {
    const double heaviest = HeaviestSentence(ids);
    return {WithinScale(DeltaOf(bleu, confidence, heaviest), BaselineOf(bleu)),
            WithinScale(DeltaOf(chrf, confidence, heaviest), BaselineOf(chrf)), samples, 0};
  }
};

PairComparison ComparePair(const PairData& data, const PairDraws& draws, const Evidence& evidence) {
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
  pair.bleu_can_tell = pair.samples >= kFewestSentences && evidence.bleu_can_tell();
  pair.bleu_needs = evidence.bleu_needs;
  return pair;
}

// What the gate is asked, and the evidence for each check.
class GateInputs {
 public:
  GateInputs(const std::vector<PairData>& pairs, const std::vector<PairDraws>& draws,
             const GateOptions& options)
      : pairs_(pairs), draws_(draws), options_(options) {
    std::vector<size_t> all;
    for (size_t p = 0; p < pairs.size(); ++p) {
      influences_.push_back(InfluencesOfBaseline(pairs[p]));
      all.push_back(p);
    }
    for (const MarginGroup& group : MarginGroups(options)) {
      std::vector<size_t> members;
      for (size_t p = 0; p < pairs.size(); ++p) {
        if (group.Holds(pairs[p].source_lang, pairs[p].target_lang)) members.push_back(p);
      }
      if (!members.empty()) groups_.emplace_back(group, members);
    }
    checks_ = 1 + groups_.size() + pairs.size();
    pooled_ = EvidenceOf(all, options.max_mean_loss_percent);
    for (size_t p = 0; p < pairs.size(); ++p)
      evidence_.push_back({pairs[p].sentences.pair, MarginOf(p), EvidenceOf({p}, MarginOf(p))});
  }

  const Evidence& pooled() const { return pooled_; }
  const Evidence& pair(size_t p) const { return evidence_[p].evidence; }

  std::vector<GateCheck> Judge() const {
    const GateLevels levels{options_.fallback_loss_percent, options_.confidence};
    std::vector<GateCheck> checks = {
        JudgeGroup("mean BLEU loss", options_.max_mean_loss_percent, true, pooled_, levels)};
    for (const auto& [group, members] : groups_) {
      checks.push_back(JudgeGroup(group.name + " loss", group.max_loss_percent, false,
                                  EvidenceOf(members, group.max_loss_percent), levels));
    }
    for (GateCheck& check : JudgePairs(evidence_, pooled_, levels))
      checks.push_back(std::move(check));
    return checks;
  }

 private:
  static PairInfluences InfluencesOfBaseline(const PairData& data) {
    return InfluencesOf(GateMetric::kBleu, data.sentences.ids, data.sentences.baseline);
  }
  double MarginOf(size_t p) const {
    return PairMargin(options_, pairs_[p].source_lang, pairs_[p].target_lang);
  }
  Evidence EvidenceOf(const std::vector<size_t>& members, double margin) const {
    Chosen chosen;
    std::vector<PairInfluences> influences;
    for (const size_t p : members) {
      chosen.Add(draws_[p], pairs_[p].sentences);
      influences.push_back(influences_[p]);
    }
    Evidence evidence = chosen.Weigh(options_.confidence);
    evidence.bleu_needs = SentencesNeeded(
        {evidence.samples, PercentErrorOfMean(influences), HeaviestSentence(chosen.ids)}, margin,
        checks_, options_.confidence);
    return evidence;
  }

  const std::vector<PairData>& pairs_;
  const std::vector<PairDraws>& draws_;
  const GateOptions& options_;
  std::vector<PairInfluences> influences_;
  std::vector<std::pair<MarginGroup, std::vector<size_t>>> groups_;
  std::vector<PairEvidence> evidence_;
  Evidence pooled_;
  size_t checks_ = 0;
};

// Says of which languages the verdict must be read with care.
void NoteWeakPairs(Comparison& comparison) {
  constexpr size_t kFewestPairsForAMedian = 3;
  if (comparison.pairs.size() < kFewestPairsForAMedian) return;
  std::vector<double> scores;
  for (const PairComparison& pair : comparison.pairs) scores.push_back(pair.baseline_bleu);
  std::sort(scores.begin(), scores.end());
  const double median = scores[scores.size() / 2];
  for (PairComparison& pair : comparison.pairs) {
    pair.weak = pair.baseline_bleu < kWeakShare * median;
    if (!pair.weak) continue;
    comparison.notes.push_back(
        fmt::format("{} is low-resource for this model: the baseline's BLEU is {:.2f}, under "
                    "{:.0f} % of the median pair's {:.2f}; a loss of so little says little",
                    pair.pair, pair.baseline_bleu, kWeakShare * 100, median));
  }
}

void AddFaultChecks(const std::vector<PredictionPair>& matched, Comparison& comparison) {
  comparison.faults = CompareFaults(matched);
  std::vector<GateCheck> checks = JudgeFaults(comparison.faults);
  std::move(checks.begin(), checks.end(), std::back_inserter(comparison.checks));
}

Result<void> AddSegmentMetrics(const BenchmarkResult& baseline,
                               std::span<const SegmentScores> outside, Comparison& comparison) {
  DRAGOMAN_ASSIGN_OR_RETURN(comparison.segment_metrics,
                            CompareSegmentScores(baseline, outside, comparison.options));
  DRAGOMAN_ASSIGN_OR_RETURN(std::vector<GateCheck> checks,
                            JudgeSegmentMetrics(comparison.segment_metrics, comparison.options));
  std::move(checks.begin(), checks.end(), std::back_inserter(comparison.checks));
  return {};
}

void Decide(Comparison& comparison) {
  comparison.decision = Overall(comparison.checks);
  bool undecided = false, shown = false;
  std::string damaged;
  for (const GateCheck& check : comparison.checks) {
    if (check.verdict == Decision::kGo) continue;
    comparison.reasons.push_back(check.reason);
    undecided |= !check.shown;
    shown |= check.shown;
    if (check.verdict == Decision::kFallback && check.of_one_pair)
      damaged += (damaged.empty() ? "" : ", ") + check.name.substr(0, check.name.find(' '));
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
  if (comparison.decision != Decision::kFallback && !damaged.empty()) {
    comparison.advice.push_back(
        "keep the previous build, or the cloud service, for the pairs shown to lose most: " +
        damaged);
  }
  if (comparison.decision == Decision::kFallback) {
    comparison.advice.push_back(
        "until then keep the previous build, or the cloud service, in place");
  }
}

Result<void> CheckLimit(double limit, const std::string& option) {
  if (limit >= 0 && limit <= 100) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a limit from 0 to 100 percent, found {:.4g}", limit), option);
}

}  // namespace

Result<void> CheckLimits(const GateOptions& options) {
  DRAGOMAN_RETURN_IF_ERROR(CheckLimit(options.max_mean_loss_percent, "--max-mean-loss"));
  DRAGOMAN_RETURN_IF_ERROR(CheckLimit(options.max_pair_loss_percent, "--max-pair-loss"));
  DRAGOMAN_RETURN_IF_ERROR(
      CheckLimit(options.max_high_resource_loss_percent, "--max-high-resource-loss"));
  DRAGOMAN_RETURN_IF_ERROR(CheckLimit(options.fallback_loss_percent, "fallback"));
  for (const MarginGroup& group : options.groups) {
    for (const double limit : {group.max_loss_percent, group.max_pair_loss_percent})
      DRAGOMAN_RETURN_IF_ERROR(CheckLimit(limit, "--group " + group.name));
  }
  for (const auto& [name, limit] : options.max_segment_loss_percent)
    DRAGOMAN_RETURN_IF_ERROR(CheckLimit(limit, "--max-segment-loss " + name));
  return {};
}

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

bool MarginGroup::Holds(const std::string& source_lang, const std::string& target_lang) const {
  const auto known = [this](const std::string& code) {
    return std::find(languages.begin(), languages.end(), Base(code)) != languages.end();
  };
  return known(source_lang) && known(target_lang);
}

Result<MarginGroup> ParseMarginGroup(const std::string& words) {
  static const std::regex kGroup(R"re(([^=:]+)=(\d+\.?\d*)(?:/(\d+\.?\d*))?:([A-Za-z,_-]+))re");
  std::smatch match;
  if (words.size() > 1000 || !std::regex_match(words, match, kGroup)) {
    return Fail(ErrorCode::kInvalidArgument,
                "expected a group as NAME=LOSS:en,sv,da or NAME=LOSS/PAIR_LOSS:en,sv,da, found \"" +
                    words + "\"");
  }
  MarginGroup group{match[1], {}, std::strtod(match[2].str().c_str(), nullptr), 0};
  if (match[3].matched) group.max_pair_loss_percent = std::strtod(match[3].str().c_str(), nullptr);
  for (const double limit : {group.max_loss_percent, group.max_pair_loss_percent})
    DRAGOMAN_RETURN_IF_ERROR(CheckLimit(limit, "--group " + group.name.substr(0, 100)));
  std::stringstream codes(match[4]);
  for (std::string code; std::getline(codes, code, ',');) group.languages.push_back(Base(code));
  return group;
}

std::vector<MarginGroup> MarginGroups(const GateOptions& options) {
  std::vector<MarginGroup> groups = {
      {"high-resource", options.high_resource, options.max_high_resource_loss_percent, 0}};
  groups.insert(groups.end(), options.groups.begin(), options.groups.end());
  return groups;
}

double PairMargin(const GateOptions& options, const std::string& source_lang,
                  const std::string& target_lang) {
  double margin = 0;
  for (const MarginGroup& group : options.groups) {
    const double asked = group.max_pair_loss_percent;
    if (asked > 0 && group.Holds(source_lang, target_lang))
      margin = margin > 0 ? std::min(margin, asked) : asked;
  }
  return margin > 0 ? margin : options.max_pair_loss_percent;
}

Result<Comparison> Compare(const BenchmarkResult& baseline, const BenchmarkResult& quantized,
                           const GateOptions& options, std::span<const SegmentScores> outside) {
  if (options.bootstrap_draws < 100 || options.confidence <= 0.5 || options.confidence >= 1) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "expected at least 100 draws and a confidence between 0.5 and 1, found {} and {}",
            options.bootstrap_draws, options.confidence));
  }
  DRAGOMAN_RETURN_IF_ERROR(CheckLimits(options));
  if (baseline.activations != quantized.activations) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected both runs to decode alike, found activations \"{}\" in the "
                            "baseline and \"{}\" in the build (benchmark --activations)",
                            baseline.activations, quantized.activations),
                quantized.model_path);
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
  int64_t identical = 0;
  const auto pair_count = static_cast<double>(pairs.size());
  for (size_t p = 0; p < pairs.size(); ++p) {
    identical += pairs[p].identical;
    comparison.baseline_mean_bleu += draws[p].bleu[0].baseline / pair_count;
    comparison.quantized_mean_bleu += draws[p].bleu[0].quantized / pair_count;
    comparison.baseline_mean_chrf += draws[p].chrf[0].baseline / pair_count;
    comparison.quantized_mean_chrf += draws[p].chrf[0].quantized / pair_count;
  }
  GateInputs inputs(pairs, draws, options);
  comparison.checks = inputs.Judge();
  comparison.samples = inputs.pooled().samples;
  comparison.identical_share =
      static_cast<double>(identical) / static_cast<double>(comparison.samples);
  comparison.mean_bleu = inputs.pooled().bleu;
  comparison.mean_chrf = inputs.pooled().chrf;
  for (size_t p = 0; p < pairs.size(); ++p) {
    comparison.pairs.push_back(ComparePair(pairs[p], draws[p], inputs.pair(p)));
    comparison.mean_of_pair_bleu_percents += inputs.pair(p).bleu.percent / pair_count;
  }
  NoteWeakPairs(comparison);
  AddFaultChecks(matched, comparison);
  DRAGOMAN_RETURN_IF_ERROR(AddSegmentMetrics(baseline, outside, comparison));
  Decide(comparison);
  return comparison;
}

}  // namespace dragoman
