// Fuzzes the reader of feedback logs.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "evaluate/feedback_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto records = dragoman::ParseFeedback({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!records) return 0;
  for (const auto& record : *records) {
    if (record.id.empty() || record.source_lang.empty()) __builtin_trap();
  }
  return 0;
}
