// Look-up, computation and eviction of prefixes.
#include "translate/prefix_cache.h"

#include <algorithm>

namespace dragoman {

Result<void> FillCache(Gemma3& model, KvCache& cache, std::span<const int32_t> ids) {
  while (!ids.empty()) {
    const size_t count = std::min(ids.size(), static_cast<size_t>(cache.max_chunk_tokens()));
    const SequenceChunk chunk{&cache, ids.first(count), false, true};
    DRAGOMAN_RETURN_IF_ERROR(model.Forward({&chunk, 1}));
    ids = ids.subspan(count);
  }
  return {};
}

Result<const KvCache*> PrefixCache::Get(std::span<const int32_t> prefix) {
  const auto same = [&](const Entry& entry) {
    return std::equal(entry.ids.begin(), entry.ids.end(), prefix.begin(), prefix.end());
  };
  const auto found = std::find_if(entries_.begin(), entries_.end(), same);
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().cache.get();
  }
  Entry entry{{prefix.begin(), prefix.end()}, nullptr};
  DRAGOMAN_ASSIGN_OR_RETURN(entry.cache,
                            KvCache::Create(model_.backend(), model_.config(),
                                            static_cast<int64_t>(prefix.size()), chunk_tokens_));
  DRAGOMAN_RETURN_IF_ERROR(FillCache(model_, *entry.cache, prefix));
  entries_.push_front(std::move(entry));
  if (entries_.size() > kMaxPrefixes) entries_.pop_back();
  return entries_.front().cache.get();
}

uint64_t PrefixCache::size_bytes() const {
  uint64_t bytes = 0;
  for (const Entry& entry : entries_) bytes += entry.cache->size_bytes();
  return bytes;
}

}  // namespace dragoman
