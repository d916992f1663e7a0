// The part of a checkpoint that all containers share: mapped files and a name index over their
// tensors.
#ifndef DRAGOMAN_FORMATS_MAPPED_CHECKPOINT_H_
#define DRAGOMAN_FORMATS_MAPPED_CHECKPOINT_H_

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mapped_file.h"
#include "dragoman/result.h"
#include "formats/checkpoint.h"

namespace dragoman {

class MappedCheckpoint : public Checkpoint {
 public:
  const std::string& path() const override { return path_; }
  const std::vector<std::string>& files() const override { return files_; }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  const TensorInfo* Find(std::string_view name) const override;
  std::span<const std::byte> Data(const TensorInfo& tensor) const override;
  void Release(const TensorInfo& tensor) const override;

 protected:
  explicit MappedCheckpoint(std::string path) : path_(std::move(path)) {}

  // The file that TensorInfo::file_index means.
  virtual const MappedFile& MappedAt(uint32_t file_index) const = 0;
  // Fills the index once tensors_ is complete. Errors: kCorruptFile when two files hold the same
  // name.
  Result<void> IndexTensors();

  std::string path_;
  std::vector<std::string> files_;
  std::vector<TensorInfo> tensors_;

 private:
  std::unordered_map<std::string_view, const TensorInfo*> by_name_;
};

// One for each container; OpenCheckpoint chooses. `path` is what the user gave, the other what was
// found there.
Result<std::unique_ptr<Checkpoint>> OpenGgufCheckpoint(const std::string& path,
                                                       const std::string& file);
Result<std::unique_ptr<Checkpoint>> OpenSafetensorsFile(const std::string& path,
                                                        const std::string& file);
Result<std::unique_ptr<Checkpoint>> OpenSafetensorsIndex(const std::string& path,
                                                         const std::string& index_file);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_MAPPED_CHECKPOINT_H_
