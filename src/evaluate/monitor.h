// Has a deployed build drifted? Production's outputs against what the baseline build makes of the
// same requests, now against then.
#ifndef DRAGOMAN_EVALUATE_MONITOR_H_
#define DRAGOMAN_EVALUATE_MONITOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/compare.h"
#include "evaluate/feedback_log.h"
#include "evaluate/rate.h"
#include "evaluate/suite.h"

namespace dragoman {

enum class DriftVerdict { kNoDrift, kUndecided, kDrift };
const char* DriftName(DriftVerdict verdict);  // "NO DRIFT", "UNDECIDED", "DRIFT"
int ExitCodeOf(DriftVerdict verdict);         // 0, 3, 4

struct MonitorOptions {
  double max_agreement_loss = 2.0;  // points of chrF
  int64_t max_samples = 500;        // rescored of each period; 0: all
  uint64_t seed = 12345;
  double confidence = 0.95;
  // The how-manieth look at this deployment; 0: the only one. Who looks often sees something by
  // chance sooner or later, so look k may err in a share 1 / (k (k + 1)) of the cases: in all of
  // them together the shares sum to 1.
  int64_t look = 0;
  // The chance of a false DRIFT, and of a false NO DRIFT, that this look is allowed.
  double level() const {
    const auto k = static_cast<double>(look);
    return (1 - confidence) / 2 / (look > 0 ? k * (k + 1) : 1);
  }
};

// kInvalidArgument unless the limit is a number from 0 to 100, for NaN is under no limit and over
// none.
Result<void> CheckAgreementLimit(const MonitorOptions& options);

// A difference with its interval.
struct Change {
  double value = 0, low = 0, high = 0;
};

struct Period {
  int64_t records = 0, rescored = 0;
  std::string first, last;  // times, where there are any
  double agreement = 0;     // mean chrF of production's output, the baseline's taken as reference
  double identical_share = 0;
  Rate down_votes, errors;  // of those with a vote, of all
  double latency_p50_ms = 0, latency_p90_ms = 0, latency_p99_ms = 0;
};

// Something that would be drift. `chance`: of seeing as much of it, were there none; `adjusted`: by
// Holm for all signs that could have shown.
struct DriftSign {
  std::string name;
  double chance = 1, adjusted = 1;
  std::string said;
};

struct MonitorReport {
  MonitorOptions options;
  DriftVerdict verdict = DriftVerdict::kUndecided;
  std::vector<std::string> reasons;
  std::vector<DriftSign> signs;
  Period reference, recent;
  Change agreement;           // recent minus reference, points of chrF, at the look's level
  Change down_votes, errors;  // recent minus reference, shares
  // Recent outputs against the baseline's for the same requests, by kind of fault.
  std::vector<FaultComparison> faults;
  // Of recent requests that users corrected: mean chrF against the correction, production minus
  // baseline.
  int64_t corrected = 0;
  double production_chrf = 0, baseline_chrf = 0;
  Change correction;
};

// The log cut in two at the median time (or in the middle, where a record has no time): the earlier
// half is the reference. For want of a log of its own from the time of release.
void SplitByTime(std::vector<FeedbackRecord> records, std::vector<FeedbackRecord>& reference,
                 std::vector<FeedbackRecord>& recent);
// The records that can be rescored, at most so many, by seed; their order stays.
std::vector<FeedbackRecord> ChooseRecords(const std::vector<FeedbackRecord>& records,
                                          const MonitorOptions& options);
// As a suite for RunBenchmark: what the baseline is to translate.
Suite SuiteOf(const std::vector<FeedbackRecord>& records, const std::string& name);

// One period: all its records, those rescored, and what the baseline made of these, in their order.
struct Rescored {
  std::vector<FeedbackRecord> records, chosen;
  std::vector<Prediction> baseline;
};
// Errors: kInvalidArgument when the limit is none (CheckAgreementLimit), or records and
// translations do not belong together.
Result<MonitorReport> JudgeDrift(const Rescored& reference, const Rescored& recent,
                                 const MonitorOptions& options);

OrderedJson ToJson(const MonitorReport& report);
std::string Describe(const MonitorReport& report);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_MONITOR_H_
