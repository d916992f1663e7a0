#include "kernels/host_backend.h"

#include <cstdlib>
#include <cstring>
#include <limits>

namespace dragoman {
namespace {

constexpr size_t kCacheLineBytes = 64;

}  // namespace

float* HostBackend::Allocate(int64_t elems) {
  constexpr uint64_t kMaxBytes = std::numeric_limits<int64_t>::max();
  if (elems < 0 || static_cast<uint64_t>(elems) > (kMaxBytes - kCacheLineBytes) / sizeof(float))
    return nullptr;
  const size_t size_bytes = static_cast<size_t>(elems) * sizeof(float);
  // aligned_alloc wants a multiple of the alignment; at least one line keeps zero elements apart
  // from failure.
  const size_t rounded_bytes = (size_bytes / kCacheLineBytes + 1) * kCacheLineBytes;
  void* memory = std::aligned_alloc(kCacheLineBytes, rounded_bytes);
  if (memory != nullptr) std::memset(memory, 0, rounded_bytes);
  return static_cast<float*>(memory);
}

void HostBackend::Free(float* memory) { std::free(memory); }

void HostBackend::Upload(std::span<const float> from, float* to) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size_bytes());
}

void HostBackend::Download(const float* from, std::span<float> to) {
  if (!to.empty()) std::memcpy(to.data(), from, to.size_bytes());
}

Result<const std::byte*> HostBackend::BorrowWeights(std::span<const std::byte> host) {
  return host.data();
}

void HostBackend::StoreKv(const float* rows, int64_t tokens, int64_t row_elems,
                          int64_t first_position, int64_t capacity, float* ring) {
  for (int64_t token = 0; token < tokens; ++token) {
    const int64_t slot = (first_position + token) % capacity;
    std::memcpy(ring + slot * row_elems, rows + token * row_elems,
                static_cast<size_t>(row_elems) * sizeof(float));
  }
}

}  // namespace dragoman
