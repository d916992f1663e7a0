#include "evaluate/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/random.h"
#include "evaluate/fault_comparison.h"
#include "evaluate/gate.h"
#include "evaluate/loss_estimate.h"
#include "evaluate/metrics/chrf.h"
#include "evaluate/resample.h"
#include "evaluate/suite_choice.h"

namespace dragoman {
namespace {

bool CanRescore(const FeedbackRecord& record) {
  return record.error.empty() && !record.source.empty();
}

double ChrfOf(const std::string& hypothesis, const std::string& reference) {
  const ChrfOptions options;
  return ComputeChrf(options, SentenceChrfStats(options, hypothesis, {&reference, 1}));
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// Sums of the powers of the differences from the mean: what the second and third say of the mean's
// error and skewness.
struct Scatter {
  double variance = 0, cubes = 0;  // of the mean
};
Scatter ScatterOf(const std::vector<double>& values) {
  const double mean = MeanOf(values), count = static_cast<double>(values.size());
  Scatter scatter;
  if (values.size() < 2) return scatter;
  for (const double value : values) {
    const double part = (value - mean) / count;
    scatter.variance += part * part * count / (count - 1);
    scatter.cubes += part * part * part;
  }
  return scatter;
}

// A loss between two periods, and the same seen from the other end: what the unseen request of
// either could be. One lost in the recent period makes the loss larger; one that was lost in the
// reference, too, makes it smaller.
struct LossOfPeriods {
  LossEstimate loss, gain;
};

// Were the true loss `limit`: the chance that it would seem as large as it does.
double ChanceOfSeemingLarger(const LossOfPeriods& estimate, double limit) {
  return std::max(ChanceOfSeemingLarger(estimate.loss, limit),
                  ChanceOfSeemingSmaller(estimate.gain, 0.0 - limit));
}

// The mean of the recent scores, below that of the reference's. An empty reference stands for zero:
// then it is the mean of paired differences. `worst_loss`: what a request could lose at most.
LossOfPeriods LossOfMeans(const std::vector<double>& reference, const std::vector<double>& recent,
                          double worst_loss) {
  LossEstimate loss;
  if (recent.empty()) return {};
  const Scatter then = ScatterOf(reference), now = ScatterOf(recent);
  loss.loss = MeanOf(reference) - MeanOf(recent);
  loss.error = std::sqrt(then.variance + now.variance);
  if (loss.error > 0) loss.skewness = (then.cubes - now.cubes) / std::pow(loss.error, 3);
  loss.heaviest = worst_loss / static_cast<double>(recent.size());
  const double unseen_then =
      reference.empty() ? 0 : worst_loss / static_cast<double>(reference.size());
  return {loss, {0.0 - loss.loss, loss.error, 0.0 - loss.skewness, unseen_then}};
}

Change ChangeFrom(const LossOfPeriods& estimate, double level) {
  const LossEstimate& loss = estimate.loss;
  return {0.0 - loss.loss, 0.0 - UpperLossBound(loss, level),
          std::max(0.0 - LowerLossBound(loss, level), UpperLossBound(estimate.gain, level))};
}

// Newcombe's hybrid score interval for the difference of two independent shares (1998).
Change ChangeOfShares(const Rate& reference, const Rate& recent) {
  Change change{0, -1, 1};
  if (reference.of == 0 || recent.of == 0) return change;
  const auto joined = [](double a, double b) { return std::sqrt(a * a + b * b); };
  change.value = recent.share() - reference.share();
  change.low =
      change.value - joined(recent.share() - recent.low, reference.high - reference.share());
  change.high =
      change.value + joined(recent.high - recent.share(), reference.share() - reference.low);
  return change;
}

void MeasureRecords(const std::vector<FeedbackRecord>& records, Period& period) {
  std::vector<double> latencies;
  int64_t down = 0, voted = 0, errors = 0;
  for (const FeedbackRecord& record : records) {
    voted += record.vote != Vote::kNone ? 1 : 0;
    down += record.vote == Vote::kDown ? 1 : 0;
    errors += record.error.empty() ? 0 : 1;
    if (record.latency_ms > 0) latencies.push_back(record.latency_ms);
    if (record.time.empty()) continue;
    if (period.first.empty() || record.time < period.first) period.first = record.time;
    period.last = std::max(period.last, record.time);
  }
  period.records = static_cast<int64_t>(records.size());
  period.down_votes = WilsonRate(down, voted);
  period.errors = WilsonRate(errors, period.records);
  std::sort(latencies.begin(), latencies.end());
  if (latencies.empty()) return;
  period.latency_p50_ms = Quantile(latencies, 0.50);
  period.latency_p90_ms = Quantile(latencies, 0.90);
  period.latency_p99_ms = Quantile(latencies, 0.99);
}

// Fills the period's figures; gives the agreement of every rescored record.
std::vector<double> MeasurePeriod(const Rescored& rescored, Period& period) {
  MeasureRecords(rescored.records, period);
  std::vector<double> agreements;
  int64_t identical = 0;
  for (size_t i = 0; i < rescored.chosen.size(); ++i) {
    const std::string& baseline = rescored.baseline[i].hypothesis;
    const std::string& production = rescored.chosen[i].translation;
    identical += baseline == production ? 1 : 0;
    agreements.push_back(baseline == production ? 100 : ChrfOf(production, baseline));
  }
  period.rescored = static_cast<int64_t>(agreements.size());
  period.agreement = MeanOf(agreements);
  period.identical_share = WilsonRate(identical, period.rescored).share();
  return agreements;
}

// Production's outputs as predictions, so that they are checked as the baseline's are.
std::vector<Prediction> ProductionOf(const Rescored& rescored) {
  std::vector<Prediction> all;
  for (size_t i = 0; i < rescored.chosen.size(); ++i) {
    Prediction one = rescored.baseline[i];
    one.hypothesis = rescored.chosen[i].translation;
    one.length_limit = rescored.chosen[i].length_limit;
    one.warnings.clear();
    all.push_back(std::move(one));
  }
  return all;
}

LossOfPeriods CompareCorrections(const Rescored& recent, MonitorReport& report) {
  std::vector<double> production, baseline, differences;
  for (size_t i = 0; i < recent.chosen.size(); ++i) {
    const std::string& correction = recent.chosen[i].correction;
    if (correction.empty()) continue;
    production.push_back(ChrfOf(recent.chosen[i].translation, correction));
    baseline.push_back(ChrfOf(recent.baseline[i].hypothesis, correction));
    differences.push_back(production.back() - baseline.back());
  }
  report.corrected = static_cast<int64_t>(differences.size());
  report.production_chrf = MeanOf(production);
  report.baseline_chrf = MeanOf(baseline);
  const LossOfPeriods loss = LossOfMeans({}, differences, 0);
  report.correction = ChangeFrom(loss, report.options.level());
  return loss;
}

// What is drift whatever the agreement says: more votes against, more errors.
void AddShare(const char* what, const Rate& then, const Rate& now, const Change& change,
              MonitorReport& report) {
  if (then.of < kFewestSentences || now.of < kFewestSentences) return;
  report.signs.push_back(
      {what, ChanceOfSoManyMore(then, now), 1,
       fmt::format("more {}: {} of {} then, {} of {} now ({:+.1f} % [{:+.1f}, {:+.1f}])", what,
                   then.count, then.of, now.count, now.of, 100 * change.value, 100 * change.low,
                   100 * change.high)});
}

// Faults that the baseline does not make and that the reference period did not show: both must be
// seen.
void AddFaults(const std::vector<FaultComparison>& before, MonitorReport& report) {
  for (size_t i = 0; i < report.faults.size(); ++i) {
    const FaultComparison& fault = report.faults[i];
    // With fewer differing requests nothing can be shown, so there is nothing to correct for
    // (Tarone).
    const auto differing = static_cast<double>(fault.only_baseline + fault.only_quantized);
    if (std::pow(0.5, differing) > report.options.level()) continue;
    const Rate& then = before[i].quantized;
    report.signs.push_back(
        {FaultName(fault.fault), std::max(fault.chance, ChanceOfSoManyMore(then, fault.quantized)),
         1,
         fmt::format("more {} than the baseline and than before: {} of {} now, {} of {} then",
                     FaultName(fault.fault), fault.quantized.count, fault.quantized.of, then.count,
                     then.of)});
  }
}

void AddCorrections(const LossOfPeriods& loss, MonitorReport& report) {
  if (report.corrected < kFewestSentences) return;
  report.signs.push_back(
      {"corrections", ChanceOfSeemingLarger(loss, report.options.max_agreement_loss), 1,
       fmt::format("against users' corrections production loses to the baseline: {:+.2f} chrF "
                   "[{:+.2f}, {:+.2f}] over {}",
                   report.correction.value, report.correction.low, report.correction.high,
                   report.corrected)});
}

int64_t FewestRescored(const MonitorReport& report) {
  return std::min(report.reference.rescored, report.recent.rescored);
}

std::string SayAgreement(const MonitorReport& report) {
  return fmt::format(
      "agreement with the baseline {:.2f} then, {:.2f} now: {:+.2f} [{:+.2f}, {:+.2f}]",
      report.reference.agreement, report.recent.agreement, report.agreement.value,
      report.agreement.low, report.agreement.high);
}

void AddAgreement(const LossOfPeriods& loss, MonitorReport& report) {
  if (FewestRescored(report) < kFewestSentences) return;
  const double limit = report.options.max_agreement_loss;
  report.signs.push_back({"agreement", ChanceOfSeemingLarger(loss, limit), 1,
                          fmt::format("{}, a loss over {:.2f}", SayAgreement(report), limit)});
}

// Whether any sign is there, all of them considered.
bool SignsShow(MonitorReport& report) {
  std::vector<double> chances;
  for (const DriftSign& sign : report.signs) chances.push_back(sign.chance);
  const std::vector<double> adjusted = AdjustByHolm(chances);
  for (size_t i = 0; i < adjusted.size(); ++i) {
    report.signs[i].adjusted = adjusted[i];
    if (adjusted[i] <= report.options.level()) report.reasons.push_back(report.signs[i].said);
  }
  return !report.reasons.empty();
}

// Where no sign shows: NO DRIFT when the agreement is shown to have lost less than the limit.
DriftVerdict JudgeAgreement(const LossEstimate& loss, MonitorReport& report) {
  const double limit = report.options.max_agreement_loss;
  const int64_t fewest = FewestRescored(report);
  const std::string said = SayAgreement(report);
  if (fewest < kFewestSentences) {
    report.reasons.push_back(fmt::format("{}; expected {} requests of each period, found {}", said,
                                         kFewestSentences, fewest));
    return DriftVerdict::kUndecided;
  }
  const double level = report.options.level();
  if (ChanceOfSeemingSmaller(loss, limit) <= level) {
    report.reasons.push_back(fmt::format("{}, no loss of {:.2f}", said, limit));
    return DriftVerdict::kNoDrift;
  }
  constexpr double kMost = 1e4;  // times as many requests
  const double needed = static_cast<double>(fewest) * FactorToDecide(loss, limit, level, kMost);
  const std::string more =
      std::isinf(needed)
          ? ""
          : fmt::format("; about {} requests a period would decide", RoughCount(needed));
  report.reasons.push_back(fmt::format("{}, around the limit of -{:.2f}{}", said, limit, more));
  return DriftVerdict::kUndecided;
}

std::vector<FaultComparison> FaultsOf(const Rescored& rescored) {
  const std::vector<Prediction> production = ProductionOf(rescored);
  std::vector<std::pair<const Prediction*, const Prediction*>> matched;
  for (size_t i = 0; i < production.size(); ++i)
    matched.emplace_back(&rescored.baseline[i], &production[i]);
  return CompareFaults(matched);
}

Result<void> CheckBelongs(const Rescored& rescored) {
  bool equal = rescored.chosen.size() == rescored.baseline.size();
  for (size_t i = 0; equal && i < rescored.chosen.size(); ++i)
    equal = rescored.chosen[i].source == rescored.baseline[i].source;
  if (equal) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected the baseline's translation of each of {} requests, in order",
                          rescored.chosen.size()));
}

}  // namespace

