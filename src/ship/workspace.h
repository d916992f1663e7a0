// The folder a run works in: its layout, its lock, and hashes of files that are remembered as long
// as they are unchanged.
#ifndef DRAGOMAN_SHIP_WORKSPACE_H_
#define DRAGOMAN_SHIP_WORKSPACE_H_

#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

// What tells a changed file from an unchanged one without reading it.
struct FileStamp {
  uint64_t bytes = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  bool operator==(const FileStamp& other) const {
    return bytes == other.bytes && mtime_ns == other.mtime_ns && inode == other.inode;
  }
};
// Errors: kNotFound, kIo. Symbolic links are followed.
Result<FileStamp> StampOf(const std::string& path);

// SHA-256 by path, kept in a file between runs. An entry counts only while the file's stamp is the
// same.
class HashCache {
 public:
  // A missing or damaged cache file is an empty cache.
  static HashCache Load(const std::string& path);
  // Errors: kNotFound, kIo.
  Result<std::string> HashOf(const std::string& path);
  Result<void> Save() const;

 private:
  struct Entry {
    FileStamp stamp;
    std::string sha256;
  };
  std::string path_;
  std::map<std::string, Entry> entries_;
  bool changed_ = false;
};

class Workspace {
 public:
  // Makes the folders and takes the lock, which lasts as long as the object (and dies with the
  // process). Errors: kIo when another run holds it or the folder cannot be written.
  static Result<Workspace> Open(const std::string& folder);
  Workspace(Workspace&& other) noexcept;
  Workspace& operator=(Workspace&&) = delete;
  Workspace(const Workspace&) = delete;
  ~Workspace();

  const std::string& folder() const { return folder_; }
  // Path of a file below the folder.
  std::string Path(const std::string& relative) const { return folder_ + "/" + relative; }
  // The other way, for evidence that stays true when the folder moves; other paths are returned as
  // they are.
  std::string Relative(const std::string& path) const;

 private:
  explicit Workspace(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  int lock_fd_ = -1;
};

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_WORKSPACE_H_
