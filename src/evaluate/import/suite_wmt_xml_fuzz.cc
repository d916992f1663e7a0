// Fuzzes the importer of wmt_xml test sets; what it reads must make a suite or a clear refusal.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "evaluate/import/formats.h"
#include "evaluate/suite_choice.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  dragoman::ParsedSuite parsed;
  (void)dragoman::ParseWmtXml(text, "fuzz", parsed);
  dragoman::SuiteOptions options;
  options.source_lang.clear();
  const auto suite = dragoman::FinishSuite(std::move(parsed), "fuzz", options);
  if (suite && (suite->samples.empty() || suite->hash.size() != 64)) __builtin_trap();
  return 0;
}
