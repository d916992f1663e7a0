#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace dragoman {

Result<MappedFile> MappedFile::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    return Fail(code, std::string("cannot open: ") + std::strerror(errno), path);
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) {
    const bool empty = S_ISREG(info.st_mode) && info.st_size == 0;
    ::close(fd);
    return Fail(ErrorCode::kCorruptFile,
                empty ? "the file is empty (0 bytes)" : "expected a regular file", path);
  }
  void* data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
  const int map_errno = errno;
  ::close(fd);
  if (data == MAP_FAILED) {
    return Fail(ErrorCode::kIo, std::string("cannot map: ") + std::strerror(map_errno), path);
  }
  MappedFile file;
  file.data_ = static_cast<const std::byte*>(data);
  file.size_bytes_ = static_cast<size_t>(info.st_size);
  file.path_ = path;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_bytes_);
}

namespace {

void Advise(const std::byte* data, size_t size_bytes, uint64_t offset, uint64_t length, int advice) {
  if (data == nullptr || offset >= size_bytes) return;
  static const uint64_t page_bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page_bytes * page_bytes;
  const uint64_t end = length > size_bytes - offset ? size_bytes : offset + length;
  ::madvise(const_cast<std::byte*>(data) + begin, end - begin, advice);
}

}  // namespace

void MappedFile::AdviseSequential(uint64_t offset, uint64_t length) const {
  Advise(data_, size_bytes_, offset, length, MADV_SEQUENTIAL);
}

void MappedFile::AdviseDontNeed(uint64_t offset, uint64_t length) const {
  Advise(data_, size_bytes_, offset, length, MADV_DONTNEED);
}

}  // namespace dragoman
