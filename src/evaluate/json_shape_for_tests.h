// A small check of JSON against the part of JSON Schema that this project's schemas use: type,
// required, properties, items, enum, const. For tests.
#ifndef DRAGOMAN_EVALUATE_JSON_SHAPE_FOR_TESTS_H_
#define DRAGOMAN_EVALUATE_JSON_SHAPE_FOR_TESTS_H_

#include <string>
#include <vector>

#include "base/json.h"

namespace dragoman {

inline bool HasJsonType(const Json& value, const Json& types) {
  if (types.is_array()) {
    for (const Json& one : types) {
      if (HasJsonType(value, one)) return true;
    }
    return false;
  }
  const std::string type = types;
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "null" && value.is_null();
}

// What is wrong, each with its path; empty when the value fits.
inline void FindMisfits(const Json& schema, const Json& value, const std::string& path,
                        std::vector<std::string>& out) {
  if (schema.contains("type") && !HasJsonType(value, schema["type"])) {
    out.push_back(path + ": expected " + schema["type"].dump() + ", found " + value.type_name());
    return;
  }
  if (schema.contains("const") && schema["const"] != value)
    out.push_back(path + ": not the constant");
  if (schema.contains("enum")) {
    bool found = false;
    for (const Json& choice : schema["enum"]) found |= choice == value;
    if (!found) out.push_back(path + ": " + value.dump() + " is no choice");
  }
  if (schema.contains("required")) {
    for (const Json& key : schema["required"]) {
      if (!value.contains(key.get<std::string>()))
        out.push_back(path + ": lacks " + key.get<std::string>());
    }
  }
  if (schema.contains("properties") && value.is_object()) {
    for (const auto& item : schema["properties"].items()) {
      if (value.contains(item.key()))
        FindMisfits(item.value(), value[item.key()], path + "." + item.key(), out);
    }
    for (const auto& item : value.items()) {
      if (schema.value("additionalProperties", true) == false &&
          !schema["properties"].contains(item.key())) {
        out.push_back(path + ": unexpected " + item.key());
      }
    }
  }
  if (schema.contains("items") && value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      FindMisfits(schema["items"], value[i], path + "[" + std::to_string(i) + "]", out);
    }
  }
}

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_JSON_SHAPE_FOR_TESTS_H_
