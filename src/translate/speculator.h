// Guesses for a batch in step, by copying from the source and by a draft, and what came of them.
//
// The rule, stated in docs/numerics.md as well: guesses are checked when more tokens a second are
// expected with them than without, by measured seconds of a step of so many rows and by how often
// guesses of their kind came true. Every 32nd step goes without, to keep the comparison fresh.
#ifndef DRAGOMAN_TRANSLATE_SPECULATOR_H_
#define DRAGOMAN_TRANSLATE_SPECULATOR_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dragoman/result.h"
#include "translate/draft_model.h"
#include "translate/speculation.h"

namespace dragoman {

// What is kept of one sequence while it decodes.
struct GuessState {
  CopyMatch copy;  // of the next token
  std::unique_ptr<KvCache> draft_cache;
  int64_t known_tokens = 0;    // prefix, prompt and output before this step
  std::vector<Guess> guesses;  // of this step, to be checked
  size_t accepted = 0;         // of them, from the first on
  bool rejected = false;       // the next one was not what the model says
};

// A sequence in a step: every one decodes.
struct GuessedSequence {
  const DecodeJob* job = nullptr;
  std::span<const int32_t> ids;  // decoded so far, not empty
  GuessState* state = nullptr;
};

class Speculator {
 public:
  explicit Speculator(std::vector<int32_t> end_ids) : end_ids_(std::move(end_ids)) {}
  void SetDraft(std::unique_ptr<DraftModel> draft) { draft_ = std::move(draft); }

  // Fills every state's guesses; none beyond the job's max_new_tokens. Errors: those of
  // DraftModel::Guess, except that a draft without memory is dropped.
  Result<void> Propose(Speculate mode, std::span<const GuessedSequence> sequences);
  // A token was decoded: counts whether copying would have guessed it, and looks where it leads.
  void Watch(const DecodeJob& job, std::span<const int32_t> ids, GuessState& state);
  // The step took so long and gave so many tokens; the states say which guesses were accepted.
  void Settle(std::span<GuessState* const> states, double seconds, int64_t tokens);
  void Release(GuessState& state);

  const SpeculationCounts& counts() const { return counts_; }
  uint64_t cache_bytes() const { return draft_ ? draft_->cache_bytes() : 0; }

 private:
  bool IsEnd(int32_t id) const;
  void Copy(std::span<const GuessedSequence> sequences);
  Result<void> Draft(Speculate mode, std::span<const GuessedSequence> sequences);
  // Those of the sequences that are worth another guess of the draft.
  std::vector<GuessedSequence> WorthDrafting(Speculate mode,
                                             std::span<const GuessedSequence> drafting,
                                             size_t batch) const;
  void Choose(std::span<const GuessedSequence> sequences);
  // What a step's guesses cost and gained, against a plain step of plain_seconds.
  void EnterLedgers(std::span<GuessState* const> states, double seconds, double plain_seconds);

  const std::vector<int32_t> end_ids_;
  std::unique_ptr<DraftModel> draft_;
  GuessRecord record_;
  StepCosts costs_, draft_costs_;
  GuessLedger copies_, drafts_;
  SpeculationCounts counts_;
  double draft_seconds_ = 0;   // of this step
  int steps_since_plain_ = 0;  // steps with guesses
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_SPECULATOR_H_
