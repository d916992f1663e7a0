// What config.json says about how a checkpoint was quantized.
#ifndef DRAGOMAN_FORMATS_GROUPED_CONFIG_H_
#define DRAGOMAN_FORMATS_GROUPED_CONFIG_H_

#include <cstdint>
#include <string>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

struct GroupedConfig {
  bool gptq = true;             // else compressed-tensors, pack-quantized
  bool zeros_minus_one = true;  // GPTQ's checkpoint_format "gptq", not "gptq_v2"
  int64_t bits = 4;
  int64_t group_size = -1;  // of inputs; -1: one group over all of them
};

// json: the quantization_config object. Errors: kCorruptFile (a key, expected and found),
// kUnsupported (another method or layout).
Result<GroupedConfig> ParseGroupedConfig(const Json& json, const std::string& where);
// From config.json, else quantize_config.json or quant_config.json. Errors: kNotFound when none of
// them tells.
Result<GroupedConfig> ReadGroupedConfig(const std::string& folder);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_GROUPED_CONFIG_H_