Result<void> CheckAgreementLimit(const MonitorOptions& options) {
  const double limit = options.max_agreement_loss;
  if (limit >= 0 && limit <= 100) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a limit from 0 to 100 points of chrF, found {}", limit),
              "--max-agreement-loss");
}

const char* DriftName(DriftVerdict verdict) {
  switch (verdict) {
    case DriftVerdict::kNoDrift:
      return "NO DRIFT";
    case DriftVerdict::kDrift:
      return "DRIFT";
    case DriftVerdict::kUndecided:
      break;
  }
  return "UNDECIDED";
}

int ExitCodeOf(DriftVerdict verdict) {
  if (verdict == DriftVerdict::kNoDrift) return 0;
  return verdict == DriftVerdict::kDrift ? 4 : 3;
}

void SplitByTime(std::vector<FeedbackRecord> records, std::vector<FeedbackRecord>& reference,
                 std::vector<FeedbackRecord>& recent) {
  const bool timed = std::all_of(records.begin(), records.end(),
                                 [](const FeedbackRecord& one) { return !one.time.empty(); });
  if (timed) {
    std::stable_sort(
        records.begin(), records.end(),
        [](const FeedbackRecord& a, const FeedbackRecord& b) { return a.time < b.time; });
  }
  const auto middle = records.begin() + static_cast<std::ptrdiff_t>(records.size() / 2);
  reference.assign(records.begin(), middle);
  recent.assign(middle, records.end());
}

