// safetensors: an 8-byte header length, a JSON header, then the tensors' bytes. Reader and writer.
//
// Limits and rules: docs/formats/safetensors.md (no holes, no overlaps, header at most 100 MB,
// known dtypes, sizes that match shapes). A sharded model is a folder with
// model.safetensors.index.json.
#ifndef DRAGOMAN_FORMATS_SAFETENSORS_H_
#define DRAGOMAN_FORMATS_SAFETENSORS_H_

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"

namespace dragoman {

// Limits of the reader, checked before memory is taken (docs/formats/safetensors.md gives the
// reasons).
inline constexpr uint64_t kSafetensorsMaxHeaderBytes = 100'000'000;
inline constexpr size_t kSafetensorsMaxTensors = size_t{1} << 17;
inline constexpr size_t kSafetensorsMaxDims = 8;
inline constexpr size_t kSafetensorsMaxNameBytes = 1024;
inline constexpr uint64_t kSafetensorsMaxIndexBytes = uint64_t{32} << 20;
inline constexpr size_t kSafetensorsMaxShards = 1000;

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;                            // by offset
  std::vector<std::pair<std::string, std::string>> metadata;  // __metadata__
  uint64_t data_offset_bytes = 0;
};

// Checks header and bounds of a whole file's bytes. Errors: kCorruptFile, kUnsupported.
Result<SafetensorsHeader> ParseSafetensors(std::span<const std::byte> bytes,
                                           const std::string& where);

// Size of the whole file that WriteSafetensors would write. Errors: kInvalidArgument.
Result<uint64_t> SafetensorsFileBytes(std::span<const GgufTensorPlan> tensors);

// Writes one file atomically, streaming (tensors in the order given; metadata {"format":"pt"}).
// Errors: kInvalidArgument (a block type, a name or a shape that the format cannot hold, a tensor
// that would not lie at a multiple of its element size), kIo, kInternal when a source emits a wrong
// number of bytes.
Result<void> WriteSafetensors(const std::string& path, std::span<const GgufTensorPlan> tensors,
                              const TensorSource& source);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_SAFETENSORS_H_
