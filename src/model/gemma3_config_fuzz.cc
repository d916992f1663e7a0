// Any JSON must give a configuration within its bounds or an error.
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "model/gemma3_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragoman;
  const auto json = ParseJson({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!json) return 0;
  const auto config = ParseGemma3Config(*json, "fuzz");
  if (!config) return 0;
  DRAGOMAN_CHECK(config->layer_is_local.size() == static_cast<size_t>(config->layers));
  DRAGOMAN_CHECK(config->heads % config->kv_heads == 0);
  DRAGOMAN_CHECK(config->parameter_count() > 0);
  return 0;
}
