// GGUF v3: typed metadata and tensors in one little-endian file. Reader and writer.
//
// Layout and limits: docs/formats/gguf.md. The reader trusts nothing: counts, lengths, offsets,
// alignment, UTF-8, duplicate names and overlaps are checked before any allocation that depends on
// them.
#ifndef DRAGOMAN_FORMATS_GGUF_H_
#define DRAGOMAN_FORMATS_GGUF_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/mapped_file.h"
#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "formats/checkpoint.h"

namespace dragoman {

// Value type ids of the format.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// Limits of the reader, all checked before memory is taken (docs/formats/gguf.md gives the
// reasons).
inline constexpr uint64_t kGgufMaxTensors = uint64_t{1} << 17;
inline constexpr uint64_t kGgufMaxKeyValues = uint64_t{1} << 16;
inline constexpr uint64_t kGgufMaxKeyBytes = 65535;
inline constexpr uint64_t kGgufMaxNameBytes = 64;  // read; 63 written, more than some readers take
inline constexpr uint64_t kGgufMaxStringBytes = uint64_t{1} << 26;
inline constexpr uint64_t kGgufMaxArrayElems = uint64_t{1}
                                               << 24;  // of all arrays of a file together
inline constexpr uint32_t kGgufMaxDims = 4;
inline constexpr uint64_t kGgufDefaultAlignmentBytes = 32;
inline constexpr uint64_t kGgufMinAlignmentBytes = 8;
inline constexpr uint64_t kGgufMaxAlignmentBytes = uint64_t{1} << 20;

// A power of two within the limits above.
constexpr bool IsGgufAlignment(uint64_t value) {
  return value >= kGgufMinAlignmentBytes && value <= kGgufMaxAlignmentBytes &&
         (value & (value - 1)) == 0;
}

// One metadata value. Integers are widened to 64 bits and `type` keeps the width in the file.
// Arrays hold one element type: strings, integers (any width, bool as 0/1, u64 by its bits) or
// floats; nested arrays are refused. Unsigned scalars are uint64_t, signed ones int64_t.
struct GgufValue {
  GgufType type = GgufType::kU32;  // element type when is_array
  bool is_array = false;
  std::variant<uint64_t, int64_t, double, bool, std::string, std::vector<std::string>,
               std::vector<int64_t>, std::vector<double>>
      value = uint64_t{0};

  static GgufValue U32(uint32_t v) { return {GgufType::kU32, false, uint64_t{v}}; }
  static GgufValue U16(uint16_t v) { return {GgufType::kU16, false, uint64_t{v}}; }
  static GgufValue U8(uint8_t v) { return {GgufType::kU8, false, uint64_t{v}}; }
  static GgufValue U64(uint64_t v) { return {GgufType::kU64, false, v}; }
  static GgufValue I64(int64_t v) { return {GgufType::kI64, false, v}; }
  static GgufValue F64(double v) { return {GgufType::kF64, false, v}; }
  static GgufValue I32(int32_t v) { return {GgufType::kI32, false, int64_t{v}}; }
  static GgufValue F32(float v) { return {GgufType::kF32, false, double{v}}; }
  static GgufValue Bool(bool v) { return {GgufType::kBool, false, v}; }
  static GgufValue String(std::string v) { return {GgufType::kString, false, std::move(v)}; }
  static GgufValue Strings(std::vector<std::string> v) {
    return {GgufType::kString, true, std::move(v)};
  }
  static GgufValue I32s(std::vector<int64_t> v) { return {GgufType::kI32, true, std::move(v)}; }
  static GgufValue F32s(std::vector<double> v) { return {GgufType::kF32, true, std::move(v)}; }
};

using GgufMetadata = std::vector<std::pair<std::string, GgufValue>>;  // in file order

class GgufFile {
 public:
  // Maps and checks the file. Errors: kNotFound, kIo, kCorruptFile, kUnsupported.
  static Result<GgufFile> Open(const std::string& path);
  // Checks bytes that stay alive as long as the object; `where` names them in errors.
  static Result<GgufFile> Parse(std::span<const std::byte> bytes, const std::string& where);

  const GgufMetadata& metadata() const { return metadata_; }
  const GgufValue* Find(std::string_view key) const;
  // Typed lookups; nullopt when absent or of another kind. Integers of any width are accepted.
  std::optional<uint64_t> FindUnsigned(std::string_view key) const;
  std::optional<double> FindFloat(std::string_view key) const;
  std::optional<bool> FindBool(std::string_view key) const;
  const std::string* FindString(std::string_view key) const;
  const std::vector<std::string>* FindStrings(std::string_view key) const;
  const std::vector<int64_t>* FindIntegers(std::string_view key) const;
  const std::vector<double>* FindFloats(std::string_view key) const;

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  std::span<const std::byte> Data(const TensorInfo& tensor) const;
  uint64_t alignment_bytes() const { return alignment_bytes_; }
  uint64_t data_offset_bytes() const { return data_offset_bytes_; }
  const MappedFile& file() const { return file_; }

 private:
  friend class GgufParser;
  MappedFile file_;
  std::span<const std::byte> bytes_;
  GgufMetadata metadata_;
  std::map<std::string, size_t, std::less<>> metadata_index_;
  std::vector<TensorInfo> tensors_;
  uint64_t alignment_bytes_ = 32;
  uint64_t data_offset_bytes_ = 0;
};

struct GgufTensorPlan {
  std::string name;
  BlockType type = BlockType::kF32;
  std::vector<uint64_t> shape;  // outermost first
};

// Size of the whole file that WriteGguf would write, without writing it. Errors: kInvalidArgument.
Result<uint64_t> GgufFileBytes(const GgufMetadata& metadata,
                               std::span<const GgufTensorPlan> tensors);

// Receives a tensor's bytes piece by piece, in order.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;
// Called once per tensor, in order: must emit exactly the tensor's bytes into the sink.
using TensorSource = std::function<Result<void>(size_t index, const ByteSink& sink)>;

// Writes atomically (temporary file, fsync, rename), streaming. Errors: kIo, kInternal when a
// source emits a wrong number of bytes, and whatever the source returns.
Result<void> WriteGguf(const std::string& path, const GgufMetadata& metadata,
                       std::span<const GgufTensorPlan> tensors, const TensorSource& source);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_GGUF_H_
