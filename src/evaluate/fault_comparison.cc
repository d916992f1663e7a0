#include "evaluate/fault_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evaluate/gate.h"

namespace dragoman {
namespace {

constexpr double kLevel = 0.05;

struct Counts {
  int64_t both = 0, only_baseline = 0, only_quantized = 0, outputs = 0;
  int64_t baseline_possible = 0, quantized_possible = 0;
};

// Newcombe's method 10 for paired shares: two Wilson intervals joined, less what they have in
// common.
Delta PairedDifference(const Counts& counts) {
  Delta delta;
  if (counts.outputs == 0) return delta;
  const auto n = static_cast<double>(counts.outputs);
  const Rate base = WilsonRate(counts.both + counts.only_baseline, counts.outputs);
  const Rate build = WilsonRate(counts.both + counts.only_quantized, counts.outputs);
  const double p = base.share(), q = build.share();
  const double spread = p * (1 - p) * q * (1 - q);
  const double phi =
      spread > 0 ? (static_cast<double>(counts.both) / n - p * q) / std::sqrt(spread) : 0;
  const auto joined = [phi](double a, double b) {
    return std::sqrt(std::max(0.0, a * a - 2 * phi * a * b + b * b));
  };
  const double change = p - q;  // fewer faults are a gain
  delta.points = delta.percent = 100 * change;
  delta.percent_low = 100 * (change - joined(p - base.low, build.high - q));
  delta.percent_high = 100 * (change + joined(base.high - p, q - build.low));
  return delta;
}

// The level at which each fault is judged. Tarone: the smallest k such that no more than k faults
// could reach kLevel / k at all, given how often the two builds differ in them.
double JointLevel(const std::vector<FaultComparison>& faults) {
  for (size_t k = 1; k <= faults.size(); ++k) {
    const double level = kLevel / static_cast<double>(k);
    const auto able = std::count_if(faults.begin(), faults.end(), [&](const FaultComparison& one) {
      return std::exp2(-static_cast<double>(one.only_baseline + one.only_quantized)) < level;
    });
    if (static_cast<size_t>(able) <= k) return level;
  }
  return kLevel / static_cast<double>(std::max<size_t>(faults.size(), 1));
}

std::string Said(const Rate& rate) {
  return fmt::format("{} of {} ({:.1f} % [{:.1f}, {:.1f}])", rate.count, rate.of,
                     100 * rate.share(), 100 * rate.low, 100 * rate.high);
}

}  // namespace

std::vector<FaultComparison> CompareFaults(
    const std::vector<std::pair<const Prediction*, const Prediction*>>& matched) {
  std::array<Counts, kFaultCount> counts;
  for (const auto& both : matched) {
    const OutputChecks baseline = CheckOutput(*both.first);
    const OutputChecks quantized = CheckOutput(*both.second);
    for (size_t i = 0; i < kFaultCount; ++i) {
      Counts& one = counts[i];
      one.baseline_possible += baseline.possible[i] ? 1 : 0;
      one.quantized_possible += quantized.possible[i] ? 1 : 0;
      one.outputs += baseline.possible[i] || quantized.possible[i] ? 1 : 0;
      one.both += baseline.found[i] && quantized.found[i] ? 1 : 0;
      one.only_baseline += baseline.found[i] && !quantized.found[i] ? 1 : 0;
      one.only_quantized += !baseline.found[i] && quantized.found[i] ? 1 : 0;
    }
  }
  std::vector<FaultComparison> faults;
  for (size_t i = 0; i < kFaultCount; ++i) {
    const Counts& one = counts[i];
    FaultComparison fault;
    fault.fault = static_cast<Fault>(i);
    fault.baseline = WilsonRate(one.both + one.only_baseline, one.baseline_possible);
    fault.quantized = WilsonRate(one.both + one.only_quantized, one.quantized_possible);
    fault.only_baseline = one.only_baseline;
    fault.only_quantized = one.only_quantized;
    fault.delta = PairedDifference(one);
    fault.chance = UpperTailOfFairCoins(one.only_quantized, one.only_quantized + one.only_baseline);
    faults.push_back(fault);
  }
  const double level = JointLevel(faults);
  for (FaultComparison& fault : faults)
    fault.worse = fault.only_quantized > fault.only_baseline && fault.chance < level;
  return faults;
}

std::vector<GateCheck> JudgeFaults(const std::vector<FaultComparison>& faults) {
  std::vector<GateCheck> checks;
  for (const FaultComparison& fault : faults) {
    if (fault.baseline.of == 0 && fault.quantized.of == 0) continue;
    GateCheck check;
    check.name = FaultName(fault.fault);
    check.delta = fault.delta;
    check.verdict = fault.worse ? Decision::kReconsider : Decision::kGo;
    check.basis = "counts";
    check.reason = fmt::format(
        "{}: {} with the build, {} with the baseline; {} new, {} gone{}", check.name,
        Said(fault.quantized), Said(fault.baseline), fault.only_quantized, fault.only_baseline,
        fault.worse ? fmt::format(", by chance in {:.2f} % of cases", 100 * fault.chance) : "");
    checks.push_back(std::move(check));
  }
  return checks;
}

OrderedJson ToJson(const FaultComparison& fault) {
  OrderedJson json;
  json["fault"] = FaultKey(fault.fault);
  json["name"] = FaultName(fault.fault);
  json["baseline"] = ToJson(fault.baseline);
  json["quantized"] = ToJson(fault.quantized);
  json["only_baseline"] = fault.only_baseline;
  json["only_quantized"] = fault.only_quantized;
  json["change_percent"] = fault.delta.percent;
  json["change_interval"] = {fault.delta.percent_low, fault.delta.percent_high};
  json["chance"] = fault.chance;
  json["worse"] = fault.worse;
  return json;
}

}  // namespace dragoman
