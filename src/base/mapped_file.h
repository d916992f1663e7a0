// A file mapped read-only into memory. Move-only; the bytes live as long as the object.
#ifndef DRAGOMAN_BASE_MAPPED_FILE_H_
#define DRAGOMAN_BASE_MAPPED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "dragoman/result.h"

namespace dragoman {

class MappedFile {
 public:
  // Errors: kNotFound, kIo. A directory or an empty file maps to kCorruptFile.
  static Result<MappedFile> Open(const std::string& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }
  uint64_t size_bytes() const { return size_bytes_; }
  const std::string& path() const { return path_; }

  // Hints to the kernel: the range will be read front to back soon / is no longer needed (its pages may
  // be dropped from this process; they stay readable).
  void AdviseSequential(uint64_t offset, uint64_t length) const;
  void AdviseDontNeed(uint64_t offset, uint64_t length) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
  std::string path_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_MAPPED_FILE_H_
