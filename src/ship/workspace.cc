#include "ship/workspace.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/atomic_file.h"
#include "base/sha256.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHashCacheSchema = "dragoman.hash_cache/1";

}  // namespace

Result<FileStamp> StampOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, std::strerror(errno),
                path);
  }
  return FileStamp{static_cast<uint64_t>(info.st_size),
                   int64_t{info.st_mtim.tv_sec} * 1000000000 + info.st_mtim.tv_nsec,
                   static_cast<uint64_t>(info.st_ino)};
}

HashCache HashCache::Load(const std::string& path) {
  HashCache cache;
  cache.path_ = path;
  const auto json = ReadJsonFile(path);
  if (!json || !json->is_object() || json->value("schema", Json()) != kHashCacheSchema)
    return cache;
  const auto files = json->find("files");
  if (files == json->end() || !files->is_object()) return cache;
  for (const auto& item : files->items()) {
    const Json& entry = item.value();
    if (!entry.is_array() || entry.size() != 4 || !entry[0].is_number_unsigned() ||
        !entry[1].is_number_integer() || !entry[2].is_number_unsigned() || !entry[3].is_string()) {
      continue;
    }
    cache.entries_[item.key()] = {
        {entry[0].get<uint64_t>(), entry[1].get<int64_t>(), entry[2].get<uint64_t>()},
        entry[3].get<std::string>()};
  }
  return cache;
}

Result<std::string> HashCache::HashOf(const std::string& path) {
  std::error_code ec;
  const std::string key = fs::absolute(path, ec).lexically_normal().string();
  DRAGOMAN_ASSIGN_OR_RETURN(const FileStamp stamp, StampOf(path));
  const auto known = entries_.find(key);
  if (known != entries_.end() && known->second.stamp == stamp) return known->second.sha256;
  DRAGOMAN_ASSIGN_OR_RETURN(std::string sha256, Sha256OfFile(path));
  DRAGOMAN_ASSIGN_OR_RETURN(const FileStamp after, StampOf(path));
  // A file that changed while it was read is hashed again next time.
  if (after == stamp) {
    entries_[key] = {stamp, sha256};
    changed_ = true;
  }
  return sha256;
}

Result<void> HashCache::Save() const {
  if (!changed_) return {};
  Json files = Json::object();
  for (const auto& [path, entry] : entries_) {
    if (!StampOf(path)) continue;
    files[path] = {entry.stamp.bytes, entry.stamp.mtime_ns, entry.stamp.inode, entry.sha256};
  }
  return WriteJsonFile(path_, Json{{"schema", kHashCacheSchema}, {"files", std::move(files)}});
}

Result<Workspace> Workspace::Open(const std::string& folder) {
  std::string trimmed = folder.empty() ? "." : folder;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  Workspace workspace(trimmed);
  for (const char* name : {"models", "eval", "logs", "evidence", "state"}) {
    std::error_code ec;
    fs::create_directories(workspace.Path(name), ec);
    if (ec) return Fail(ErrorCode::kIo, "cannot be made: " + ec.message(), workspace.Path(name));
  }
  const std::string lock = workspace.Path("state/lock");
  workspace.lock_fd_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (workspace.lock_fd_ < 0) return Fail(ErrorCode::kIo, std::strerror(errno), lock);
  if (::flock(workspace.lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorCode::kIo,
                errno == EWOULDBLOCK ? "another run works in this workspace" : std::strerror(errno),
                trimmed);
  }
  return workspace;
}

Workspace::Workspace(Workspace&& other) noexcept
    : folder_(std::move(other.folder_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

Workspace::~Workspace() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

std::string Workspace::Relative(const std::string& path) const {
  const std::string prefix = folder_ + "/";
  return path.rfind(prefix, 0) == 0 ? path.substr(prefix.size()) : path;
}

}  // namespace dragoman
