#include "formats/mapped_checkpoint.h"

#include <fmt/format.h>

#include "formats/names.h"

namespace dragoman {

const TensorInfo* MappedCheckpoint::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::span<const std::byte> MappedCheckpoint::Data(const TensorInfo& tensor) const {
  return MappedAt(tensor.file_index).bytes().subspan(tensor.offset_bytes, tensor.size_bytes);
}

void MappedCheckpoint::Release(const TensorInfo& tensor) const {
  MappedAt(tensor.file_index).AdviseDontNeed(tensor.offset_bytes, tensor.size_bytes);
}

Result<void> MappedCheckpoint::IndexTensors() {
  by_name_.reserve(tensors_.size());
  for (const TensorInfo& tensor : tensors_) {
    const auto [other, inserted] = by_name_.emplace(tensor.name, &tensor);
    if (!inserted) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("tensor {}: expected it in one file, found it in {} too",
                              Quoted(tensor.name), files_[other->second->file_index]),
                  files_[tensor.file_index]);
    }
  }
  return {};
}

}  // namespace dragoman
