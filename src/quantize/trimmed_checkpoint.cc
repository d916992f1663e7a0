#include "quantize/trimmed_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace dragoman {
namespace {

class TrimmedCheckpoint : public Checkpoint {
 public:
  TrimmedCheckpoint(std::unique_ptr<Checkpoint> whole, std::vector<int32_t> kept_rows,
                    const std::set<std::string>& names)
      : whole_(std::move(whole)), kept_rows_(std::move(kept_rows)), tensors_(whole_->tensors()) {
    for (TensorInfo& info : tensors_) {
      if (!names.contains(info.name)) continue;
      info.size_bytes = info.size_bytes / info.rows() * kept_rows_.size();
      info.shape.front() = kept_rows_.size();
      gathered_[info.name];
    }
  }

  ContainerFormat format() const override { return whole_->format(); }
  const std::string& path() const override { return whole_->path(); }
  const std::vector<std::string>& files() const override { return whole_->files(); }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  const std::string& folder() const override { return whole_->folder(); }
  const GgufFile* gguf() const override { return whole_->gguf(); }

  const TensorInfo* Find(std::string_view name) const override {
    const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                    [name](const TensorInfo& info) { return info.name == name; });
    return found == tensors_.end() ? nullptr : &*found;
  }

  std::span<const std::byte> Data(const TensorInfo& tensor) const override {
    const auto found = gathered_.find(tensor.name);
    if (found == gathered_.end()) return whole_->Data(tensor);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (found->second.empty()) found->second = Gather(tensor);
    return found->second;
  }

  void Release(const TensorInfo& tensor) const override {
    const auto found = gathered_.find(tensor.name);
    if (found == gathered_.end()) return whole_->Release(tensor);
    const std::lock_guard<std::mutex> lock(mutex_);
    found->second = {};
  }

 private:
  std::vector<std::byte> Gather(const TensorInfo& tensor) const {
    const TensorInfo& all = *whole_->Find(tensor.name);
    const std::span<const std::byte> from = whole_->Data(all);
    const size_t row_bytes = tensor.size_bytes / kept_rows_.size();
    std::vector<std::byte> rows(tensor.size_bytes);
    for (size_t i = 0; i < kept_rows_.size(); ++i) {
      std::memcpy(rows.data() + i * row_bytes,
                  from.data() + static_cast<size_t>(kept_rows_[i]) * row_bytes, row_bytes);
    }
    whole_->Release(all);
    return rows;
  }

  std::unique_ptr<Checkpoint> whole_;
  std::vector<int32_t> kept_rows_;
  std::vector<TensorInfo> tensors_;  // never grows: others point into it
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::vector<std::byte>, std::less<>> gathered_;  // empty: not now
};

}  // namespace

bool HasARowPerPiece(const ModelTensor& tensor) {
  return tensor.role == TensorRole::kTokenEmbedding || tensor.role == TensorRole::kOutput;
}

Result<std::unique_ptr<Checkpoint>> TrimCheckpoint(std::unique_ptr<Checkpoint> whole,
                                                   std::vector<int32_t> kept_rows,
                                                   ModelTensorMap& map) {
  std::set<std::string> names;
  for (const ModelTensor& tensor : map.tensors) {
    if (!HasARowPerPiece(tensor)) continue;
    names.insert(tensor.info->name);
    const uint64_t rows = tensor.info->rows();
    const bool there = !kept_rows.empty() && kept_rows.front() >= 0 &&
                       static_cast<uint64_t>(kept_rows.back()) < rows;
    if (!there) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected a row for each of {} kept pieces, found {} rows",
                              kept_rows.size(), rows),
                  whole->path() + ": tensor " + tensor.info->name);
    }
  }
  auto trimmed = std::make_unique<TrimmedCheckpoint>(std::move(whole), std::move(kept_rows), names);
  for (ModelTensor& tensor : map.tensors) {
    tensor.info = trimmed->Find(tensor.info->name);
    tensor.shape = tensor.info->shape;
  }
  for (const TensorInfo*& info : map.left_out) info = trimmed->Find(info->name);
  return std::unique_ptr<Checkpoint>(std::move(trimmed));
}

}  // namespace dragoman
