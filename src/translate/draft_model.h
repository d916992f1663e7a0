// A second, smaller build that guesses what the model will say: the same vocabulary, its own
// caches.
#ifndef DRAGOMAN_TRANSLATE_DRAFT_MODEL_H_
#define DRAGOMAN_TRANSLATE_DRAFT_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3.h"
#include "text/tokenizer.h"
#include "translate/kv_pool.h"
#include "translate/prefix_cache.h"
#include "translate/speculation.h"

namespace dragoman {

struct DecodeJob;

// One sequence of a step: what is known of it, and what has been guessed so far.
struct DraftedSequence {
  const DecodeJob* job = nullptr;
  std::span<const int32_t> ids;               // decoded so far, not empty
  std::unique_ptr<KvCache>* cache = nullptr;  // the draft's; made when null
  std::vector<Guess>* guesses = nullptr;      // a guess is added at each call
};

class DraftModel {
 public:
  // Shares the backend of the model it guesses for. Errors: those of Gemma3::Load and
  // Tokenizer::ForCheckpoint; kInvalidArgument for another vocabulary, naming the first difference.
  static Result<std::unique_ptr<DraftModel>> Load(const std::string& path, Backend& backend,
                                                  const Gemma3Config& config,
                                                  const Tokenizer& tokenizer);
  explicit DraftModel(std::unique_ptr<Gemma3> model);

  // The next guess of every sequence, all in one step. Reads what the draft has not read yet: at
  // first the prompt, later the newest tokens or the last guess. Returns the rows of that step, 0
  // when a prompt was read. Errors: those of Gemma3::Forward.
  Result<int64_t> Guess(std::span<const DraftedSequence> sequences);
  // Forgets what follows the first `length` tokens of the sequence, if it has read so far.
  static void Forget(KvCache* cache, int64_t length);
  void Release(std::unique_ptr<KvCache> cache) { pool_.GiveBack(std::move(cache)); }

  uint64_t cache_bytes() const;

 private:
  Result<void> Prepare(const DraftedSequence& sequence);

  std::unique_ptr<Gemma3> model_;
  KvPool pool_;
  PrefixCache prefixes_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_DRAFT_MODEL_H_
