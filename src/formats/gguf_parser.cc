// Reads and checks a GGUF header, in file order: counts, metadata, tensor table, data section.
//
// Every count is bounded by a constant and by the bytes left before anything is reserved for it.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/checked_math.h"
#include "base/utf8.h"
#include "formats/byte_cursor.h"
#include "formats/gguf.h"
#include "formats/names.h"

namespace dragoman {

class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, const std::string& where)
      : cursor_(bytes), where_(where) {
    out_.bytes_ = bytes;
  }

  Result<GgufFile> Parse();

 private:
  Result<void> ParseCounts();
  Result<void> ParseKeyValue();
  Result<void> ParseValue(GgufValue& value);
  Result<void> ParseScalar(GgufValue& value);
  Result<void> ParseArray(GgufValue& value);
  Result<std::string> ParseString(const char* what);
  Result<void> ReadAlignment();
  Result<void> ParseTensor();
  Result<void> ParseShape(uint32_t dims, TensorInfo& tensor);
  Result<void> LocateData();

  template <typename Stored, typename Widened>
  Result<void> ReadScalar(GgufValue& value);
  template <typename Stored, typename Widened>
  Result<void> ReadArray(uint64_t count, GgufValue& value);

  // What is being read, for messages: "tensor 'a'" or "key 'b'".
  std::string subject_ = "header";

  tl::unexpected<Error> Corrupt(const std::string& problem) const {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{} at offset {}: {}", subject_, cursor_.position(), problem), where_);
  }
  tl::unexpected<Error> Unsupported(const std::string& problem) const {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} at offset {}: {}", subject_, cursor_.position(), problem), where_);
  }
  tl::unexpected<Error> Truncated(uint64_t needed_bytes) const {
    return Corrupt(fmt::format("the file is cut off: expected {} more bytes, found {}",
                               needed_bytes, cursor_.remaining_bytes()));
  }

  ByteCursor cursor_;
  const std::string& where_;
  GgufFile out_;
  uint64_t tensor_count_ = 0;
  uint64_t key_value_count_ = 0;
  uint64_t array_elems_ = 0;
  uint64_t next_data_bytes_ = 0;  // where the next tensor must start in the data section
  uint64_t last_end_bytes_ = 0;   // where the last one ends, without padding
  std::unordered_set<std::string> names_;
};

namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint32_t kVersion = 3;
constexpr uint32_t kLastType = static_cast<uint32_t>(GgufType::kF64);

// Bytes of one value in the file; of a string, the least it can take.
uint64_t LeastBytesOf(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kString:
    case GgufType::kArray:
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
  }
  return 8;
}

}  // namespace

Result<GgufFile> GgufParser::Parse() {
  DRAGOMAN_RETURN_IF_ERROR(ParseCounts());
  out_.metadata_.reserve(key_value_count_);
  for (uint64_t i = 0; i < key_value_count_; ++i) DRAGOMAN_RETURN_IF_ERROR(ParseKeyValue());
  DRAGOMAN_RETURN_IF_ERROR(ReadAlignment());
  out_.tensors_.reserve(tensor_count_);
  for (uint64_t i = 0; i < tensor_count_; ++i) DRAGOMAN_RETURN_IF_ERROR(ParseTensor());
  DRAGOMAN_RETURN_IF_ERROR(LocateData());
  return std::move(out_);
}

Result<void> GgufParser::ParseCounts() {
  uint32_t magic = 0, version = 0;
  if (!cursor_.Read(magic)) return Truncated(sizeof(magic));
  if (magic != kMagic) {
    return Corrupt(fmt::format("expected the bytes \"GGUF\", found 0x{:08x}", magic));
  }
  if (!cursor_.Read(version)) return Truncated(sizeof(version));
  if (version == __builtin_bswap32(kVersion)) {
    return Unsupported("expected a little-endian file, found a big-endian one");
  }
  if (version != kVersion) {
    return Unsupported(fmt::format("expected GGUF version {}, found {}", kVersion, version));
  }
  if (!cursor_.Read(tensor_count_)) return Truncated(sizeof(tensor_count_));
  if (!cursor_.Read(key_value_count_)) return Truncated(sizeof(key_value_count_));
  // The smallest tensor entry: name length, one byte of name, dimension count, type, offset.
  constexpr uint64_t kLeastTensorBytes = 8 + 1 + 4 + 4 + 8;
  constexpr uint64_t kLeastKeyValueBytes = 8 + 1 + 4 + 1;
  const uint64_t left = cursor_.remaining_bytes();
  if (tensor_count_ > std::min(kGgufMaxTensors, left / kLeastTensorBytes)) {
    return Corrupt(fmt::format("expected at most {} tensors in a file of this size, found {}",
                               std::min(kGgufMaxTensors, left / kLeastTensorBytes), tensor_count_));
  }
  if (key_value_count_ > std::min(kGgufMaxKeyValues, left / kLeastKeyValueBytes)) {
    return Corrupt(fmt::format("expected at most {} metadata keys in a file of this size, found {}",
                               std::min(kGgufMaxKeyValues, left / kLeastKeyValueBytes),
                               key_value_count_));
  }
  return {};
}