std::vector<FeedbackRecord> ChooseRecords(const std::vector<FeedbackRecord>& records,
                                          const MonitorOptions& options) {
  std::vector<size_t> usable;
  for (size_t i = 0; i < records.size(); ++i) {
    if (CanRescore(records[i])) usable.push_back(i);
  }
  const auto count = options.max_samples <= 0
                         ? usable.size()
                         : std::min(usable.size(), static_cast<size_t>(options.max_samples));
  Random random(options.seed);
  for (size_t i = 0; i < count; ++i)
    std::swap(usable[i], usable[i + random.Below(usable.size() - i)]);
  usable.resize(count);
  std::sort(usable.begin(), usable.end());
  std::vector<FeedbackRecord> chosen;
  for (const size_t i : usable) chosen.push_back(records[i]);
  return chosen;
}

Suite SuiteOf(const std::vector<FeedbackRecord>& records, const std::string& name) {
  Suite suite;
  suite.name = name;
  suite.format = "feedback";
  for (const FeedbackRecord& record : records) {
    SuiteSample sample;
    sample.id = record.id;
    sample.source_lang = record.source_lang;
    sample.target_lang = record.target_lang;
    sample.source = record.source;
    sample.domain = "edge:production";  // no reference, so it is never scored against one
    suite.samples.push_back(std::move(sample));
  }
  suite.hash = HashOfSamples(suite.samples);
  return suite;
}

