// Any bytes: the safetensors reader returns an Error or tensors that fill the data section without
// overlap.
#include <cstdint>
#include <cstdlib>

#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragoman;  // a fuzz target has no other names
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto header = ParseSafetensors(bytes, "fuzz");
  if (!header) return 0;
  uint64_t position = header->data_offset_bytes;
  for (const TensorInfo& tensor : header->tensors) {
    if (tensor.offset_bytes != position || tensor.size_bytes > size - position) std::abort();
    ScanFinite(tensor.type, bytes.subspan(tensor.offset_bytes, tensor.size_bytes));
    position += tensor.size_bytes;
  }
  if (position != size) std::abort();
  return 0;
}
