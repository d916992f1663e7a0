// Writes GGUF v3: a header built in memory, then the tensors streamed one after the other.
#include <fmt/format.h>

#include <set>

#include "base/checked_math.h"
#include "base/utf8.h"
#include "formats/gguf.h"
#include "formats/names.h"
#include "formats/tensor_stream.h"

namespace dragoman {
namespace {

// Some readers keep names in 64 bytes with a terminating zero.
constexpr uint64_t kMaxWrittenNameBytes = 63;

struct Layout {
  std::string header;  // everything before the data section, padding included
  std::vector<uint64_t> sizes_bytes;
  uint64_t alignment_bytes = kGgufDefaultAlignmentBytes;
  uint64_t file_bytes = 0;
};

tl::unexpected<Error> Invalid(const std::string& message) {
  return Fail(ErrorCode::kInvalidArgument, "cannot write GGUF: " + message);
}

template <typename Number>
void Append(std::string& out, Number value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendString(std::string& out, std::string_view text) {
  Append<uint64_t>(out, text.size());
  out += text;
}

// A stored integer type must hold the value it was widened to.
template <typename Stored, typename Widened>
bool AppendInteger(std::string& out, Widened value) {
  if (static_cast<Widened>(static_cast<Stored>(value)) != value) return false;
  Append(out, static_cast<Stored>(value));
  return true;
}

template <typename Widened>
bool AppendInteger(std::string& out, GgufType type, Widened value) {
  switch (type) {
    case GgufType::kU8:
      return AppendInteger<uint8_t>(out, value);
    case GgufType::kI8:
      return AppendInteger<int8_t>(out, value);
    case GgufType::kU16:
      return AppendInteger<uint16_t>(out, value);
    case GgufType::kI16:
      return AppendInteger<int16_t>(out, value);
    case GgufType::kU32:
      return AppendInteger<uint32_t>(out, value);
    case GgufType::kI32:
      return AppendInteger<int32_t>(out, value);
    case GgufType::kU64:
      return AppendInteger<uint64_t>(out, value);
    case GgufType::kI64:
      return AppendInteger<int64_t>(out, value);
    case GgufType::kBool:
      return (value == 0 || value == 1) && AppendInteger<uint8_t>(out, value);
    default:
      return false;
  }
}

bool AppendFloat(std::string& out, GgufType type, double value) {
  if (type == GgufType::kF64) {
    Append(out, value);
  } else if (type == GgufType::kF32) {
    Append(out, static_cast<float>(value));
  } else {
    return false;
  }
  return true;
}

bool AppendText(std::string& out, GgufType type, const std::string& text) {
  if (type != GgufType::kString || text.size() > kGgufMaxStringBytes || !IsValidUtf8(text)) {
    return false;
  }
  AppendString(out, text);
  return true;
}

bool IsSignedInteger(GgufType type) {
  return type == GgufType::kI8 || type == GgufType::kI16 || type == GgufType::kI32 ||
         type == GgufType::kI64;
}

// Appends one value without its type; false when type and value do not fit each other.
struct ValueAppender {
  std::string& out;
  const GgufValue& holder;

  bool operator()(uint64_t v) const {
    return !holder.is_array && holder.type != GgufType::kBool && !IsSignedInteger(holder.type) &&
           AppendInteger(out, holder.type, v);
  }
  bool operator()(int64_t v) const {
    return !holder.is_array && IsSignedInteger(holder.type) && AppendInteger(out, holder.type, v);
  }
  bool operator()(double v) const { return !holder.is_array && AppendFloat(out, holder.type, v); }
  bool operator()(bool v) const {
    if (holder.is_array || holder.type != GgufType::kBool) return false;
    Append<uint8_t>(out, v ? 1 : 0);
    return true;
  }
  bool operator()(const std::string& v) const {
    return !holder.is_array && AppendText(out, holder.type, v);
  }
  template <typename Elem>
  bool operator()(const std::vector<Elem>& elems) const {
    if (!holder.is_array) return false;
    Append<uint64_t>(out, elems.size());
    for (const Elem& elem : elems) {
      if (!AppendElem(elem)) return false;
    }
    return true;
  }

 private:
  bool AppendElem(const std::string& elem) const { return AppendText(out, holder.type, elem); }
  bool AppendElem(int64_t elem) const { return AppendInteger(out, holder.type, elem); }
  bool AppendElem(double elem) const { return AppendFloat(out, holder.type, elem); }
};

// An empty array writes no element that could contradict its type.
bool ArrayTypeFits(const GgufValue& value) {
  if (!value.is_array) return true;
  if (std::holds_alternative<std::vector<std::string>>(value.value)) {
    return value.type == GgufType::kString;
  }
  const bool is_float = value.type == GgufType::kF32 || value.type == GgufType::kF64;
  if (std::holds_alternative<std::vector<double>>(value.value)) return is_float;
  return !is_float && value.type != GgufType::kString && value.type != GgufType::kArray;
}

Result<void> AppendMetadata(const GgufMetadata& metadata, Layout& layout) {
  std::set<std::string_view> keys;
  for (const auto& [key, value] : metadata) {
    const std::string problem = ProblemWithName(key, kGgufMaxKeyBytes);
    if (!problem.empty()) return Invalid("metadata key " + Quoted(key) + ": " + problem);
    if (!keys.insert(key).second) return Invalid("metadata key " + Quoted(key) + " given twice");
    AppendString(layout.header, key);
    if (value.is_array) Append(layout.header, static_cast<uint32_t>(GgufType::kArray));
    Append(layout.header, static_cast<uint32_t>(value.type));
    if (!ArrayTypeFits(value) || !std::visit(ValueAppender{layout.header, value}, value.value)) {
      return Invalid("metadata key " + Quoted(key) + ": its value does not fit its type");
    }
    if (key != "general.alignment") continue;
    const uint64_t* alignment = std::get_if<uint64_t>(&value.value);
    if (alignment == nullptr || value.type != GgufType::kU32 || !IsGgufAlignment(*alignment)) {
      return Invalid(fmt::format("general.alignment: expected a u32, a power of two from {} to {}",
                                 kGgufMinAlignmentBytes, kGgufMaxAlignmentBytes));
    }
    layout.alignment_bytes = *alignment;
  }
  return {};
}

Result<uint64_t> CheckedTensorBytes(const GgufTensorPlan& tensor) {
  const std::string problem = ProblemWithName(tensor.name, kMaxWrittenNameBytes);
  if (!problem.empty()) return Invalid("tensor " + Quoted(tensor.name) + ": its name: " + problem);
  if (tensor.shape.size() > kGgufMaxDims) {
    return Invalid(fmt::format("tensor {}: expected at most {} dimensions, found {}",
                               Quoted(tensor.name), kGgufMaxDims, tensor.shape.size()));
  }
  const auto elems = CheckedProduct(tensor.shape);
  const uint64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (!elems || *elems > static_cast<uint64_t>(INT64_MAX)) {
    return Invalid("tensor " + Quoted(tensor.name) + ": its shape is too large");
  }
  const auto bytes = TensorBytes(tensor.type, cols == 0 ? 0 : *elems / cols, cols);
  if (!bytes) {
    return Invalid(fmt::format(
        "tensor {}: expected rows of a multiple of {} weights for {}, "
        "found {}",
        Quoted(tensor.name), TraitsOf(tensor.type).block_elems, TraitsOf(tensor.type).name, cols));
  }
  return *bytes;
}

Result<Layout> PlanLayout(const GgufMetadata& metadata, std::span<const GgufTensorPlan> tensors) {
  if (metadata.size() > kGgufMaxKeyValues || tensors.size() > kGgufMaxTensors) {
    return Invalid("too many metadata keys or tensors");
  }
  Layout layout;
  layout.header = "GGUF";
  Append<uint32_t>(layout.header, 3);
  Append<uint64_t>(layout.header, tensors.size());
  Append<uint64_t>(layout.header, metadata.size());
  DRAGOMAN_RETURN_IF_ERROR(AppendMetadata(metadata, layout));
  std::set<std::string_view> names;
  uint64_t data_bytes = 0;
  for (const GgufTensorPlan& tensor : tensors) {
    DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes, CheckedTensorBytes(tensor));
    if (!names.insert(tensor.name).second) {
      return Invalid("tensor " + Quoted(tensor.name) + " given twice");
    }
    AppendString(layout.header, tensor.name);
    Append<uint32_t>(layout.header, static_cast<uint32_t>(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i-- > 0;) {
      Append<uint64_t>(layout.header, tensor.shape[i]);
    }
    Append<uint32_t>(layout.header, static_cast<uint32_t>(tensor.type));
    Append<uint64_t>(layout.header, data_bytes);
    const auto end = CheckedAdd(data_bytes, bytes);
    const auto next = end ? CheckedAlignUp(*end, layout.alignment_bytes) : std::nullopt;
    if (!next) return Invalid("the tensors are too large together");
    layout.sizes_bytes.push_back(bytes);
    data_bytes = *next;
  }
  const auto start = CheckedAlignUp(layout.header.size(), layout.alignment_bytes);
  const auto total = start ? CheckedAdd(*start, data_bytes) : std::nullopt;
  if (!total) return Invalid("the tensors are too large together");
  layout.header.resize(*start, '\0');
  layout.file_bytes = *total;
  return layout;
}

}  // namespace

Result<uint64_t> GgufFileBytes(const GgufMetadata& metadata,
                               std::span<const GgufTensorPlan> tensors) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Layout layout, PlanLayout(metadata, tensors));
  return layout.file_bytes;
}

Result<void> WriteGguf(const std::string& path, const GgufMetadata& metadata,
                       std::span<const GgufTensorPlan> tensors, const TensorSource& source) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Layout layout, PlanLayout(metadata, tensors));
  DRAGOMAN_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  DRAGOMAN_RETURN_IF_ERROR(file.Write(layout.header));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const uint64_t bytes = layout.sizes_bytes[i];
    DRAGOMAN_RETURN_IF_ERROR(StreamTensor(source, i, tensors[i].name, bytes, path, file));
    DRAGOMAN_RETURN_IF_ERROR(
        file.WriteZeros(*CheckedAlignUp(bytes, layout.alignment_bytes) - bytes));
  }
  return file.Commit();
}

}  // namespace dragoman
