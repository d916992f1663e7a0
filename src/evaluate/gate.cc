// The decision rule, one check at a time. Losses are positive here: minus the delta.
#include "evaluate/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dragoman {
namespace {

double Loss(const Delta& delta) { return 0.0 - delta.percent; }  // not -x: no "-0.00" in a sentence
double LossLow(const Delta& delta) { return 0.0 - delta.percent_high; }
double LossHigh(const Delta& delta) { return 0.0 - delta.percent_low; }

std::string Say(const char* metric, const Delta& delta) {
  return fmt::format("{} loss {:.2f} % [{:.2f}, {:.2f}]", metric, Loss(delta), LossLow(delta),
                     LossHigh(delta));
}

// A claim, how likely it would seem true were it false, and what speaks for it.
struct Claim {
  double p = 1;
  const char* basis = "BLEU";
};

// BLEU alone where it has the power; else whichever of BLEU and chrF is surer, at the price of two
// tries (Bonferroni).
Claim Weigh(const Evidence& evidence, double bleu_p, double chrf_p) {
  if (evidence.samples < kFewestSentences) return {};
  if (evidence.bleu_can_tell()) return {bleu_p, "BLEU"};
  return {std::min(1.0, 2 * std::min(bleu_p, chrf_p)), bleu_p <= chrf_p ? "BLEU" : "chrF"};
}
Claim UnderMargin(const Evidence& evidence, double margin) {
  return Weigh(evidence, ChanceOfSeemingSmaller(evidence.bleu, margin),
               ChanceOfSeemingSmaller(evidence.chrf, margin * kChrfMarginShare));
}
Claim OverMargin(const Evidence& evidence, double margin) {
  return Weigh(evidence, ChanceOfSeemingLarger(evidence.bleu, margin),
               ChanceOfSeemingLarger(evidence.chrf, margin * kChrfMarginShare));
}
Claim OverFallback(const Evidence& evidence, double fallback) {
  return Weigh(evidence, ChanceOfSeemingLarger(evidence.bleu, fallback),
               ChanceOfSeemingLarger(evidence.chrf, fallback));
}

constexpr double kBeyondReach = 1e7;  // sentences

// Sentences at which the claim of the side it now seems to be on would just hold.
double SentencesToDecide(const Delta& delta, double margin, int64_t samples, double alpha) {
  const auto now = static_cast<double>(samples);
  if (delta.of_nothing) return 2 * kBeyondReach;
  return now * FactorToDecide(PercentLossOf(delta), margin, alpha, kBeyondReach / now);
}

std::string SayHowManyMore(const Evidence& evidence, double margin, double alpha) {
  const bool alone = evidence.bleu_can_tell();
  const double level = alone ? alpha : alpha / 2;
  double needed = SentencesToDecide(evidence.bleu, margin, evidence.samples, level);
  if (!alone) {
    needed = std::min(needed, SentencesToDecide(evidence.chrf, margin * kChrfMarginShare,
                                                evidence.samples, level));
  }
  if (needed > kBeyondReach)
    return "the loss lies so near its limit that no suite in reach would decide";
  const double more = std::max(needed - static_cast<double>(evidence.samples), 1.0);
  return RoughCount(more) + " more sentences would decide";
}

// The figures that a sentence about the check begins with.
std::string Figures(const Evidence& evidence) {
  if (evidence.bleu_can_tell()) return Say("BLEU", evidence.bleu);
  if (evidence.bleu.of_nothing) return "the baseline's BLEU is 0, " + Say("chrF", evidence.chrf);
  return fmt::format("{}, {} ({} sentences; BLEU alone needs {})", Say("BLEU", evidence.bleu),
                     Say("chrF", evidence.chrf), evidence.samples, RoughCount(evidence.bleu_needs));
}

double LimitOf(const char* basis, double margin) {
  return basis == std::string("chrF") ? margin * kChrfMarginShare : margin;
}

GateCheck Start(const std::string& name, double margin, const Evidence& evidence) {
  GateCheck check;
  check.name = name;
  check.limit_percent = margin;
  check.delta = evidence.bleu;
  return check;
}

GateCheck Conclude(GateCheck check, Decision verdict, bool shown, const char* basis,
                   std::string reason) {
  check.verdict = verdict;
  check.shown = shown;
  check.basis = basis;
  check.reason = check.name + ": " + std::move(reason);
  return check;
}

GateCheck NothingToLose(GateCheck check, const Evidence& evidence) {
  return Conclude(std::move(check), Decision::kReconsider, false, "no score",
                  fmt::format("the baseline itself scores 0 in BLEU and chrF on {} sentences; a "
                              "baseline without a match says nothing about the build",
                              evidence.samples));
}

GateCheck TooFew(GateCheck check, const Evidence& evidence) {
  return Conclude(std::move(check), Decision::kReconsider, false, "too few sentences",
                  fmt::format("{} at {} sentences; fewer than {} decide nothing",
                              Say("BLEU", evidence.bleu), evidence.samples, kFewestSentences));
}

// The three claims about a check, corrected already.
struct Claims {
  Claim under, over, fallback;
};

GateCheck Judge(GateCheck check, const Evidence& evidence, const Claims& claims,
                double fallback_percent, double alpha, double alpha_to_reach) {
  if (evidence.samples < kFewestSentences) return TooFew(std::move(check), evidence);
  if (evidence.bleu.of_nothing && evidence.chrf.of_nothing)
    return NothingToLose(std::move(check), evidence);
  const double margin = check.limit_percent;
  const auto say = [&evidence](const Claim& claim, const std::string& what, double limit) {
    const std::string metric = evidence.bleu_can_tell() ? "" : std::string(claim.basis) + " ";
    return fmt::format("{}: {}{} {:.2f} % (p = {:.2g})", Figures(evidence), metric, what, limit,
                       claim.p);
  };
  if (claims.fallback.p <= alpha) {
    return Conclude(std::move(check), Decision::kFallback, true, claims.fallback.basis,
                    say(claims.fallback, "shown to be over", fallback_percent));
  }
  if (claims.over.p <= alpha) {
    return Conclude(
        std::move(check), Decision::kReconsider, true, claims.over.basis,
        say(claims.over, "shown to be over the limit of", LimitOf(claims.over.basis, margin)));
  }
  if (claims.under.p <= alpha) {
    return Conclude(std::move(check), Decision::kGo, true, claims.under.basis,
                    say(claims.under, "under the limit of", LimitOf(claims.under.basis, margin)));
  }
  return Conclude(std::move(check), Decision::kReconsider, false, "too few sentences",
                  fmt::format("{}: {} (limit {:.2f} %)", Figures(evidence),
                              SayHowManyMore(evidence, margin, alpha_to_reach), margin));
}

// A pair that neither can decide, beside all pairs together.
GateCheck LeanOnOthers(GateCheck check, const Evidence& own, const Evidence& pooled, size_t pairs,
                       double alpha) {
  const bool open = !check.shown && own.samples >= kFewestSentences && !own.bleu_can_tell();
  if (!open || pairs < static_cast<size_t>(kFewestPooledPairs)) return check;
  const double limit = check.limit_percent * kChrfMarginShare;
  const double p = ChanceOfSeemingSmaller(pooled.chrf, limit);
  const bool apart = Loss(own.chrf) > limit || LossLow(own.chrf) > LossHigh(pooled.chrf) ||
                     ChanceOfSeemingLarger(own.bleu, check.limit_percent) <= alpha ||
                     ChanceOfSeemingLarger(own.chrf, limit) <= alpha;
  if (p > alpha || apart) return check;
  return Conclude(
      std::move(check), Decision::kGo, true, "pooled chrF",
      fmt::format("{}: nothing sets the pair apart from all {} pairs, whose {} is under chrF's "
                  "limit of {:.2f} % (p = {:.2g})",
                  Figures(own), pairs, Say("chrF", pooled.chrf), limit, p));
}

// The p-values of one claim of every pair, after Holm.
void CorrectFamily(std::vector<Claims>& claims, Claim Claims::*member) {
  std::vector<double> p_values;
  for (const Claims& one : claims) p_values.push_back((one.*member).p);
  const std::vector<double> adjusted = AdjustByHolm(p_values);
  for (size_t i = 0; i < claims.size(); ++i) (claims[i].*member).p = adjusted[i];
}

}  // namespace