Result<std::string> GgufParser::ParseString(const char* what) {
  uint64_t size_bytes = 0;
  if (!cursor_.Read(size_bytes)) return Truncated(sizeof(size_bytes));
  if (size_bytes > kGgufMaxStringBytes) {
    return Corrupt(fmt::format("expected a {} of at most {} bytes, found {}", what,
                               kGgufMaxStringBytes, size_bytes));
  }
  std::string_view text;
  if (!cursor_.ReadText(size_bytes, text)) return Truncated(size_bytes);
  const size_t invalid = FindInvalidUtf8(text);
  if (invalid < text.size()) {
    return Corrupt(fmt::format("expected a {} in UTF-8, found byte 0x{:02x} at its position {}",
                               what, static_cast<uint8_t>(text[invalid]), invalid));
  }
  return std::string(text);
}

Result<void> GgufParser::ParseKeyValue() {
  subject_ = fmt::format("metadata key {}", out_.metadata_.size());
  DRAGOMAN_ASSIGN_OR_RETURN(std::string key, ParseString("key"));
  const std::string problem = ProblemWithName(key, kGgufMaxKeyBytes);
  if (!problem.empty()) return Corrupt("its name: " + problem);
  subject_ = "metadata key " + Quoted(key);
  if (!out_.metadata_index_.emplace(key, out_.metadata_.size()).second) {
    return Corrupt("expected each key once, found it again");
  }
  GgufValue value;
  DRAGOMAN_RETURN_IF_ERROR(ParseValue(value));
  out_.metadata_.emplace_back(std::move(key), std::move(value));
  return {};
}

Result<void> GgufParser::ParseValue(GgufValue& value) {
  uint32_t type = 0;
  if (!cursor_.Read(type)) return Truncated(sizeof(type));
  if (type > kLastType) {
    return Corrupt(fmt::format("expected a value type of 0 to {}, found {}", kLastType, type));
  }
  value.type = static_cast<GgufType>(type);
  return value.type == GgufType::kArray ? ParseArray(value) : ParseScalar(value);
}

template <typename Stored, typename Widened>
Result<void> GgufParser::ReadScalar(GgufValue& value) {
  Stored stored{};
  if (!cursor_.Read(stored)) return Truncated(sizeof(stored));
  value.value = static_cast<Widened>(stored);
  return {};
}

Result<void> GgufParser::ParseScalar(GgufValue& value) {
  switch (value.type) {
    case GgufType::kU8:
      return ReadScalar<uint8_t, uint64_t>(value);
    case GgufType::kI8:
      return ReadScalar<int8_t, int64_t>(value);
    case GgufType::kU16:
      return ReadScalar<uint16_t, uint64_t>(value);
    case GgufType::kI16:
      return ReadScalar<int16_t, int64_t>(value);
    case GgufType::kU32:
      return ReadScalar<uint32_t, uint64_t>(value);
    case GgufType::kI32:
      return ReadScalar<int32_t, int64_t>(value);
    case GgufType::kU64:
      return ReadScalar<uint64_t, uint64_t>(value);
    case GgufType::kI64:
      return ReadScalar<int64_t, int64_t>(value);
    case GgufType::kF32:
      return ReadScalar<float, double>(value);
    case GgufType::kF64:
      return ReadScalar<double, double>(value);
    case GgufType::kBool: {
      uint8_t stored = 0;
      if (!cursor_.Read(stored)) return Truncated(sizeof(stored));
      if (stored > 1) return Corrupt(fmt::format("expected a bool of 0 or 1, found {}", stored));
      value.value = stored == 1;
      return {};
    }
    case GgufType::kString: {
      DRAGOMAN_ASSIGN_OR_RETURN(value.value, ParseString("string"));
      return {};
    }
    case GgufType::kArray:
      break;
  }
  return Corrupt("expected a scalar value, found an array");
}

