// Any bytes: the GGUF reader returns an Error or a file whose every tensor lies within them.
#include <cstdint>
#include <cstdlib>

#include "formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragoman;  // a fuzz target has no other names
  const auto parsed = GgufFile::Parse(std::as_bytes(std::span(data, size)), "fuzz");
  if (!parsed) return 0;
  for (const TensorInfo& tensor : parsed->tensors()) {
    if (tensor.offset_bytes + tensor.size_bytes > size) std::abort();
    ScanFinite(tensor.type, parsed->Data(tensor));
  }
  for (const auto& [key, value] : parsed->metadata()) {
    if (parsed->Find(key) != &value) std::abort();
  }
  return 0;
}
