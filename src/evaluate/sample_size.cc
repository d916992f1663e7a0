// Planned errors and sizes; see the header.
#include "evaluate/sample_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evaluate/gate.h"
#include "evaluate/influence.h"
#include "evaluate/normal_distribution.h"

namespace dragoman {
namespace {

// What the sentences of one pair say about its scores.
struct MeasuredPair {
  const PilotPair* pilot = nullptr;
  PairInfluences bleu, chrf;
};

// A check of the gate: which pairs it is about.
struct CheckScope {
  std::string name;
  double margin_percent = 0;
  std::vector<const MeasuredPair*> pairs;
};

std::vector<CheckScope> ScopesOf(const std::vector<MeasuredPair>& pairs,
                                 const GateOptions& options) {
  std::vector<CheckScope> scopes = {{"mean BLEU loss", options.max_mean_loss_percent, {}}};
  for (const MeasuredPair& pair : pairs) scopes[0].pairs.push_back(&pair);
  for (const MarginGroup& group : MarginGroups(options)) {
    CheckScope scope{group.name + " loss", group.max_loss_percent, {}};
    for (const MeasuredPair& pair : pairs) {
      if (group.Holds(pair.pilot->source_lang, pair.pilot->target_lang))
        scope.pairs.push_back(&pair);
    }
    if (!scope.pairs.empty()) scopes.push_back(std::move(scope));
  }
  for (const MeasuredPair& pair : pairs) {
    const PilotPair& pilot = *pair.pilot;
    scopes.push_back(
        {pilot.pair + " loss", PairMargin(options, pilot.source_lang, pilot.target_lang), {&pair}});
  }
  return scopes;
}

PlannedCheck Plan(const CheckScope& scope, size_t checks, const GateOptions& options) {
  PlannedCheck planned{scope.name, scope.margin_percent, 0, 0, 0, ""};
  std::vector<PairInfluences> bleu, chrf;
  std::vector<const std::vector<std::string>*> ids;
  int64_t samples = 0, available = 0;
  for (const MeasuredPair* pair : scope.pairs) {
    bleu.push_back(pair->bleu);
    chrf.push_back(pair->chrf);
    ids.push_back(&pair->pilot->ids);
    samples += static_cast<int64_t>(pair->pilot->ids.size());
    available += pair->pilot->available;
  }
  const auto count = static_cast<int64_t>(scope.pairs.size());
  planned.available = available / count;
  // Every pair grows by the same factor.
  const double heaviest = HeaviestSentence(ids);
  planned.needed_bleu = SentencesNeeded({samples / count, PercentErrorOfMean(bleu), heaviest},
                                        scope.margin_percent, checks, options.confidence);
  planned.needed_chrf =
      SentencesNeeded({samples / count, PercentErrorOfMean(chrf), heaviest},
                      scope.margin_percent * kChrfMarginShare, checks, options.confidence);
  const auto have = static_cast<double>(planned.available);
  planned.basis = planned.needed_bleu <= have   ? "BLEU"
                  : planned.needed_chrf <= have ? "chrF"
                                                : "pooled chrF";
  return planned;
}

}  // namespace

double SentencesNeeded(const PlannedFrom& from, double margin, size_t checks, double confidence) {
  const double planned_error = std::sqrt(2.0) * from.baseline_error / kPairingGain;
  const auto together = static_cast<double>(std::max<size_t>(checks, 1));
  const double alpha = (1 - confidence) / 2;
  // All checks must pass together, so each may miss only its share.
  const double affordable_error =
      margin / (NormalQuantileOfTail(alpha) + NormalQuantileOfTail((1 - kPower) / together));
  const double factor = planned_error / affordable_error;
  // What UpperLossBound adds where outputs are equal: -ln(alpha) sentences.
  const double unseen_percent = 100 * from.heaviest_sentence * std::log(together / alpha);
  return std::max({static_cast<double>(from.samples) * factor * factor,
                   static_cast<double>(from.samples) * unseen_percent / margin,
                   static_cast<double>(kFewestSentences)});
}

std::vector<PilotPair> PilotPairsOf(const BenchmarkResult& pilot,
                                    const std::map<std::string, int64_t>& available) {
  std::vector<PilotPair> pairs;
  std::map<std::string, size_t> index;
  std::vector<BleuCounter> bleu;  // of each pair
  ChrfCounter chrf({});
  for (const Prediction& one : pilot.predictions) {
    if (one.is_edge_case()) continue;
    const size_t at = index.emplace(one.pair, pairs.size()).first->second;
    if (at == pairs.size()) {
      const auto found = available.find(one.pair);
      pairs.push_back({one.pair,
                       one.source_lang,
                       one.target_lang,
                       {},
                       {},
                       found == available.end() ? 0 : found->second});
      bleu.emplace_back(BleuOptionsFor(one.target_lang));
    }
    pairs[at].ids.push_back(one.id);
    pairs[at].sentences.push_back({bleu[at].Count(one.hypothesis, {&one.reference, 1}),
                                   chrf.Count(one.hypothesis, {&one.reference, 1})});
  }
  return pairs;
}

Result<SamplePlan> PlanSamples(std::span<const PilotPair> pilot, const GateOptions& options) {
  if (pilot.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "expected scored sentences of the baseline to plan by, found none");
  }
  SamplePlan plan;
  std::vector<MeasuredPair> pairs;
  for (const PilotPair& pair : pilot) {
    pairs.push_back({&pair, InfluencesOf(GateMetric::kBleu, pair.ids, pair.sentences),
                     InfluencesOf(GateMetric::kChrf, pair.ids, pair.sentences)});
  }
  const std::vector<CheckScope> scopes = ScopesOf(pairs, options);
  double chosen = 0;
  int64_t most = 0;
  for (const PilotPair& pair : pilot) {
    plan.pilot_samples += static_cast<int64_t>(pair.ids.size());
    most = std::max(most, pair.available);
  }
  for (const CheckScope& scope : scopes) {
    plan.checks.push_back(Plan(scope, scopes.size(), options));
    const PlannedCheck& check = plan.checks.back();
    plan.reached = plan.reached && check.basis == "BLEU";
    chosen = std::max(chosen, check.needed_bleu);
  }
  // Where BLEU is out of reach, every sentence there is helps chrF and the pooled pairs.
  plan.samples_per_language =
      plan.reached ? std::min(static_cast<int64_t>(std::ceil(chosen)), most) : most;
  return plan;
}

