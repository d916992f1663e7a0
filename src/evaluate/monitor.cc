#include "evaluate/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/random.h"
#include "evaluate/fault_comparison.h"
#include "evaluate/gate.h"
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

double RedrawnMean(const std::vector<double>& values, Random& random) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += values[random.Below(values.size())];
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// recent minus reference, with a percentile bootstrap of the two independent samples. An empty
// reference stands for zero: then it is the mean of paired differences.
Change ChangeOfMeans(const std::vector<double>& reference, const std::vector<double>& recent,
                     const MonitorOptions& options) {
  Change change;
  if (recent.empty()) return change;
  change.value = MeanOf(recent) - MeanOf(reference);
  Random random(options.seed);
  std::vector<double> draws;
  for (int i = 0; i < options.draws; ++i)
    draws.push_back(RedrawnMean(recent, random) - RedrawnMean(reference, random));
  std::sort(draws.begin(), draws.end());
  change.low = Quantile(draws, (1 - options.confidence) / 2);
  change.high = Quantile(draws, (1 + options.confidence) / 2);
  return change;
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

void CompareCorrections(const Rescored& recent, MonitorReport& report) {
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
  report.correction = ChangeOfMeans({}, differences, report.options);
}

// The agreement's verdict, with its sentence.
DriftVerdict JudgeAgreement(MonitorReport& report) {
  const double margin = report.options.max_agreement_loss;
  const int64_t fewest = std::min(report.reference.rescored, report.recent.rescored);
  const std::string said =
      fmt::format("agreement with the baseline {:.2f} then, {:.2f} now: {:+.2f} [{:+.2f}, {:+.2f}]",
                  report.reference.agreement, report.recent.agreement, report.agreement.value,
                  report.agreement.low, report.agreement.high);
  if (fewest < kFewestSentences) {
    report.reasons.push_back(fmt::format("{}; expected {} requests of each period, found {}", said,
                                         kFewestSentences, fewest));
    return DriftVerdict::kUndecided;
  }
  if (report.agreement.high < -margin) {
    report.reasons.push_back(fmt::format("{}, a loss over {:.2f}", said, margin));
    return DriftVerdict::kDrift;
  }
  if (report.agreement.low > -margin) {
    report.reasons.push_back(fmt::format("{}, no loss of {:.2f}", said, margin));
    return DriftVerdict::kNoDrift;
  }
  const double half = (report.agreement.high - report.agreement.low) / 2;
  const double room = std::abs(margin + report.agreement.value);
  std::string more;
  if (room > half / 20) {
    more = fmt::format("; about {:.0f} requests a period would decide",
                       std::ceil(static_cast<double>(fewest) * half * half / (room * room)));
  }
  report.reasons.push_back(fmt::format("{}, around the limit of -{:.2f}{}", said, margin, more));
  return DriftVerdict::kUndecided;
}

// What is drift whatever the agreement says: more votes against, more errors, faults that the
// baseline does not make and that the reference period did not show, losses against corrections.
bool OtherDrift(const std::vector<FaultComparison>& before, MonitorReport& report) {
  const size_t said = report.reasons.size();
  const auto more = [&report](const char* what, const Rate& then, const Rate& now,
                              const Change& change) {
    if (then.of < kFewestSentences || now.of < kFewestSentences || change.low <= 0) return;
    report.reasons.push_back(
        fmt::format("more {}: {} of {} then, {} of {} now ({:+.1f} % [{:+.1f}, "
                    "{:+.1f}])",
                    what, then.count, then.of, now.count, now.of, 100 * change.value,
                    100 * change.low, 100 * change.high));
  };
  more("votes against", report.reference.down_votes, report.recent.down_votes, report.down_votes);
  more("errors", report.reference.errors, report.recent.errors, report.errors);
  for (size_t i = 0; i < report.faults.size(); ++i) {
    const FaultComparison& fault = report.faults[i];
    const Change grown = ChangeOfShares(before[i].quantized, fault.quantized);
    if (!fault.worse || grown.low <= 0) continue;
    report.reasons.push_back(
        fmt::format("more {} than the baseline and than before: {} of {} now, {} of {} then",
                    FaultName(fault.fault), fault.quantized.count, fault.quantized.of,
                    before[i].quantized.count, before[i].quantized.of));
  }
  if (report.corrected >= kFewestSentences &&
      report.correction.high < -report.options.max_agreement_loss) {
    report.reasons.push_back(fmt::format(
        "against users' corrections production loses to the baseline: {:+.2f} chrF "
        "[{:+.2f}, {:+.2f}] over {}",
        report.correction.value, report.correction.low, report.correction.high, report.corrected));
  }
  return report.reasons.size() > said;
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
  MonitorReport report;
  report.options = options;
  const std::vector<double> then = MeasurePeriod(reference, report.reference);
  const std::vector<double> now = MeasurePeriod(recent, report.recent);
  report.agreement = ChangeOfMeans(then, now, options);
  report.down_votes = ChangeOfShares(report.reference.down_votes, report.recent.down_votes);
  report.errors = ChangeOfShares(report.reference.errors, report.recent.errors);
  report.faults = FaultsOf(recent);
  CompareCorrections(recent, report);
  report.verdict = JudgeAgreement(report);
  if (OtherDrift(FaultsOf(reference), report)) report.verdict = DriftVerdict::kDrift;
  return report;
}

}  // namespace dragoman