double ChanceOfSeemingSmaller(const Delta& delta, double limit) {
  return delta.of_nothing ? 1 : ChanceOfSeemingSmaller(PercentLossOf(delta), limit);
}

double ChanceOfSeemingLarger(const Delta& delta, double limit) {
  return delta.of_nothing ? 1 : ChanceOfSeemingLarger(PercentLossOf(delta), limit);
}

std::vector<double> AdjustByHolm(std::span<const double> p_values) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&p_values](size_t a, size_t b) {
    return p_values[a] != p_values[b] ? p_values[a] < p_values[b] : a < b;
  });
  std::vector<double> adjusted(p_values.size());
  double highest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    highest = std::max(highest, std::min(1.0, left * p_values[order[rank]]));
    adjusted[order[rank]] = highest;
  }
  return adjusted;
}

std::string RoughCount(double count) {
  if (std::isinf(count)) return "more than can be told from these";
  const double whole = std::ceil(std::max(count, 0.0));
  const double digits = whole < 100 ? 0 : std::floor(std::log10(whole)) - 1;
  const double unit = std::pow(10, digits);
  std::string text = fmt::format("{:.0f}", std::ceil(whole / unit) * unit);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

GateCheck JudgeGroup(const std::string& name, double margin_percent, bool may_fall_back,
                     const Evidence& evidence, const GateLevels& levels) {
  const Claims claims = {UnderMargin(evidence, margin_percent),
                         OverMargin(evidence, margin_percent),
                         may_fall_back ? OverFallback(evidence, levels.fallback_percent) : Claim{}};
  return Judge(Start(name, margin_percent, evidence), evidence, claims, levels.fallback_percent,
               levels.alpha(), levels.alpha());
}

std::vector<GateCheck> JudgePairs(std::span<const PairEvidence> pairs, const Evidence& pooled,
                                  const GateLevels& levels) {
  std::vector<Claims> claims;
  for (const PairEvidence& pair : pairs) {
    claims.push_back({UnderMargin(pair.evidence, pair.margin_percent),
                      OverMargin(pair.evidence, pair.margin_percent),
                      OverFallback(pair.evidence, levels.fallback_percent)});
  }
  CorrectFamily(claims, &Claims::under);
  CorrectFamily(claims, &Claims::over);
  CorrectFamily(claims, &Claims::fallback);
  std::vector<GateCheck> checks;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const PairEvidence& pair = pairs[i];
    GateCheck check = Judge(Start(pair.pair + " loss", pair.margin_percent, pair.evidence),
                            pair.evidence, claims[i], levels.fallback_percent, levels.alpha(),
                            levels.alpha() / static_cast<double>(pairs.size()));
    check.of_one_pair = true;
    checks.push_back(
        LeanOnOthers(std::move(check), pair.evidence, pooled, pairs.size(), levels.alpha()));
  }
  return checks;
}

