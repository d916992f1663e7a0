// Keys and values of the prompt prefixes used last: a language pair's prefix is computed once.
#ifndef DRAGOMAN_TRANSLATE_PREFIX_CACHE_H_
#define DRAGOMAN_TRANSLATE_PREFIX_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3.h"

namespace dragoman {

class PrefixCache {
 public:
  static constexpr size_t kMaxPrefixes = 16;  // some 30 MB each for the 4B

  PrefixCache(Gemma3& model, int64_t chunk_tokens) : model_(model), chunk_tokens_(chunk_tokens) {}

  // The prefix's cache, computed if it is new; the least recently used one leaves. Valid until the
  // next call. Errors: those of Gemma3::Forward and KvCache::Create.
  Result<const KvCache*> Get(std::span<const int32_t> prefix);

  uint64_t size_bytes() const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::vector<int32_t> ids;
    std::unique_ptr<KvCache> cache;
  };
  Gemma3& model_;
  const int64_t chunk_tokens_;
  std::list<Entry> entries_;  // last used first
};

// Feeds `ids` to the model in chunks; no logits are computed.
Result<void> FillCache(Gemma3& model, KvCache& cache, std::span<const int32_t> ids);

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_PREFIX_CACHE_H_
