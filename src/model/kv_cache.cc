// Allocation of the rings, and copying of a prefix from one cache to another through the backend.
#include "model/kv_cache.h"

#include <fmt/format.h>

#include <algorithm>

namespace dragoman {

Result<std::unique_ptr<KvCache>> KvCache::Create(Backend& backend, const Gemma3Config& config,
                                                 int64_t max_tokens, int64_t max_chunk_tokens) {
  if (max_tokens < 1 || max_chunk_tokens < 1 || max_tokens > kMaxContext ||
      max_chunk_tokens > kMaxContext) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("key-value cache: expected 1 to {} positions, found {} in chunks of {}",
                            kMaxContext, max_tokens, max_chunk_tokens));
  }
  std::unique_ptr<KvCache> cache(new KvCache(backend));
  cache->row_elems_ = config.kv_heads * config.head_dim;
  cache->window_ = config.sliding_window;
  cache->max_tokens_ = max_tokens;
  cache->max_chunk_tokens_ = std::min(max_chunk_tokens, max_tokens);
  // The oldest key that the first row of a chunk sees must outlive the storing of the chunk's last
  // row.
  const int64_t ring = config.sliding_window + cache->max_chunk_tokens_ - 1;
  for (const bool local : config.layer_is_local) {
    Layer layer;
    layer.local = local;
    layer.capacity = local ? std::min(ring, max_tokens) : max_tokens;
    const int64_t elems = layer.capacity * cache->row_elems_;  // below 2^28 * 2^20
    layer.keys = backend.Allocate(elems);
    layer.values = backend.Allocate(elems);
    cache->layers_.push_back(layer);
    if (layer.keys == nullptr || layer.values == nullptr) {
      return Fail(ErrorCode::kOutOfMemory,
                  fmt::format("key-value cache of {} tokens: no memory for layer {}", max_tokens,
                              cache->layers_.size() - 1));
    }
    cache->size_bytes_ += 2 * static_cast<uint64_t>(elems) * sizeof(float);
  }
  return cache;
}

KvCache::~KvCache() {
  for (const Layer& layer : layers_) {
    if (layer.keys != nullptr) backend_.Free(layer.keys);
    if (layer.values != nullptr) backend_.Free(layer.values);
  }
}

// A ring of window + chunk - 1 positions that holds up to `length_` still has the window before
// length_ - chunk, and loses none of it by being rolled back and written again up to here.
void KvCache::Advance(int64_t tokens) {
  length_ += tokens;
  lowest_length_ = std::max(lowest_length_, length_ - max_chunk_tokens_);
}

void KvCache::RollBack(int64_t length) {
  DRAGOMAN_CHECK(lowest_length_ <= length && length <= length_);
  length_ = length;
}

void KvCache::CopyFrom(const KvCache& other) {
  DRAGOMAN_CHECK(other.length_ <= max_tokens_ && other.layers_.size() == layers_.size() &&
                 other.row_elems_ == row_elems_);
  length_ = lowest_length_ = other.length_;  // no more than the next query sees is copied
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& from = other.layers_[i];
    const Layer& to = layers_[i];
    // A local layer's next query sees window - 1 earlier positions at most.
    int64_t position = from.local ? std::max<int64_t>(0, length_ - (window_ - 1)) : 0;
    while (position < length_) {
      const int64_t slot = position % from.capacity;
      const int64_t run = std::min(length_ - position, from.capacity - slot);
      backend_.StoreKv(from.keys + slot * row_elems_, run, row_elems_, position, to.capacity,
                       to.keys);
      backend_.StoreKv(from.values + slot * row_elems_, run, row_elems_, position, to.capacity,
                       to.values);
      position += run;
    }
  }
}

}  // namespace dragoman