Decision Overall(std::span<const GateCheck> checks) {
  Decision decision = Decision::kGo;
  for (const GateCheck& check : checks) {
    if (check.verdict == Decision::kGo) continue;
    if (check.verdict == Decision::kFallback && !check.of_one_pair) return Decision::kFallback;
    decision = Decision::kReconsider;
  }
  return decision;
}

double UpperTailOfFairCoins(int64_t k, int64_t n) {
  if (k <= 0) return 1;
  double tail = 0;
  const auto size = static_cast<double>(n);
  for (int64_t i = k; i <= n; ++i) {
    const auto heads = static_cast<double>(i);
    tail += std::exp(std::lgamma(size + 1) - std::lgamma(heads + 1) -
                     std::lgamma(size - heads + 1) - size * std::log(2.0));
  }
  return std::min(tail, 1.0);
}

GateCheck JudgeCounts(const std::string& name, int64_t only_quantized, int64_t only_baseline,
                      int64_t checked) {
  constexpr double kSignificant = 0.05;
  GateCheck check;
  check.name = name;
  const auto net = static_cast<double>(only_baseline - only_quantized);
  check.delta.percent = checked == 0 ? 0 : 100 * net / static_cast<double>(checked);
  check.delta.points = check.delta.percent_low = check.delta.percent_high = check.delta.percent;
  const double chance = UpperTailOfFairCoins(only_quantized, only_quantized + only_baseline);
  const bool worse = only_quantized > only_baseline && chance < kSignificant;
  return Conclude(
      std::move(check), worse ? Decision::kReconsider : Decision::kGo, true, "counts",
      fmt::format("{} of {} outputs became worse, {} better{}", only_quantized, checked,
                  only_baseline,
                  worse ? fmt::format(" (by chance in {:.1f} % of cases)", chance * 100) : ""));
}

}  // namespace dragoman
