// safetensors as a checkpoint: one file, or the shards that model.safetensors.index.json lists.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/json.h"
#include "formats/mapped_checkpoint.h"
#include "formats/names.h"
#include "formats/safetensors.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

class SafetensorsCheckpoint : public MappedCheckpoint {
 public:
  SafetensorsCheckpoint(std::string path, std::string folder)
      : MappedCheckpoint(std::move(path)), folder_(std::move(folder)) {}

  ContainerFormat format() const override { return ContainerFormat::kSafetensors; }
  const std::string& folder() const override { return folder_; }
  const GgufFile* gguf() const override { return nullptr; }

  Result<void> AddFile(const std::string& file);
  // Every name of the index must be in the file it names, and every tensor in the index.
  Result<void> CheckAgainstIndex(const std::map<std::string, std::string>& weight_map,
                                 const std::string& index_file);
  using MappedCheckpoint::IndexTensors;

 private:
  const MappedFile& MappedAt(uint32_t file_index) const override { return mapped_[file_index]; }

  std::string folder_;
  std::vector<MappedFile> mapped_;
};

Result<void> SafetensorsCheckpoint::AddFile(const std::string& file) {
  DRAGOMAN_ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(file));
  DRAGOMAN_ASSIGN_OR_RETURN(SafetensorsHeader header, ParseSafetensors(mapped.bytes(), file));
  for (TensorInfo& tensor : header.tensors) {
    tensor.file_index = static_cast<uint32_t>(mapped_.size());
    tensors_.push_back(std::move(tensor));
  }
  files_.push_back(file);
  mapped_.push_back(std::move(mapped));
  return {};
}

Result<void> SafetensorsCheckpoint::CheckAgainstIndex(
    const std::map<std::string, std::string>& weight_map, const std::string& index_file) {
  for (const auto& [name, file] : weight_map) {
    const TensorInfo* tensor = Find(name);
    const std::string found =
        tensor == nullptr ? "" : fs::path(files_[tensor->file_index]).filename().string();
    if (found != file) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("tensor {}: expected in {}, found {}", Quoted(name), Quoted(file),
                              found.empty() ? "nowhere" : "in " + Quoted(found)),
                  index_file);
    }
  }
  for (const TensorInfo& tensor : tensors_) {
    if (weight_map.count(tensor.name) == 0) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("tensor {}: found in {}, but not in the index", Quoted(tensor.name),
                              files_[tensor.file_index]),
                  index_file);
    }
  }
  return {};
}

// A shard lies beside the index: a plain file name, nothing that leads elsewhere.
bool IsPlainShardName(const std::string& name) {
  return ProblemWithName(name, 255).empty() && name.find('/') == name.npos &&
         name.find('\\') == name.npos && name.ends_with(".safetensors") && name.front() != '.';
}

Result<std::map<std::string, std::string>> ReadWeightMap(const std::string& index_file) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json index, ReadJsonFile(index_file, kSafetensorsMaxIndexBytes));
  const auto corrupt = [&](const std::string& problem) {
    return Fail(ErrorCode::kCorruptFile, problem, index_file);
  };
  const auto found = index.is_object() ? index.find("weight_map") : index.end();
  if (found == index.end() || !found->is_object() || found->empty()) {
    return corrupt("expected an object with a weight_map that names tensors, found none");
  }
  std::map<std::string, std::string> weight_map;
  for (const auto& [name, file] : found->items()) {
    if (!file.is_string()) return corrupt("tensor " + Quoted(name) + ": expected a file name");
    const auto& file_name = file.get_ref<const std::string&>();
    if (!IsPlainShardName(file_name)) {
      return corrupt(
          fmt::format("tensor {}: expected a *.safetensors file beside the index, "
                      "found {}",
                      Quoted(name), Quoted(file_name)));
    }
    weight_map.emplace(name, file_name);
  }
  return weight_map;
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenSafetensorsFile(const std::string& path,
                                                        const std::string& file) {
  auto checkpoint =
      std::make_unique<SafetensorsCheckpoint>(path, fs::path(file).parent_path().string());
  DRAGOMAN_RETURN_IF_ERROR(checkpoint->AddFile(file));
  DRAGOMAN_RETURN_IF_ERROR(checkpoint->IndexTensors());
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

Result<std::unique_ptr<Checkpoint>> OpenSafetensorsIndex(const std::string& path,
                                                         const std::string& index_file) {
  DRAGOMAN_ASSIGN_OR_RETURN(const auto weight_map, ReadWeightMap(index_file));
  std::vector<std::string> names;
  for (const auto& entry : weight_map) names.push_back(entry.second);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > kSafetensorsMaxShards) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected at most {} files, found {}", kSafetensorsMaxShards, names.size()),
        index_file);
  }
  const fs::path folder = fs::path(index_file).parent_path();
  auto checkpoint = std::make_unique<SafetensorsCheckpoint>(path, folder.string());
  for (const std::string& name : names) {
    DRAGOMAN_RETURN_IF_ERROR(checkpoint->AddFile((folder / name).string()));
  }
  DRAGOMAN_RETURN_IF_ERROR(checkpoint->IndexTensors());
  DRAGOMAN_RETURN_IF_ERROR(checkpoint->CheckAgainstIndex(weight_map, index_file));
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

}  // namespace dragoman