template <typename Stored, typename Widened>
Result<void> GgufParser::ReadArray(uint64_t count, GgufValue& value) {
  std::vector<Widened> elems(count);
  for (Widened& elem : elems) {
    Stored stored{};
    if (!cursor_.Read(stored)) return Truncated(sizeof(stored));
    elem = static_cast<Widened>(stored);
  }
  value.value = std::move(elems);
  return {};
}

Result<void> GgufParser::ParseArray(GgufValue& value) {
  uint32_t type = 0;
  uint64_t count = 0;
  if (!cursor_.Read(type)) return Truncated(sizeof(type));
  if (type > kLastType) {
    return Corrupt(fmt::format("expected an element type of 0 to {}, found {}", kLastType, type));
  }
  value.is_array = true;
  value.type = static_cast<GgufType>(type);
  if (value.type == GgufType::kArray) return Unsupported("expected no array inside an array");
  if (!cursor_.Read(count)) return Truncated(sizeof(count));
  if (count > kGgufMaxArrayElems - array_elems_) {
    return Corrupt(
        fmt::format("expected at most {} array elements in a file, found {} more than {}",
                    kGgufMaxArrayElems, count, array_elems_));
  }
  array_elems_ += count;
  const uint64_t least_bytes = count * LeastBytesOf(value.type);
  if (least_bytes > cursor_.remaining_bytes()) return Truncated(least_bytes);
  switch (value.type) {
    case GgufType::kU8:
      return ReadArray<uint8_t, int64_t>(count, value);
    case GgufType::kI8:
      return ReadArray<int8_t, int64_t>(count, value);
    case GgufType::kU16:
      return ReadArray<uint16_t, int64_t>(count, value);
    case GgufType::kI16:
      return ReadArray<int16_t, int64_t>(count, value);
    case GgufType::kU32:
      return ReadArray<uint32_t, int64_t>(count, value);
    case GgufType::kI32:
      return ReadArray<int32_t, int64_t>(count, value);
    case GgufType::kU64:
      return ReadArray<uint64_t, int64_t>(count, value);
    case GgufType::kI64:
      return ReadArray<int64_t, int64_t>(count, value);
    case GgufType::kF32:
      return ReadArray<float, double>(count, value);
    case GgufType::kF64:
      return ReadArray<double, double>(count, value);
    case GgufType::kBool: {
      DRAGOMAN_RETURN_IF_ERROR((ReadArray<uint8_t, int64_t>(count, value)));
      for (int64_t elem : std::get<std::vector<int64_t>>(value.value)) {
        if (elem > 1) return Corrupt(fmt::format("expected bools of 0 or 1, found {}", elem));
      }
      return {};
    }
    default:
      break;
  }
  std::vector<std::string> strings;
  strings.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::string text, ParseString("string"));
    strings.push_back(std::move(text));
  }
  value.value = std::move(strings);
  return {};
}

Result<void> GgufParser::ReadAlignment() {
  const GgufValue* value = out_.Find("general.alignment");
  if (value == nullptr) return {};
  subject_ = "metadata key 'general.alignment'";
  if (value->is_array || value->type != GgufType::kU32) return Corrupt("expected a u32");
  const uint64_t alignment = std::get<uint64_t>(value->value);
  if (!IsGgufAlignment(alignment)) {
    return Corrupt(fmt::format("expected a power of two from {} to {}, found {}",
                               kGgufMinAlignmentBytes, kGgufMaxAlignmentBytes, alignment));
  }
  out_.alignment_bytes_ = alignment;
  return {};
}

