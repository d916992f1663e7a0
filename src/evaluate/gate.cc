// The decision rule, one check at a time. Losses are positive here: minus the delta.
#include "evaluate/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dragoman {
namespace {

double Loss(const Delta& delta) { return 0.0 - delta.percent; }  // not -x: no "-0.00" in a sentence
double LossLow(const Delta& delta) { return 0.0 - delta.percent_high; }
double LossHigh(const Delta& delta) { return 0.0 - delta.percent_low; }
double HalfWidth(const Delta& delta) { return (delta.percent_high - delta.percent_low) / 2; }

bool Within(const Delta& delta, double margin) { return LossHigh(delta) < margin; }
bool Over(const Delta& delta, double margin) { return LossLow(delta) > margin; }

std::string Say(const char* metric, const Delta& delta) {
  return fmt::format("{} loss {:.2f} % [{:.2f}, {:.2f}]", metric, Loss(delta), LossLow(delta),
                     LossHigh(delta));
}

// Sentences at which the interval would just clear the margin, were the loss what it now seems to
// be.
double SentencesToDecide(const Delta& delta, double margin, int64_t samples) {
  const double distance = std::max(std::abs(margin - Loss(delta)), 1e-6);
  const double factor = HalfWidth(delta) / distance;
  return static_cast<double>(samples) * std::max(factor * factor, 1.0);
}

std::string SayHowMany(const Evidence& evidence, double margin) {
  const double needed =
      std::min(SentencesToDecide(evidence.bleu, margin, evidence.samples),
               SentencesToDecide(evidence.chrf, margin * kChrfMarginShare, evidence.samples));
  constexpr double kBeyondReach = 1e7;
  if (needed > kBeyondReach)
    return "the loss lies so near its limit that no suite in reach would decide";
  return fmt::format("about {:.0f} sentences would decide, if the loss stays where it seems to be",
                     std::ceil(needed));
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

GateCheck TooFew(GateCheck check, const Evidence& evidence) {
  return Conclude(std::move(check), Decision::kReconsider, false, "too few sentences",
                  fmt::format("{} at {} sentences; fewer than {} decide nothing",
                              Say("BLEU", evidence.bleu), evidence.samples, kFewestSentences));
}

GateCheck Undecided(GateCheck check, const Evidence& evidence, double margin) {
  return Conclude(
      std::move(check), Decision::kReconsider, false, "too few sentences",
      fmt::format("{}, {}, at {} sentences: not enough sentences to tell (limit {:.2f} %); {}",
                  Say("BLEU", evidence.bleu), Say("chrF", evidence.chrf), evidence.samples, margin,
                  SayHowMany(evidence, margin)));
}

}  // namespace

GateCheck JudgeGroup(const std::string& name, double margin, double fallback,
                     const Evidence& evidence) {
  GateCheck check = Start(name, margin, evidence);
  if (evidence.samples < kFewestSentences) return TooFew(std::move(check), evidence);
  const Delta& bleu = evidence.bleu;
  const Delta& chrf = evidence.chrf;
  const std::string said = Say("BLEU", bleu);
  if (fallback > 0 && Over(bleu, fallback)) {
    return Conclude(std::move(check), Decision::kFallback, true, "BLEU",
                    fmt::format("{}, shown to be over {:.2f} %", said, fallback));
  }
  if (Over(evidence.strict_bleu.value_or(bleu), margin)) {
    return Conclude(std::move(check), Decision::kReconsider, true, "BLEU",
                    fmt::format("{}, shown to be over the limit of {:.2f} %", said, margin));
  }
  if (Within(bleu, margin)) {
    return Conclude(std::move(check), Decision::kGo, true, "BLEU",
                    fmt::format("{}, under the limit of {:.2f} %", said, margin));
  }
  if (HalfWidth(bleu) <= margin) return Undecided(std::move(check), evidence, margin);

  // BLEU's interval is wider than the margin: chrF decides, unless BLEU's own best guess speaks
  // against it.
  const double chrf_margin = margin * kChrfMarginShare;
  const std::string both = fmt::format("{}, too wide to decide; {}", said, Say("chrF", chrf));
  if (fallback > 0 && Over(chrf, fallback)) {
    return Conclude(std::move(check), Decision::kFallback, true, "chrF",
                    fmt::format("{}, shown to be over {:.2f} %", both, fallback));
  }
  if (Over(evidence.strict_chrf.value_or(chrf), chrf_margin)) {
    return Conclude(
        std::move(check), Decision::kReconsider, true, "chrF",
        fmt::format("{}, shown to be over chrF's limit of {:.2f} %", both, chrf_margin));
  }
  if (Within(chrf, chrf_margin) && Loss(bleu) <= margin) {
    return Conclude(std::move(check), Decision::kGo, true, "chrF",
                    fmt::format("{}, under chrF's limit of {:.2f} %", both, chrf_margin));
  }
  return Undecided(std::move(check), evidence, margin);
}

GateCheck JudgePair(const std::string& pair, double margin, const Evidence& evidence,
                    const Delta& pooled_chrf, int64_t pooled_pairs) {
  GateCheck check = JudgeGroup(pair + " loss", margin, 0, evidence);
  // Only a pair whose own sentences leave the question open leans on the others.
  if (check.shown || evidence.samples < kFewestSentences || pooled_pairs < kFewestPooledPairs)
    return check;
  if (HalfWidth(evidence.bleu) <= margin) return check;  // BLEU can tell, and says "near the limit"
  const double chrf_margin = margin * kChrfMarginShare;
  const bool agrees = LossLow(evidence.chrf) <= LossHigh(pooled_chrf) &&
                      !Over(evidence.bleu, margin) && !Over(evidence.chrf, chrf_margin);
  if (!Within(pooled_chrf, chrf_margin) || !agrees) return check;
  return Conclude(
      std::move(check), Decision::kGo, true, "pooled chrF",
      fmt::format(
          "{}, {}: {} sentences alone cannot tell; nothing sets the pair apart from all {} pairs, "
          "whose pooled {} is under chrF's limit of {:.2f} %",
          Say("BLEU", evidence.bleu), Say("chrF", evidence.chrf), evidence.samples, pooled_pairs,
          Say("chrF", pooled_chrf), chrf_margin));
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
