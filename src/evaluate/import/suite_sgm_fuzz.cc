// Fuzzes the importer of sgm test sets; what it reads must make a suite or a clear refusal.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "evaluate/import/formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)dragoman::ParseSgm(text, "fuzz");
  return 0;
}
