// JSON from files that may be hostile: bounded depth, clear errors, exceptions kept inside.
#ifndef DRAGOMAN_BASE_JSON_H_
#define DRAGOMAN_BASE_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "dragoman/result.h"

namespace dragoman {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// Parses one JSON value. Duplicate keys in an object are refused. Errors: kCorruptFile with the byte
// offset in the message; `where` names the file.
Result<Json> ParseJson(std::string_view text, const std::string& where, int max_depth = 64);
Result<Json> ReadJsonFile(const std::string& path, uint64_t max_bytes = uint64_t{256} << 20);

// Two-space indentation and a final newline; invalid UTF-8 is replaced, never thrown.
std::string DumpJson(const Json& json);
std::string DumpJson(const OrderedJson& json);
Result<void> WriteJsonFile(const std::string& path, const Json& json);
Result<void> WriteJsonFile(const std::string& path, const OrderedJson& json);

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_JSON_H_
