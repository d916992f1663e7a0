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
    idle_bytes_ -= cache->size_bytes();
    cache->Reset();
    CountTaken(*cache);
    return cache;
  }
  auto created = KvCache::Create(model_.backend(), model_.config(), size_class, chunk_tokens_);
  if (!created && created.error().code == ErrorCode::kOutOfMemory && !idle_.empty()) {
    DropIdleAbove(0);
    created = KvCache::Create(model_.backend(), model_.config(), size_class, chunk_tokens_);
  }
  if (!created) return created;
  CountTaken(**created);
  return created;
}

void KvPool::GiveBack(std::unique_ptr<KvCache> cache) {
  if (cache == nullptr) return;
  taken_bytes_ -= cache->size_bytes();
  idle_bytes_ += cache->size_bytes();
  idle_.push_back(std::move(cache));
}

void KvPool::CountTaken(const KvCache& cache) {
  taken_bytes_ += cache.size_bytes();
  peak_taken_bytes_ = std::max(peak_taken_bytes_, taken_bytes_);
  const uint64_t most_bytes = peak_taken_bytes_ + peak_taken_bytes_ / 4;
  DropIdleAbove(most_bytes - taken_bytes_);
}

void KvPool::DropIdleAbove(uint64_t bytes) {
  while (idle_bytes_ > bytes) {
    idle_bytes_ -= idle_.front()->size_bytes();
    idle_.pop_front();
  }
}

Result<void> KvPool::Grow(std::unique_ptr<KvCache>& cache, int64_t tokens) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> larger, Take(tokens));
  larger->CopyFrom(*cache);
  std::swap(cache, larger);
  GiveBack(std::move(larger));
  return {};
}

}  // namespace dragoman
