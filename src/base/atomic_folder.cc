#include "base/atomic_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

// Some file systems refuse to sync folders; what was renamed is renamed all the same.
void SyncFolder(const std::string& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<void> CheckOutputFolder(const std::string& path) {
  std::error_code ec;
  if (!fs::exists(path, ec)) return {};
  if (fs::is_directory(path, ec) && fs::is_empty(path, ec)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "expected a new or an empty folder to write into, found one in use", path);
}

Result<AtomicFolder> AtomicFolder::Create(const std::string& path) {
  AtomicFolder folder;
  // "out/" and "out" are the same folder; the temporary one lies beside it either way.
  fs::path target = fs::path(path).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  folder.path_ = target.string();
  DRAGOMAN_RETURN_IF_ERROR(CheckOutputFolder(folder.path_));
  RemoveLeftBehind(folder.path_);
  std::error_code ec;
  const std::string temporary = folder.path_ + ".tmp-" + std::to_string(::getpid());
  fs::remove_all(temporary, ec);
  fs::create_directories(temporary, ec);
  if (ec) return Fail(ErrorCode::kIo, "cannot create folder: " + ec.message(), temporary);
  folder.temporary_path_ = temporary;
  return folder;
}

AtomicFolder::AtomicFolder(AtomicFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_path_(std::exchange(other.temporary_path_, {})) {}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_path_.empty()) fs::remove_all(temporary_path_, ignored);
}

std::string AtomicFolder::Inside(const std::string& name) const {
  return (fs::path(temporary_path_) / name).string();
}

Result<void> AtomicFolder::Commit() {
  SyncFolder(temporary_path_);
  std::error_code ec;
  fs::rename(temporary_path_, path_, ec);
  if (ec) return Fail(ErrorCode::kIo, "cannot rename into place: " + ec.message(), path_);
  temporary_path_.clear();
  SyncFolder(fs::path(path_).parent_path().string());
  return {};
}

}  // namespace dragoman
