// A benchmark run that several processes share.
//
// Rank 0 keeps the predictions file and says what is missing in it; the k-th missing sentence goes
// to rank k modulo their number. Each process appends what it translates to a file of its own
// machine (a part, predictions_file.h), so that nothing finished is lost when one is killed; in the
// end rank 0 gathers all, in messages, and scores. So machines need no file system in common. What
// is translated does not depend on the split, because outputs depend on no batch; processes that
// would round otherwise (another device or model) are refused.
#ifndef DRAGOMAN_EVALUATE_SHARED_RUN_H_
#define DRAGOMAN_EVALUATE_SHARED_RUN_H_

#include <span>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "dragoman/result.h"
#include "evaluate/benchmark.h"
#include "evaluate/predictions_file.h"
#include "evaluate/process_group.h"

namespace dragoman {

// TranslateSuite (benchmark.h), called by every process of the group. Errors besides: what another
// process failed of, the same in all; kInvalidArgument when `identity` is not the same in all.
Result<void> TranslateSuiteTogether(const Suite& suite, const BenchmarkOptions& options,
                                    const OrderedJson& identity, const TranslateChunk& translate,
                                    ProcessGroup& group, BenchmarkResult& result);

// A prediction of every sample, filled from the file; returns the samples that it does not hold.
// `file` may be null.
std::vector<size_t> TakeHeld(const Suite& suite, const PredictionsFile* file,
                             std::vector<Prediction>& predictions);
// Translates these samples into `predictions`, chunk by chunk, and appends each chunk. `file` and
// `progress` may be null.
Result<void> TranslateMissing(const Suite& suite, const BenchmarkOptions& options,
                              std::span<const size_t> missing, const TranslateChunk& translate,
                              PredictionsFile* file, Progress* progress,
                              std::vector<Prediction>& predictions);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SHARED_RUN_H_
