// Keys and values of one sequence: a ring per local layer, a growing array per global one.
//
// Rows are [kv_heads, head_dim] of the type that the backend was opened with (Backend::kv_type). A
// local layer keeps window + chunk - 1 positions, so
// memory of a long text grows only with its global layers. Not thread-safe.
#ifndef DRAGOMAN_MODEL_KV_CACHE_H_
#define DRAGOMAN_MODEL_KV_CACHE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "dragoman/result.h"
#include "kernels/kernels.h"
#include "model/gemma3_config.h"

namespace dragoman {

class KvCache {
 public:
  // max_tokens: positions the sequence may reach; max_chunk_tokens: rows of one forward call.
  // Errors: kOutOfMemory; kUnsupported (heads that are no whole blocks of the type).
  static Result<std::unique_ptr<KvCache>> Create(Backend& backend, const Gemma3Config& config,
                                                 int64_t max_tokens, int64_t max_chunk_tokens);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  // Tokens stored so far = position of the next one.
  int64_t length() const { return length_; }
  int64_t max_tokens() const { return max_tokens_; }
  int64_t max_chunk_tokens() const { return max_chunk_tokens_; }
  uint64_t size_bytes() const { return size_bytes_; }
  BlockType type() const { return type_; }
  void* keys(int64_t layer) { return layers_[static_cast<size_t>(layer)].keys; }
  void* values(int64_t layer) { return layers_[static_cast<size_t>(layer)].values; }
  int64_t capacity(int64_t layer) const { return layers_[static_cast<size_t>(layer)].capacity; }

  void Advance(int64_t tokens);
  void Reset() { length_ = lowest_length_ = 0; }
  // Forgets the newest positions: `length` remain. Requires lowest_length() <= length <= length().
  void RollBack(int64_t length);
  // No earlier position can be gone back to: a ring has overwritten what it would see. Always at
  // most length() - (rows of the last chunk).
  int64_t lowest_length() const { return lowest_length_; }
  // Becomes a copy of `other` (same model and type; a shared prompt prefix), its own sizes kept. Requires
  // other.length() <= max_tokens().
  void CopyFrom(const KvCache& other);

 private:
  struct Layer {
    float* keys = nullptr;
    float* values = nullptr;
    int64_t capacity = 0;  // positions
    bool local = false;
  };
  explicit KvCache(Backend& backend) : backend_(backend) {}
  Backend& backend_;
  std::vector<Layer> layers_;
  // Copies the rows at `slot` of one ring, `tokens` of them, to those of `position` in another.
  void CopyRun(const float* from, int64_t slot, int64_t tokens, int64_t position, const Layer& to,
               float* ring);

  BlockType type_ = BlockType::kF32;
  int64_t row_bytes_ = 0;
  int64_t window_ = 0;
  int64_t length_ = 0;
  int64_t lowest_length_ = 0;
  int64_t max_tokens_ = 0;
  int64_t max_chunk_tokens_ = 0;
  uint64_t size_bytes_ = 0;
};

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_KV_CACHE_H_