Result<MonitorReport> JudgeDrift(const Rescored& reference, const Rescored& recent,
                                 const MonitorOptions& options) {
  DRAGOMAN_RETURN_IF_ERROR(CheckBelongs(reference));
  DRAGOMAN_RETURN_IF_ERROR(CheckBelongs(recent));
  DRAGOMAN_RETURN_IF_ERROR(CheckAgreementLimit(options));
  MonitorReport report;
  report.options = options;
  const std::vector<double> then = MeasurePeriod(reference, report.reference);
  const std::vector<double> now = MeasurePeriod(recent, report.recent);
  constexpr double kAllOfIt = 100;  // points of chrF
  const LossOfPeriods agreement = LossOfMeans(then, now, kAllOfIt);
  report.agreement = ChangeFrom(agreement, options.level());
  report.down_votes = ChangeOfShares(report.reference.down_votes, report.recent.down_votes);
  report.errors = ChangeOfShares(report.reference.errors, report.recent.errors);
  report.faults = FaultsOf(recent);
  const LossOfPeriods corrections = CompareCorrections(recent, report);
  AddAgreement(agreement, report);
  AddShare("votes against", report.reference.down_votes, report.recent.down_votes,
           report.down_votes, report);
  AddShare("errors", report.reference.errors, report.recent.errors, report.errors, report);
  AddFaults(FaultsOf(reference), report);
  AddCorrections(corrections, report);
  report.verdict =
      SignsShow(report) ? DriftVerdict::kDrift : JudgeAgreement(agreement.loss, report);
  return report;
}

}  // namespace dragoman
