// Taking, giving back and growing.
#include "translate/kv_pool.h"

#include <algorithm>

namespace dragoman {
namespace {

constexpr int64_t kClassTokens = 64;

int64_t ClassOf(int64_t tokens) {
  return (tokens + kClassTokens - 1) / kClassTokens * kClassTokens;
}

}  // namespace

Result<std::unique_ptr<KvCache>> KvPool::Take(int64_t tokens) {
  const int64_t size_class = ClassOf(tokens);
  const auto fits = [&](const auto& cache) { return cache->max_tokens() == size_class; };
  const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
  if (found != idle_.end()) {
    std::unique_ptr<KvCache> cache = std::move(*found);
    idle_.erase(found);
    cache->Reset();
    return cache;
  }
  if (!idle_.empty()) {
    size_bytes_ -= idle_.front()->size_bytes();
    idle_.pop_front();
  }
  DRAGOMAN_ASSIGN_OR_RETURN(
      std::unique_ptr<KvCache> cache,
      KvCache::Create(model_.backend(), model_.config(), size_class, chunk_tokens_));
  size_bytes_ += cache->size_bytes();
  return cache;
}

void KvPool::GiveBack(std::unique_ptr<KvCache> cache) {
  if (cache != nullptr) idle_.push_back(std::move(cache));
}

Result<void> KvPool::Grow(std::unique_ptr<KvCache>& cache, int64_t tokens) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> larger, Take(tokens));
  larger->CopyFrom(*cache);
  std::swap(cache, larger);
  GiveBack(std::move(larger));
  return {};
}

}  // namespace dragoman