Result<void> GgufParser::ParseShape(uint32_t dims, TensorInfo& tensor) {
  tensor.shape.resize(dims);
  for (uint32_t i = dims; i-- > 0;) {
    if (!cursor_.Read(tensor.shape[i])) return Truncated(sizeof(uint64_t));
  }
  const auto elems = CheckedProduct(tensor.shape);
  if (!elems || *elems > static_cast<uint64_t>(INT64_MAX)) {
    return Corrupt("expected fewer than 2^63 elements, found a shape whose product is larger");
  }
  return {};
}

Result<void> GgufParser::ParseTensor() {
  subject_ = fmt::format("tensor {}", out_.tensors_.size());
  TensorInfo tensor;
  DRAGOMAN_ASSIGN_OR_RETURN(tensor.name, ParseString("name"));
  const std::string problem = ProblemWithName(tensor.name, kGgufMaxNameBytes);
  if (!problem.empty()) return Corrupt("its name: " + problem);
  subject_ = "tensor " + Quoted(tensor.name);
  if (!names_.insert(tensor.name).second) return Corrupt("expected each name once, found it again");

  uint32_t dims = 0, type = 0;
  uint64_t offset = 0;
  if (!cursor_.Read(dims)) return Truncated(sizeof(dims));
  if (dims > kGgufMaxDims) {
    return Corrupt(fmt::format("expected at most {} dimensions, found {}", kGgufMaxDims, dims));
  }
  DRAGOMAN_RETURN_IF_ERROR(ParseShape(dims, tensor));
  if (!cursor_.Read(type)) return Truncated(sizeof(type));
  const BlockTraits* traits = FindBlockTraits(type);
  if (traits == nullptr) return Unsupported(fmt::format("element type {} is not supported", type));
  tensor.type = traits->type;
  if (tensor.cols() % traits->block_elems != 0) {
    return Corrupt(fmt::format("expected rows of a multiple of {} weights for {}, found {}",
                               traits->block_elems, traits->name, tensor.cols()));
  }
  const auto size_bytes = TensorBytes(tensor.type, tensor.rows(), tensor.cols());
  if (!size_bytes) return Corrupt("expected fewer than 2^64 bytes of data");
  tensor.size_bytes = *size_bytes;

  if (!cursor_.Read(offset)) return Truncated(sizeof(offset));
  if (offset % out_.alignment_bytes_ != 0) {
    return Corrupt(fmt::format("expected a data offset that is a multiple of {}, found {}",
                               out_.alignment_bytes_, offset));
  }
  if (offset != next_data_bytes_) {
    return Corrupt(
        fmt::format("expected data offset {} (where the tensor before it ends), found {}",
                    next_data_bytes_, offset));
  }
  tensor.offset_bytes = offset;  // LocateData adds the start of the data section
  const auto end = CheckedAdd(offset, tensor.size_bytes);
  const auto next = end ? CheckedAlignUp(*end, out_.alignment_bytes_) : std::nullopt;
  if (!next) return Corrupt("expected data that ends before 2^64 bytes");
  last_end_bytes_ = *end;
  next_data_bytes_ = *next;
  out_.tensors_.push_back(std::move(tensor));
  return {};
}

Result<void> GgufParser::LocateData() {
  subject_ = "data section";
  const uint64_t file_bytes = out_.bytes_.size();
  const auto start = CheckedAlignUp(cursor_.position(), out_.alignment_bytes_);
  const auto padded_end = start ? CheckedAdd(*start, next_data_bytes_) : std::nullopt;
  if (!padded_end) return Corrupt("expected data that ends before 2^64 bytes");
  out_.data_offset_bytes_ = *start;
  for (TensorInfo& tensor : out_.tensors_) {
    tensor.offset_bytes += *start;
    if (tensor.size_bytes > file_bytes || tensor.offset_bytes > file_bytes - tensor.size_bytes) {
      return Fail(
          ErrorCode::kCorruptFile,
          fmt::format("tensor {}: the file is cut off: expected {} bytes from offset {}, "
                      "found a file of {} bytes",
                      Quoted(tensor.name), tensor.size_bytes, tensor.offset_bytes, file_bytes),
          where_);
    }
  }
  if (file_bytes > *padded_end) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected the file to end with its last tensor at {} bytes, found {}",
                            *padded_end, file_bytes),
                where_);
  }
  return {};
}

Result<GgufFile> GgufFile::Parse(std::span<const std::byte> bytes, const std::string& where) {
  return GgufParser(bytes, where).Parse();
}

}  // namespace dragoman
