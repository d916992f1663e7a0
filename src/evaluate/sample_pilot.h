// A pilot of the baseline: its translations of the first sentences of each pair, by whose variance
// the size of a suite is planned (sample_size.h).
#ifndef DRAGOMAN_EVALUATE_SAMPLE_PILOT_H_
#define DRAGOMAN_EVALUATE_SAMPLE_PILOT_H_

#include <string>

#include "dragoman/result.h"
#include "evaluate/benchmark.h"
#include "evaluate/sample_size.h"
#include "evaluate/suite.h"

namespace dragoman {

// The first kPilotSentences of each pair, without edge cases: they are not scored. It keeps the
// hash of `whole`, so that a run of all of it goes on from the pilot's predictions.
Suite PilotOf(const Suite& whole);

// The plan for `whole`, by the results of a pilot or of any sentences of its pairs. `where` names
// them in errors. Errors: kInvalidArgument when a pair of the suite has no translation among them.
Result<SamplePlan> PlanByResults(const Suite& whole, const BenchmarkResult& pilot,
                                 const std::string& where);
// Translates the pilot with the model first.
Result<SamplePlan> PlanByPilot(const Suite& whole, const std::string& model_path,
                               const BenchmarkOptions& options);

// To people who watch, as lines of the log: `lines` are those of Format or FormatUnreached.
void SayBeforeTranslating(const std::string& lines);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SAMPLE_PILOT_H_
