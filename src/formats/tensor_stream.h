// What both writers share: a tensor's bytes flow from its source into the file, counted.
#ifndef DRAGOMAN_FORMATS_TENSOR_STREAM_H_
#define DRAGOMAN_FORMATS_TENSOR_STREAM_H_

#include <cstdint>
#include <string>

#include "base/atomic_file.h"
#include "dragoman/result.h"
#include "formats/gguf.h"

namespace dragoman {

// Lets `source` write tensor `index` into `file`. Errors: kInternal when it emits more or fewer
// bytes than `size_bytes`; kIo; what the source returns.
Result<void> StreamTensor(const TensorSource& source, size_t index, const std::string& name,
                          uint64_t size_bytes, const std::string& path, AtomicFile& file);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_TENSOR_STREAM_H_
