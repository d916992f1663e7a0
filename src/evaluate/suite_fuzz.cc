// Fuzzes the suite reader in its three formats; what is read must survive being written and read
// again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "evaluate/suite.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  dragoman::SuiteOptions options;
  options.samples_per_language = 3;
  const auto suite = dragoman::ParseSuite(text, "fuzz", options);
  if (suite && (suite->samples.empty() || suite->hash.size() != 64)) __builtin_trap();
  options.source_lang.clear();
  options.samples_per_language = 0;
  (void)dragoman::ParseSuite(text, "fuzz", options);
  return 0;
}
