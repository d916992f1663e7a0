#include "formats/tensor_stream.h"

#include <fmt/format.h>

#include "formats/names.h"

namespace dragoman {

Result<void> StreamTensor(const TensorSource& source, size_t index, const std::string& name,
                          uint64_t size_bytes, const std::string& path, AtomicFile& file) {
  uint64_t written_bytes = 0;
  const auto wrong_size = [&](uint64_t found) {
    return Fail(ErrorCode::kInternal,
                fmt::format("tensor {}: its source must emit {} bytes, found {}", Quoted(name),
                            size_bytes, found),
                path);
  };
  const ByteSink sink = [&](std::span<const std::byte> bytes) -> Result<void> {
    if (bytes.size() > size_bytes - written_bytes) return wrong_size(written_bytes + bytes.size());
    written_bytes += bytes.size();
    return file.Write(bytes);
  };
  DRAGOMAN_RETURN_IF_ERROR(source(index, sink));
  if (written_bytes != size_bytes) return wrong_size(written_bytes);
  return {};
}

}  // namespace dragoman
