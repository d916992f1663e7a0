// KV caches that outlive their sequences: the next sequence of the same size takes the memory over.
//
// Sizes are classes, chosen from a sequence's own length alone: what a sequence computes must not
// depend on who had the memory before it. Not thread-safe.
#ifndef DRAGOMAN_TRANSLATE_KV_POOL_H_
#define DRAGOMAN_TRANSLATE_KV_POOL_H_

#include <cstdint>
#include <deque>
#include <memory>

#include "dragoman/result.h"
#include "model/gemma3.h"

namespace dragoman {

class KvPool {
 public:
  KvPool(Gemma3& model, int64_t chunk_tokens) : model_(model), chunk_tokens_(chunk_tokens) {}

  // An empty cache for at least `tokens` positions. All caches together never hold more than 5/4 of
  // what was in use at once: the quarter saves sequences of mixed sizes from making and freeing
  // caches all the time. Errors: kOutOfMemory.
  Result<std::unique_ptr<KvCache>> Take(int64_t tokens);
  void GiveBack(std::unique_ptr<KvCache> cache);
  // A larger cache with the same contents; the old one goes back. Errors: kOutOfMemory (cache
  // untouched).
  Result<void> Grow(std::unique_ptr<KvCache>& cache, int64_t tokens);

  int64_t chunk_tokens() const { return chunk_tokens_; }
  // Idle and taken.
  uint64_t size_bytes() const { return taken_bytes_ + idle_bytes_; }

 private:
  void CountTaken(const KvCache& cache);
  // Frees the longest idle caches until no more than `bytes` are idle.
  void DropIdleAbove(uint64_t bytes);

  Gemma3& model_;
  const int64_t chunk_tokens_;
  std::deque<std::unique_ptr<KvCache>> idle_;  // longest idle first
  uint64_t idle_bytes_ = 0;
  uint64_t taken_bytes_ = 0;
  uint64_t peak_taken_bytes_ = 0;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_KV_POOL_H_
