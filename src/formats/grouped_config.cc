#include "formats/grouped_config.h"

#include <fmt/format.h>

#include <filesystem>

#include "formats/names.h"
#include "formats/packed_codes.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxConfigBytes = uint64_t{16} << 20;
constexpr int64_t kMaxGroupSize = int64_t{1} << 20;

// Null when absent or null, or when `object` is none.
const Json* FindMember(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

tl::unexpected<Error> BadMember(const std::string& key, const std::string& expected,
                                const Json* found, const std::string& where) {
  const std::string text =
      found == nullptr ? "none" : found->dump(-1, ' ', false, Json::error_handler_t::replace);
  return Fail(ErrorCode::kCorruptFile,
              fmt::format("quantization_config: {}: expected {}, found {}", key, expected,
                          found == nullptr ? text : Quoted(text)),
              where);
}

Result<int64_t> WholeNumber(const Json& object, const char* key, int64_t low, int64_t high,
                            const std::string& where) {
  const Json* value = FindMember(object, key);
  // Unsigned values above the range of int64_t fail the comparison as unsigned ones.
  const bool fits = value != nullptr && value->is_number_integer() &&
                    (!value->is_number_unsigned() ||
                     value->get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX)) &&
                    value->get<int64_t>() >= low && value->get<int64_t>() <= high;
  if (!fits)
    return BadMember(key, fmt::format("a whole number in [{}, {}]", low, high), value, where);
  return value->get<int64_t>();
}

std::string TextOf(const Json& object, const char* key, const char* fallback) {
  const Json* value = FindMember(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : fallback;
}

Result<void> CheckWidth(int64_t bits, const std::string& where) {
  if (IsPackedWidth(bits)) return {};
  return Fail(ErrorCode::kUnsupported,
              fmt::format("quantization_config: expected 2, 3, 4 or 8 bits, found {}", bits),
              where);
}

Result<GroupedConfig> ParseGptq(const Json& json, const std::string& where) {
  GroupedConfig config;
  const std::string layout =
      TextOf(json, "checkpoint_format", TextOf(json, "format", "gptq").c_str());
  const Json* marlin = FindMember(json, "is_marlin_format");
  if ((layout != "gptq" && layout != "gptq_v2") || (marlin != nullptr && *marlin == true)) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("quantization_config: expected checkpoint_format gptq or gptq_v2, found {}",
                    marlin != nullptr && *marlin == true ? "marlin" : Quoted(layout)),
        where);
  }
  config.zeros_minus_one = layout == "gptq";
  DRAGOMAN_ASSIGN_OR_RETURN(config.bits, WholeNumber(json, "bits", 1, 64, where));
  DRAGOMAN_RETURN_IF_ERROR(CheckWidth(config.bits, where));
  DRAGOMAN_ASSIGN_OR_RETURN(config.group_size,
                            WholeNumber(json, "group_size", -1, kMaxGroupSize, where));
  if (config.group_size == 0) {
    return BadMember("group_size", "-1 or a positive number", FindMember(json, "group_size"),
                     where);
  }
  return config;
}

Result<GroupedConfig> ParsePackQuantized(const Json& json, const std::string& where) {
  GroupedConfig config;
  config.gptq = false;
  const std::string layout = TextOf(json, "format", "");
  if (layout != "pack-quantized") {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("quantization_config: expected format pack-quantized, found {}",
                            Quoted(layout)),
                where);
  }
  const Json* groups = FindMember(json, "config_groups");
  if (groups == nullptr || !groups->is_object() || groups->size() != 1) {
    return BadMember("config_groups", "an object with one group", groups, where);
  }
  const Json& group = groups->begin().value();
  const Json* weights = FindMember(group, "weights");
  if (weights == nullptr || !weights->is_object()) {
    return BadMember("weights", "an object", weights, where);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(config.bits, WholeNumber(*weights, "num_bits", 1, 64, where));
  DRAGOMAN_RETURN_IF_ERROR(CheckWidth(config.bits, where));
  const std::string strategy = TextOf(*weights, "strategy", "group");
  if (strategy == "channel") return config;
  if (strategy != "group") {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("quantization_config: expected strategy group or channel, found {}",
                            Quoted(strategy)),
                where);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(config.group_size,
                            WholeNumber(*weights, "group_size", 1, kMaxGroupSize, where));
  return config;
}

}  // namespace

Result<GroupedConfig> ParseGroupedConfig(const Json& json, const std::string& where) {
  if (!json.is_object()) return BadMember("it", "an object", &json, where);
  const std::string method = TextOf(json, "quant_method", TextOf(json, "method", "").c_str());
  if (method == "gptq") return ParseGptq(json, where);
  if (method == "compressed-tensors") return ParsePackQuantized(json, where);
  return Fail(ErrorCode::kUnsupported,
              fmt::format("quantization_config: expected quant_method gptq or compressed-tensors, "
                          "found {}",
                          method.empty() ? "none" : Quoted(method)),
              where);
}

Result<GroupedConfig> ReadGroupedConfig(const std::string& folder) {
  std::error_code ignored;
  for (const char* name : {"config.json", "quantize_config.json", "quant_config.json"}) {
    const std::string path = (fs::path(folder) / name).string();
    if (!fs::exists(path, ignored)) continue;
    DRAGOMAN_ASSIGN_OR_RETURN(Json json, ReadJsonFile(path, kMaxConfigBytes));
    const Json* nested = FindMember(json, "quantization_config");
    if (nested != nullptr) return ParseGroupedConfig(*nested, path);
    if (std::string_view(name) == "config.json") continue;
    // AutoGPTQ's own files name no method: they are GPTQ's.
    if (json.is_object() && FindMember(json, "quant_method") == nullptr &&
        FindMember(json, "method") == nullptr) {
      json["quant_method"] = "gptq";
    }
    return ParseGroupedConfig(json, path);
  }
  return Fail(ErrorCode::kNotFound,
              "expected a quantization_config in config.json beside quantized tensors, found none",
              folder);
}

}  // namespace dragoman
