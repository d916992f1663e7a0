// `--samples-per-language auto`: a pilot of the baseline, and the size that follows from it.
#ifndef DRAGOMAN_API_SAMPLE_PLAN_H_
#define DRAGOMAN_API_SAMPLE_PLAN_H_

#include <string>

#include "dragoman/report.h"
#include "dragoman/result.h"
#include "evaluate/benchmark.h"
#include "evaluate/sample_size.h"
#include "evaluate/suite.h"

namespace dragoman::api {

// `pilot`: results JSON of the baseline, or the baseline itself, which then translates the first
// kPilotSentences of each pair as `run` says. `whole`: all that the suite has.
Result<SamplePlan> PlanForSuite(const Suite& whole, const std::string& pilot,
                                const dragoman::BenchmarkOptions& run);

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_SAMPLE_PLAN_H_
