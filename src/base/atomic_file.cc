#include "base/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace dragoman {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;
// Write-back starts early, in steps this large, so that the final fsync has little left to wait
// for.
constexpr uint64_t kWriteBackBytes = uint64_t{64} << 20;

tl::unexpected<Error> IoError(const char* what, const std::string& path) {
  return Fail(ErrorCode::kIo, std::string(what) + ": " + std::strerror(errno), path);
}

Result<void> SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return IoError("cannot open folder", folder);
  ::fsync(fd);  // some file systems refuse to sync folders; the rename is done all the same
  ::close(fd);
  return {};
}

}  // namespace

void RemoveLeftBehind(const std::string& path) {
  const std::filesystem::path target(path);
  const auto folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  const std::string prefix = target.filename().string() + ".tmp-";
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const long pid = std::strtol(name.c_str() + prefix.size(), nullptr, 10);
    if (pid > 0 && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  std::error_code ec;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ec);
  if (ec) return Fail(ErrorCode::kIo, "cannot create folder: " + ec.message(), folder.string());
  RemoveLeftBehind(path);
  AtomicFile file;
  file.path_ = path;
  file.temporary_path_ = path + ".tmp-" + std::to_string(::getpid());
  file.fd_ = ::open(file.temporary_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return IoError("cannot create", file.temporary_path_);
  file.buffer_.reserve(kBufferBytes);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      position_(other.position_),
      started_bytes_(other.started_bytes_),
      flushed_bytes_(other.flushed_bytes_),
      path_(std::move(other.path_)),
      temporary_path_(std::move(other.temporary_path_)),
      buffer_(std::move(other.buffer_)) {}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_path_.c_str());
}

Result<void> AtomicFile::WriteAll(const std::byte* data, size_t size_bytes) {
  while (size_bytes > 0) {
    const ssize_t written = ::write(fd_, data, std::min(size_bytes, size_t{1} << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return IoError("cannot write", temporary_path_);
    data += written;
    size_bytes -= static_cast<size_t>(written);
    flushed_bytes_ += static_cast<uint64_t>(written);
  }
  if (flushed_bytes_ - started_bytes_ >= kWriteBackBytes) {
    ::sync_file_range(fd_, static_cast<off64_t>(started_bytes_),
                      static_cast<off64_t>(flushed_bytes_ - started_bytes_), SYNC_FILE_RANGE_WRITE);
    started_bytes_ = flushed_bytes_;
  }
  return {};
}

Result<void> AtomicFile::Flush() {
  DRAGOMAN_RETURN_IF_ERROR(WriteAll(buffer_.data(), buffer_.size()));
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::Write(std::span<const std::byte> bytes) {
  position_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferBytes) DRAGOMAN_RETURN_IF_ERROR(Flush());
  if (bytes.size() >= kBufferBytes) return WriteAll(bytes.data(), bytes.size());
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

Result<void> AtomicFile::Write(std::string_view text) {
  return Write(std::as_bytes(std::span(text.data(), text.size())));
}

Result<void> AtomicFile::WriteZeros(uint64_t count) {
  static constexpr std::byte kZeros[4096] = {};
  while (count > 0) {
    const uint64_t step = std::min<uint64_t>(count, sizeof(kZeros));
    DRAGOMAN_RETURN_IF_ERROR(Write(std::span(kZeros, step)));
    count -= step;
  }
  return {};
}

Result<void> AtomicFile::Commit() {
  DRAGOMAN_RETURN_IF_ERROR(Flush());
  if (::fsync(fd_) != 0) return IoError("cannot sync", temporary_path_);
  if (::close(std::exchange(fd_, -1)) != 0) return IoError("cannot close", temporary_path_);
  if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    auto error = IoError("cannot rename", temporary_path_);
    ::unlink(temporary_path_.c_str());
    return error;
  }
  return SyncFolderOf(path_);
}

Result<void> WriteFileAtomically(const std::string& path, std::string_view text) {
  DRAGOMAN_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  DRAGOMAN_RETURN_IF_ERROR(file.Write(text));
  return file.Commit();
}

Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    return Fail(code, std::string("cannot open: ") + std::strerror(errno), path);
  }
  std::string text;
  char chunk[65536];
  ssize_t got;
  while ((got = ::read(fd, chunk, sizeof(chunk))) > 0) {
    text.append(chunk, static_cast<size_t>(got));
    if (text.size() > max_bytes) {
      ::close(fd);
      return Fail(ErrorCode::kCorruptFile,
                  "expected at most " + std::to_string(max_bytes) + " bytes, found more", path);
    }
  }
  const int read_errno = errno;
  ::close(fd);
  if (got < 0)
    return Fail(ErrorCode::kIo, std::string("cannot read: ") + std::strerror(read_errno), path);
  return text;
}

}  // namespace dragoman
