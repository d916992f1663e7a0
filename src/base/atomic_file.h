// Files that appear whole or not at all: written beside the target under a temporary name, synced,
// renamed.
#ifndef DRAGOMAN_BASE_ATOMIC_FILE_H_
#define DRAGOMAN_BASE_ATOMIC_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

// A buffered writer. Without Commit() the destructor removes the temporary file.
class AtomicFile {
 public:
  // Creates missing parent folders. Errors: kIo (path, reason).
  static Result<AtomicFile> Create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  ~AtomicFile();

  Result<void> Write(std::span<const std::byte> bytes);
  Result<void> Write(std::string_view text);
  // Writes `count` zero bytes (padding).
  Result<void> WriteZeros(uint64_t count);
  // Bytes written so far.
  uint64_t position() const { return position_; }

  // Flushes, fsyncs, renames over the target and fsyncs the folder.
  Result<void> Commit();

 private:
  AtomicFile() = default;
  Result<void> Flush();
  Result<void> WriteAll(const std::byte* data, size_t size_bytes);

  int fd_ = -1;
  uint64_t position_ = 0;
  uint64_t started_bytes_ = 0;  // bytes already handed to the kernel for write-back
  uint64_t flushed_bytes_ = 0;
  std::string path_;
  std::string temporary_path_;
  std::vector<std::byte> buffer_;
};

Result<void> WriteFileAtomically(const std::string& path, std::string_view text);

// Removes temporary files and folders of this target whose writers were killed: PATH.tmp-PID of a
// process that is gone.
void RemoveLeftBehind(const std::string& path);

// The whole file as text. Errors: kNotFound, kIo, kCorruptFile when longer than max_bytes.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes = uint64_t{1} << 30);

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_ATOMIC_FILE_H_
