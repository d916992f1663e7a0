// Writes safetensors: the JSON header, padded so that the data starts at a multiple of 8, then the
// tensors.
#include <fmt/format.h>

#include <set>

#include "base/checked_math.h"
#include "base/json.h"
#include "formats/names.h"
#include "formats/safetensors.h"
#include "formats/safetensors_dtype.h"
#include "formats/tensor_stream.h"

namespace dragoman {
namespace {

constexpr uint64_t kHeaderLengthBytes = 8;
constexpr uint64_t kHeaderAlignmentBytes = 8;

struct SafetensorsLayout {
  std::string header;  // length and JSON
  std::vector<uint64_t> sizes_bytes;
  uint64_t file_bytes = 0;
};

tl::unexpected<Error> InvalidSafetensors(const std::string& message) {
  return Fail(ErrorCode::kInvalidArgument, "cannot write safetensors: " + message);
}

Result<uint64_t> CheckedTensorBytes(const GgufTensorPlan& tensor, uint64_t begin) {
  const std::string subject = "tensor " + Quoted(tensor.name);
  const std::string problem = ProblemWithName(tensor.name, kSafetensorsMaxNameBytes);
  if (!problem.empty()) return InvalidSafetensors(subject + ": its name: " + problem);
  if (tensor.name == "__metadata__") return InvalidSafetensors(subject + ": the name is reserved");
  const BlockTraits& traits = TraitsOf(tensor.type);
  if (!ParseSafetensorsDtype(traits.name)) {
    return InvalidSafetensors(fmt::format("{}: the format has no type {}", subject, traits.name));
  }
  if (tensor.shape.size() > kSafetensorsMaxDims)
    return InvalidSafetensors(subject + ": too many dimensions");
  const auto elems = CheckedProduct(tensor.shape);
  const auto bytes = elems ? CheckedMul(*elems, traits.block_bytes) : std::nullopt;
  if (!bytes || *bytes > static_cast<uint64_t>(INT64_MAX)) {
    return InvalidSafetensors(subject + ": its shape is too large");
  }
  if (begin % traits.block_bytes != 0) {
    return InvalidSafetensors(
        fmt::format("{}: would lie at data offset {}, no multiple of its element's {} "
                    "bytes; give tensors of larger elements first",
                    subject, begin, traits.block_bytes));
  }
  return *bytes;
}

Result<SafetensorsLayout> PlanLayout(std::span<const GgufTensorPlan> tensors) {
  if (tensors.size() > kSafetensorsMaxTensors) return InvalidSafetensors("too many tensors");
  SafetensorsLayout layout;
  OrderedJson header = {{"__metadata__", {{"format", "pt"}}}};
  std::set<std::string_view> names;
  uint64_t data_bytes = 0;
  for (const GgufTensorPlan& tensor : tensors) {
    DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes, CheckedTensorBytes(tensor, data_bytes));
    if (!names.insert(tensor.name).second) {
      return InvalidSafetensors("tensor " + Quoted(tensor.name) + " given twice");
    }
    const auto end = CheckedAdd(data_bytes, bytes);
    if (!end) return InvalidSafetensors("the tensors are too large together");
    // push_back, not operator[]: looking up a name in ordered JSON walks all of it.
    auto& members = header.get_ref<OrderedJson::object_t&>();
    members.push_back({tensor.name, OrderedJson{{"dtype", TraitsOf(tensor.type).name},
                                                {"shape", tensor.shape},
                                                {"data_offsets", {data_bytes, *end}}}});
    layout.sizes_bytes.push_back(bytes);
    data_bytes = *end;
  }
  std::string json = header.dump();
  json.resize(*CheckedAlignUp(json.size(), kHeaderAlignmentBytes), ' ');
  if (json.size() > kSafetensorsMaxHeaderBytes)
    return InvalidSafetensors("the header is too large");
  const uint64_t length = json.size();
  layout.header.assign(reinterpret_cast<const char*>(&length), kHeaderLengthBytes);
  layout.header += json;
  const auto total = CheckedAdd(layout.header.size(), data_bytes);
  if (!total) return InvalidSafetensors("the tensors are too large together");
  layout.file_bytes = *total;
  return layout;
}

}  // namespace

Result<uint64_t> SafetensorsFileBytes(std::span<const GgufTensorPlan> tensors) {
  DRAGOMAN_ASSIGN_OR_RETURN(const SafetensorsLayout layout, PlanLayout(tensors));
  return layout.file_bytes;
}

Result<void> WriteSafetensors(const std::string& path, std::span<const GgufTensorPlan> tensors,
                              const TensorSource& source) {
  DRAGOMAN_ASSIGN_OR_RETURN(const SafetensorsLayout layout, PlanLayout(tensors));
  DRAGOMAN_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  DRAGOMAN_RETURN_IF_ERROR(file.Write(layout.header));
  for (size_t i = 0; i < tensors.size(); ++i) {
    DRAGOMAN_RETURN_IF_ERROR(
        StreamTensor(source, i, tensors[i].name, layout.sizes_bytes[i], path, file));
  }
  return file.Commit();
}

}  // namespace dragoman
