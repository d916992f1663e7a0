// A GGUF as a checkpoint: one file, or the shards name-00001-of-0000N.gguf of one that was split.
#include <fmt/format.h>

#include "formats/gguf.h"
#include "formats/mapped_checkpoint.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxShards = 1000;

class GgufCheckpoint : public MappedCheckpoint {
 public:
  static Result<std::unique_ptr<Checkpoint>> Open(const std::string& path, const std::string& file);

  ContainerFormat format() const override { return ContainerFormat::kGguf; }
  const std::string& folder() const override { return no_folder_; }
  const GgufFile* gguf() const override { return &shards_.front(); }

 private:
  explicit GgufCheckpoint(std::string path) : MappedCheckpoint(std::move(path)) {}
  const MappedFile& MappedAt(uint32_t file_index) const override {
    return shards_[file_index].file();
  }
  Result<void> OpenShards(const std::string& first_file);
  void AddShard(GgufFile shard, const std::string& file);

  std::string no_folder_;
  std::vector<GgufFile> shards_;
};

std::string ShardSuffix(uint64_t number, uint64_t count) {
  return fmt::format("-{:05d}-of-{:05d}.gguf", number, count);
}

void GgufCheckpoint::AddShard(GgufFile shard, const std::string& file) {
  for (TensorInfo tensor : shard.tensors()) {
    tensor.file_index = static_cast<uint32_t>(shards_.size());
    tensors_.push_back(std::move(tensor));
  }
  files_.push_back(file);
  shards_.push_back(std::move(shard));
}

Result<void> GgufCheckpoint::OpenShards(const std::string& first_file) {
  DRAGOMAN_ASSIGN_OR_RETURN(GgufFile first, GgufFile::Open(first_file));
  const uint64_t count = first.FindUnsigned("split.count").value_or(0);
  const uint64_t number = first.FindUnsigned("split.no").value_or(0);
  const uint64_t expected_tensors = first.FindUnsigned("split.tensors.count").value_or(0);
  if (count <= 1) {
    AddShard(std::move(first), first_file);
    return {};
  }
  if (count > kMaxShards) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("split.count: expected at most {}, found {}", kMaxShards, count),
                first_file);
  }
  if (number != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected the first shard (its name ends in {}), found shard {} of {}",
                            ShardSuffix(1, count), number + 1, count),
                first_file);
  }
  const std::string suffix = ShardSuffix(1, count);
  if (!std::string_view(first_file).ends_with(suffix)) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("the model is split into {} files: expected a name ending in {}", count,
                            suffix),
                first_file);
  }
  const std::string stem = first_file.substr(0, first_file.size() - suffix.size());
  AddShard(std::move(first), first_file);
  for (uint64_t i = 1; i < count; ++i) {
    const std::string file = stem + ShardSuffix(i + 1, count);
    DRAGOMAN_ASSIGN_OR_RETURN(GgufFile shard, GgufFile::Open(file));
    const auto found_count = shard.FindUnsigned("split.count");
    const auto found_number = shard.FindUnsigned("split.no");
    if (found_count != count || found_number != i) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected split.no {} and split.count {}, found {} and {}", i, count,
                              found_number ? fmt::to_string(*found_number) : "none",
                              found_count ? fmt::to_string(*found_count) : "none"),
                  file);
    }
    AddShard(std::move(shard), file);
  }
  if (tensors_.size() != expected_tensors) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("split.tensors.count: expected {} tensors in {} files, found {}",
                            expected_tensors, count, tensors_.size()),
                first_file);
  }
  return {};
}

Result<std::unique_ptr<Checkpoint>> GgufCheckpoint::Open(const std::string& path,
                                                         const std::string& file) {
  std::unique_ptr<GgufCheckpoint> checkpoint(new GgufCheckpoint(path));
  DRAGOMAN_RETURN_IF_ERROR(checkpoint->OpenShards(file));
  DRAGOMAN_RETURN_IF_ERROR(checkpoint->IndexTensors());
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenGgufCheckpoint(const std::string& path,
                                                       const std::string& file) {
  return GgufCheckpoint::Open(path, file);
}

}  // namespace dragoman
