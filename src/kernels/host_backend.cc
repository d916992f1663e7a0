#include "kernels/host_backend.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/float16.h"
#include "base/locked_memory.h"
#include "blocks/q8_0.h"

namespace dragoman {
namespace {

constexpr size_t kCacheLineBytes = 64;
// From here on memory comes from the system, in pages that are resident once touched: a cache with
// room for a long text costs what the text needs. Smaller pieces would waste their last page.
constexpr size_t kMappedBytes = size_t{1} << 20;
constexpr float kMaxF16 = 65504.0f;

// To the nearest integer, ties to even, of magnitudes below 2^22: adding this leaves no fraction.
constexpr float kRounding = 12582912.0f;

// Null when memory is exhausted.
void* MapZeroed(size_t size_bytes) {
  void* memory =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

HostBackend::~HostBackend() {
  for (const auto& [memory, size_bytes] : mappings_) ::munmap(memory, size_bytes);
}

float* HostBackend::Allocate(int64_t elems) {
  constexpr uint64_t kMaxBytes = std::numeric_limits<int64_t>::max();
  if (elems < 0 || static_cast<uint64_t>(elems) > (kMaxBytes - kCacheLineBytes) / sizeof(float))
    return nullptr;
  const size_t size_bytes = static_cast<size_t>(elems) * sizeof(float);
  if (size_bytes >= kMappedBytes) {
    void* memory = MapZeroed(size_bytes);
    if (memory != nullptr) mappings_[memory] = size_bytes;
    return static_cast<float*>(memory);
  }
  // aligned_alloc wants a multiple of the alignment; at least one line keeps zero elements apart
  // from failure.
  const size_t rounded_bytes = (size_bytes / kCacheLineBytes + 1) * kCacheLineBytes;
  void* memory = std::aligned_alloc(kCacheLineBytes, rounded_bytes);
  if (memory != nullptr) std::memset(memory, 0, rounded_bytes);
  return static_cast<float*>(memory);
}

void HostBackend::Free(float* memory) {
  const auto mapping = mappings_.find(memory);
  if (mapping == mappings_.end()) return std::free(memory);
  ::munmap(memory, mapping->second);
  mappings_.erase(mapping);
}

void HostBackend::Upload(std::span<const float> from, float* to) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size_bytes());
}

void HostBackend::Download(const float* from, std::span<float> to) {
  if (!to.empty()) std::memcpy(to.data(), from, to.size_bytes());
}

Result<const std::byte*> HostBackend::BorrowWeights(std::span<const std::byte> host) {
  if (options_.lock_weights) DRAGOMAN_RETURN_IF_ERROR(LockMemory(host, "weights", locked_bytes_));
  return host.data();
}

void HostBackend::StoreKv(const float* rows, int64_t tokens, int64_t row_elems,
                          int64_t first_position, int64_t capacity, BlockType type, void* ring) {
  const BlockTraits& traits = TraitsOf(type);
  const int64_t row_bytes = row_elems / traits.block_elems * traits.block_bytes;
  for (int64_t token = 0; token < tokens; ++token) {
    const int64_t slot = (first_position + token) % capacity;
    EncodeKvRow(type, rows + token * row_elems, row_elems,
                static_cast<std::byte*>(ring) + slot * row_bytes);
  }
}

void HostBackend::CopyRows(const void* rows, int64_t tokens, int64_t row_bytes,
                           int64_t first_position, int64_t capacity, void* ring) {
  for (int64_t token = 0; token < tokens; ++token) {
    const int64_t slot = (first_position + token) % capacity;
    std::memcpy(static_cast<std::byte*>(ring) + slot * row_bytes,
                static_cast<const std::byte*>(rows) + token * row_bytes,
                static_cast<size_t>(row_bytes));
  }
}

void HostBackend::EncodeKvRow(BlockType type, const float* row, int64_t elems, void* out) const {
  if (type == BlockType::kF16) return EncodeF16Row(row, elems, out);
  if (type == BlockType::kQ8_0) return EncodeQ8Row(row, elems, out);
  std::memcpy(out, row, static_cast<size_t>(elems) * sizeof(float));
}

void EncodeF16Row(const float* row, int64_t elems, void* out) {
  auto* to = static_cast<std::byte*>(out);
  for (int64_t i = 0; i < elems; ++i) {
    const uint16_t bits = FloatToFp16(std::clamp(row[i], -kMaxF16, kMaxF16));
    std::memcpy(to + 2 * i, &bits, sizeof(bits));
  }
}

void EncodeQ8Row(const float* row, int64_t elems, void* out) {
  auto* to = static_cast<std::byte*>(out);
  for (int64_t first = 0; first < elems; first += BlockQ8_0::kElems, to += sizeof(BlockQ8_0)) {
    float largest = 0;
    bool has_nan = false;
    for (int64_t i = 0; i < BlockQ8_0::kElems; ++i) {
      largest = std::max(largest, std::fabs(row[first + i]));
      has_nan = has_nan || std::isnan(row[first + i]);
    }
    BlockQ8_0 block;
    if (has_nan) {  // a model that computes it must not look sound
      block.d = FloatToFp16(std::numeric_limits<float>::quiet_NaN());
      std::memset(block.qs, 0, sizeof(block.qs));
      std::memcpy(to, &block, sizeof(block));
      continue;
    }
    block.d = FloatToFp16(std::min(largest / 127.0f, kMaxF16));
    const float scale = Fp16ToFloat(block.d);
    const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
    for (int64_t i = 0; i < BlockQ8_0::kElems; ++i) {
      const float code = std::clamp(row[first + i] * inverse, -127.0f, 127.0f);
      block.qs[i] = static_cast<int8_t>((code + kRounding) - kRounding);
    }
    std::memcpy(to, &block, sizeof(block));
  }
}

}  // namespace dragoman
