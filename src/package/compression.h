// How much general-purpose compressors gain on a model file: measured, never promised.
#ifndef DRAGOMAN_PACKAGE_COMPRESSION_H_
#define DRAGOMAN_PACKAGE_COMPRESSION_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "package/package.h"

namespace dragoman {

// Files up to this size are compressed whole; of larger ones kSampleSlices slices, evenly spread,
// that add up to it.
inline constexpr uint64_t kWholeCompressionBytes = uint64_t{32} << 20;
inline constexpr uint64_t kSampleSlices = 16;

// gzip -6, zstd -3 and zstd -19, at the same time. Errors: kOutOfMemory, kInternal.
Result<std::vector<CompressionFigure>> MeasureCompression(std::span<const std::byte> file);

}  // namespace dragoman

#endif  // DRAGOMAN_PACKAGE_COMPRESSION_H_
