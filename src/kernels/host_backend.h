// The part of a Backend that is the same for all that compute in host memory.
#ifndef DRAGOMAN_KERNELS_HOST_BACKEND_H_
#define DRAGOMAN_KERNELS_HOST_BACKEND_H_

#include <cstdint>

#include "kernels/kernels.h"

namespace dragoman {

// Activations are zeroed memory, aligned to a cache line; weights are used where they lie.
class HostBackend : public Backend {
 public:
  float* Allocate(int64_t elems) override;
  void Free(float* memory) override;
  void Upload(std::span<const float> from, float* to) override;
  void Download(const float* from, std::span<float> to) override;
  Result<const std::byte*> BorrowWeights(std::span<const std::byte> host) override;
  void StoreKv(const float* rows, int64_t tokens, int64_t row_elems, int64_t first_position,
               int64_t capacity, float* ring) override;
};

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_HOST_BACKEND_H_
