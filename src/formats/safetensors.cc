#include "formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/checked_math.h"
#include "formats/byte_cursor.h"
#include "formats/names.h"
#include "formats/safetensors_dtype.h"
#include "formats/safetensors_json.h"

namespace dragoman {
namespace {

constexpr uint64_t kLengthBytes = 8;

tl::unexpected<Error> Corrupt(const std::string& problem, const std::string& where) {
  return Fail(ErrorCode::kCorruptFile, problem, where);
}

// The JSON between length and data.
Result<std::string_view> HeaderText(std::span<const std::byte> bytes, const std::string& where) {
  ByteCursor cursor(bytes);
  uint64_t header_bytes = 0;
  if (!cursor.Read(header_bytes)) {
    return Corrupt(fmt::format("header length at offset 0: expected {} bytes, found a file of {}",
                               kLengthBytes, bytes.size()),
                   where);
  }
  if (header_bytes > kSafetensorsMaxHeaderBytes) {
    return Corrupt(fmt::format("header length at offset 0: expected at most {} bytes, found {}",
                               kSafetensorsMaxHeaderBytes, header_bytes),
                   where);
  }
  std::string_view text;
  if (!cursor.ReadText(header_bytes, text)) {
    return Corrupt(fmt::format("header at offset {}: the file is cut off: expected {} bytes, "
                               "found {}",
                               kLengthBytes, header_bytes, cursor.remaining_bytes()),
                   where);
  }
  return text;
}

// One entry with its type, size and place in the file; offsets against the neighbours are not
// looked at.
Result<TensorInfo> ToTensor(SafetensorsEntry entry, uint64_t data_offset_bytes, uint64_t data_bytes,
                            const std::string& where) {
  const std::string subject = "tensor " + Quoted(entry.name);
  const auto type = ParseSafetensorsDtype(entry.dtype);
  if (!type) {
    return Fail(ErrorCode::kUnsupported,
                subject + ": dtype " + Quoted(entry.dtype) + " is not supported", where);
  }
  TensorInfo tensor;
  tensor.name = std::move(entry.name);
  tensor.type = *type;
  tensor.shape = std::move(entry.shape);
  const uint64_t elem_bytes = TraitsOf(*type).block_bytes;
  const auto elems = CheckedProduct(tensor.shape);
  const auto size_bytes = elems ? CheckedMul(*elems, elem_bytes) : std::nullopt;
  if (!size_bytes || *size_bytes > static_cast<uint64_t>(INT64_MAX)) {
    return Corrupt(subject + ": expected fewer than 2^63 bytes, found a shape that needs more",
                   where);
  }
  const uint64_t begin = entry.offsets[0], end = entry.offsets[1];
  if (begin > end || end > data_bytes) {
    return Corrupt(fmt::format("{}: expected data_offsets within {} data bytes (is the file cut "
                               "off?), found [{}, {}]",
                               subject, data_bytes, begin, end),
                   where);
  }
  if (end - begin != *size_bytes) {
    return Corrupt(fmt::format("{}: expected {} bytes for its shape and dtype {}, found {} "
                               "(data_offsets [{}, {}])",
                               subject, *size_bytes, TraitsOf(*type).name, end - begin, begin, end),
                   where);
  }
  tensor.size_bytes = *size_bytes;
  tensor.offset_bytes = data_offset_bytes + begin;
  if (tensor.offset_bytes % elem_bytes != 0) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected data at a multiple of {} bytes, found offset {}; saving "
                            "the file anew with a current safetensors aligns it",
                            subject, elem_bytes, tensor.offset_bytes),
                where);
  }
  return tensor;
}

// Sorted tensors must fill the data section from its first byte to its last.
Result<void> CheckCoverage(const SafetensorsHeader& header, uint64_t file_bytes,
                           const std::string& where) {
  uint64_t expected = header.data_offset_bytes;
  for (const TensorInfo& tensor : header.tensors) {
    if (tensor.offset_bytes != expected) {
      return Corrupt(
          fmt::format("tensor {}: expected its data at offset {} (where the tensor before "
                      "it ends), found {}: {}",
                      Quoted(tensor.name), expected, tensor.offset_bytes,
                      tensor.offset_bytes < expected ? "they overlap" : "there is a hole"),
          where);
    }
    expected += tensor.size_bytes;
  }
  if (expected != file_bytes) {
    return Corrupt(
        fmt::format("expected the file to end with its last tensor at {} bytes, found {}", expected,
                    file_bytes),
        where);
  }
  return {};
}

}  // namespace

Result<SafetensorsHeader> ParseSafetensors(std::span<const std::byte> bytes,
                                           const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string_view text, HeaderText(bytes, where));
  DRAGOMAN_ASSIGN_OR_RETURN(SafetensorsEntries entries, ParseSafetensorsJson(text, where));
  SafetensorsHeader header;
  header.metadata = std::move(entries.metadata);
  header.data_offset_bytes = kLengthBytes + text.size();
  const uint64_t data_bytes = bytes.size() - header.data_offset_bytes;
  header.tensors.reserve(entries.tensors.size());
  for (SafetensorsEntry& entry : entries.tensors) {
    DRAGOMAN_ASSIGN_OR_RETURN(
        TensorInfo tensor, ToTensor(std::move(entry), header.data_offset_bytes, data_bytes, where));
    header.tensors.push_back(std::move(tensor));
  }
  std::stable_sort(
      header.tensors.begin(), header.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
        return std::pair(a.offset_bytes, a.size_bytes) < std::pair(b.offset_bytes, b.size_bytes);
      });
  DRAGOMAN_RETURN_IF_ERROR(CheckCoverage(header, bytes.size(), where));
  return header;
}

}  // namespace dragoman
