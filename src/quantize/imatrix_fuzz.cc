// Importance matrices from anywhere: an error or a matrix with finite, non-negative values, never a
// crash.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "quantize/importance.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span<const uint8_t>(data, size));
  const auto file = dragoman::GgufFile::Parse(bytes, "fuzz");
  const auto matrix =
      file ? dragoman::ParseImatrix(*file, "fuzz") : dragoman::ParseLegacyImatrix(bytes, "fuzz");
  if (!matrix) return 0;
  for (const auto& [name, entry] : matrix->entries) {
    for (const float value : entry.sum_of_squares) {
      if (!std::isfinite(value) || value < 0) std::abort();
    }
  }
  return 0;
}
