// The JSON header of a safetensors file, read event by event: nothing is kept that the format does
// not have.
#ifndef DRAGOMAN_FORMATS_SAFETENSORS_JSON_H_
#define DRAGOMAN_FORMATS_SAFETENSORS_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> offsets;  // begin and end in the data section
};

struct SafetensorsEntries {
  std::vector<SafetensorsEntry> tensors;  // as the header orders them
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Checks structure, counts, types and duplicate keys; not whether offsets, shapes and dtypes make
// sense. Errors: kCorruptFile.
Result<SafetensorsEntries> ParseSafetensorsJson(std::string_view json, const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_SAFETENSORS_JSON_H_