OrderedJson ToJson(const SamplePlan& plan) {
  OrderedJson json;
  json["samples_per_language"] = plan.samples_per_language;
  json["reached"] = plan.reached;
  json["power"] = kPower;
  json["pilot_samples"] = plan.pilot_samples;
  json["pairing_gain"] = kPairingGain;
  json["checks"] = OrderedJson::array();
  for (const PlannedCheck& check : plan.checks) {
    json["checks"].push_back({{"name", check.name},
                              {"margin_percent", check.margin_percent},
                              {"needed_bleu", std::ceil(check.needed_bleu)},
                              {"needed_chrf", std::ceil(check.needed_chrf)},
                              {"available", check.available},
                              {"basis", check.basis}});
  }
  return json;
}

std::string FormatUnreached(const SamplePlan& plan) {
  std::string text;
  for (const PlannedCheck& check : plan.checks) {
    if (check.basis == "BLEU") continue;
    text += fmt::format(
        "{} (limit {:.2f} %): {} sentences a language are there, BLEU needs {}, chrF {}: gated on "
        "{}; BLEU is printed with its interval\n",
        check.name, check.margin_percent, check.available, RoughCount(check.needed_bleu),
        RoughCount(check.needed_chrf),
        check.basis == "chrF" ? "chrF" : "chrF and on all pairs together");
  }
  return text;
}

std::string Format(const SamplePlan& plan) {
  return FormatUnreached(plan) +
         fmt::format(
             "auto: {} sentences a language, by the variance of {} of the baseline's "
             "translations, for a power of {:.0f} %{}\n",
             plan.samples_per_language, plan.pilot_samples, kPower * 100,
             plan.reached ? "" : " where it is in reach");
}

}  // namespace dragoman
