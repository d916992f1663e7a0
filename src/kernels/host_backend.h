// The part of a Backend that is the same for all that compute in host memory.
#ifndef DRAGOMAN_KERNELS_HOST_BACKEND_H_
#define DRAGOMAN_KERNELS_HOST_BACKEND_H_

#include <cstdint>
#include <map>

#include "kernels/kernels.h"

namespace dragoman {

// Activations are zeroed memory, aligned to a cache line; what is large is resident only where it
// was touched. Weights are used where they lie.
class HostBackend : public Backend {
 public:
  explicit HostBackend(const BackendOptions& options) : options_(options) {}
  ~HostBackend() override;

  float* Allocate(int64_t elems) override;
  void Free(float* memory) override;
  void Upload(std::span<const float> from, float* to) override;
  void Download(const float* from, std::span<float> to) override;
  Result<const std::byte*> BorrowWeights(std::span<const std::byte> host) override;
  BlockType kv_type() const override { return options_.kv_type; }
  void StoreKv(const float* rows, int64_t tokens, int64_t row_elems, int64_t first_position,
               int64_t capacity, BlockType type, void* ring) override;
  void CopyRows(const void* rows, int64_t tokens, int64_t row_bytes, int64_t first_position,
                int64_t capacity, void* ring) override;

 protected:
  // One row of keys or values -> `type`.
  virtual void EncodeKvRow(BlockType type, const float* row, int64_t elems, void* out) const;

 private:
  const BackendOptions options_;
  std::map<void*, size_t> mappings_;  // what Allocate took from the system page by page
  uint64_t locked_bytes_ = 0;
};

// Blocks of 32 elements: scale = the largest magnitude / 127 rounded to 16 bits, codes = quotients
// rounded to nearest, ties to even. A block with a NaN decodes to NaN. elems is a multiple of 32.
void EncodeQ8Row(const float* row, int64_t elems, void* out);
// Beyond 65504 a number becomes 65504: an infinity would spoil every later sum. NaN stays NaN.
void EncodeF16Row(const float* row, int64_t elems, void* out);

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_HOST_BACKEND_H_
