// Greedy decoding of many prompts in step. Sequences join the batch when a place is free and leave
// when they end, so the batch stays full; prompts are read in chunks beside the others' next
// tokens.
//
// What a sequence yields depends on its prompt alone: chunk borders and cache sizes come from its
// own length, and the backend computes every row the same whatever rows are beside it. For the same
// reason tokens may be guessed ahead and checked in one step (translate/speculation.h).
#ifndef DRAGOMAN_TRANSLATE_BATCH_DECODER_H_
#define DRAGOMAN_TRANSLATE_BATCH_DECODER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/process_stats.h"
#include "dragoman/result.h"
#include "model/gemma3.h"
#include "translate/kv_pool.h"
#include "translate/prefix_cache.h"
#include "translate/repetition.h"
#include "translate/speculation.h"
#include "translate/speculator.h"

namespace dragoman {

struct DecodeJob {
  std::shared_ptr<const std::vector<int32_t>> prefix;  // shared by a language pair; null: none
  std::vector<int32_t> prompt;                         // what follows it; not empty
  int64_t max_new_tokens = 1;                          // >= 1
  bool stop_on_repetition = true;
};

struct DecodedSequence {
  std::vector<int32_t> ids;  // the end token included when reached
  bool reached_end = false;
  bool repeated = false;  // stopped in a loop
  // Since the call to Run: joined the batch, first token, last token.
  double joined_ms = 0, first_token_ms = 0, finished_ms = 0;
};

class BatchDecoder {
 public:
  // end_ids: every token that ends a sequence. The model must outlive the object.
  BatchDecoder(Gemma3& model, std::vector<int32_t> end_ids);

  struct Callbacks {
    std::function<void(size_t job, int32_t id)> on_token;  // end tokens too
    std::function<void(size_t job)> on_finished;
  };
  // Results in the order of the jobs; they join in `joining_order` (every job's index once).
  // Requires max_batch >= 1. When memory runs out the batch shrinks; kOutOfMemory only when not
  // even one sequence fits. `speculate` changes the time it takes, never the ids.
  Result<std::vector<DecodedSequence>> Run(std::span<const DecodeJob> jobs,
                                           std::span<const size_t> joining_order, int max_batch,
                                           const Callbacks& callbacks,
                                           Speculate speculate = Speculate::kOff);
  bool IsEnd(int32_t id) const;

  // Guesses with it from now on. It must share the model's backend.
  void SetDraft(std::unique_ptr<DraftModel> draft) { speculator_.SetDraft(std::move(draft)); }
  const SpeculationCounts& speculation() const { return speculator_.counts(); }

  uint64_t cache_bytes() const {
    return pool_.size_bytes() + prefixes_.size_bytes() + speculator_.cache_bytes();
  }
  size_t cached_prefixes() const { return prefixes_.size(); }

 private:
  friend class DecodeRun;
  Gemma3& model_;
  const std::vector<int32_t> end_ids_;
  KvPool pool_;
  PrefixCache prefixes_;
  Speculator speculator_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_BATCH_DECODER_H_
