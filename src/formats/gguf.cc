#include "formats/gguf.h"

namespace dragoman {

Result<GgufFile> GgufFile::Open(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  DRAGOMAN_ASSIGN_OR_RETURN(GgufFile gguf, Parse(file.bytes(), path));
  gguf.file_ = std::move(file);  // the mapping stays where it is
  return gguf;
}

const GgufValue* GgufFile::Find(std::string_view key) const {
  const auto found = metadata_index_.find(key);
  return found == metadata_index_.end() ? nullptr : &metadata_[found->second].second;
}

std::optional<uint64_t> GgufFile::FindUnsigned(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* u = std::get_if<uint64_t>(&value->value)) return *u;
  if (const auto* i = std::get_if<int64_t>(&value->value); i != nullptr && *i >= 0) {
    return static_cast<uint64_t>(*i);
  }
  return std::nullopt;
}

namespace {

template <typename T>
const T* GetIf(const GgufValue* value) {
  return value == nullptr ? nullptr : std::get_if<T>(&value->value);
}

}  // namespace

std::optional<double> GgufFile::FindFloat(std::string_view key) const {
  const auto* value = GetIf<double>(Find(key));
  return value == nullptr ? std::nullopt : std::optional<double>(*value);
}

std::optional<bool> GgufFile::FindBool(std::string_view key) const {
  const auto* value = GetIf<bool>(Find(key));
  return value == nullptr ? std::nullopt : std::optional<bool>(*value);
}

const std::string* GgufFile::FindString(std::string_view key) const {
  return GetIf<std::string>(Find(key));
}

const std::vector<std::string>* GgufFile::FindStrings(std::string_view key) const {
  return GetIf<std::vector<std::string>>(Find(key));
}

const std::vector<int64_t>* GgufFile::FindIntegers(std::string_view key) const {
  return GetIf<std::vector<int64_t>>(Find(key));
}

const std::vector<double>* GgufFile::FindFloats(std::string_view key) const {
  return GetIf<std::vector<double>>(Find(key));
}

std::span<const std::byte> GgufFile::Data(const TensorInfo& tensor) const {
  return bytes_.subspan(tensor.offset_bytes, tensor.size_bytes);
}

}  // namespace dragoman
