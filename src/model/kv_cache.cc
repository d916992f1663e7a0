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
  cache->type_ = backend.kv_type();
  const BlockTraits& traits = TraitsOf(cache->type_);
  if (config.head_dim % traits.block_elems != 0) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("key-value cache of {}: expected heads of a multiple of {} elements, "
                            "found {}",
                            traits.name, traits.block_elems, config.head_dim));
  }
  cache->row_bytes_ =
      config.kv_heads * config.head_dim / traits.block_elems * traits.block_bytes;
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
    const int64_t ring_bytes = layer.capacity * cache->row_bytes_;  // below 2^28 * 2^22
    const int64_t elems = (ring_bytes + 3) / 4;  // memory comes in float32
    layer.keys = backend.Allocate(elems);
    layer.values = backend.Allocate(elems);
    cache->layers_.push_back(layer);
    if (layer.keys == nullptr || layer.values == nullptr) {
      return Fail(ErrorCode::kOutOfMemory,
                  fmt::format("key-value cache of {} tokens: no memory for layer {}", max_tokens,
                              cache->layers_.size() - 1));
    }
    cache->size_bytes_ += 2 * static_cast<uint64_t>(ring_bytes);
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

void KvCache::CopyRun(const float* from, int64_t slot, int64_t tokens, int64_t position,
                      const Layer& to, float* ring) {
  const auto* rows = reinterpret_cast<const std::byte*>(from) + slot * row_bytes_;
  backend_.CopyRows(rows, tokens, row_bytes_, position, to.capacity, ring);
}

void KvCache::CopyFrom(const KvCache& other) {
  DRAGOMAN_CHECK(other.length_ <= max_tokens_ && other.layers_.size() == layers_.size() &&
                 other.row_bytes_ == row_bytes_ && other.type_ == type_);
  length_ = lowest_length_ = other.length_;  // no more than the next query sees is copied
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& from = other.layers_[i];
    const Layer& to = layers_[i];
    // A local layer's next query sees window - 1 earlier positions at most.
    int64_t position = from.local ? std::max<int64_t>(0, length_ - (window_ - 1)) : 0;
    while (position < length_) {
      const int64_t slot = position % from.capacity;
      const int64_t run = std::min(length_ - position, from.capacity - slot);
      CopyRun(from.keys, slot, run, position, to, to.keys);
      CopyRun(from.values, slot, run, position, to, to.values);
      position += run;
    }
  }
}

}  // namespace dragoman
