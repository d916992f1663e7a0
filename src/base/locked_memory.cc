#include "base/locked_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <string>

namespace dragoman {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;

std::string InMebibytes(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / kMebibyte);
}

std::string LimitInWords() {
  const uint64_t limit = LockLimitBytes();
  return limit == std::numeric_limits<uint64_t>::max() ? "unlimited" : InMebibytes(limit);
}

}  // namespace

uint64_t LockLimitBytes() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<uint64_t>::max();
  return limit.rlim_cur;
}

Result<void> LockMemory(std::span<const std::byte> bytes, std::string_view what,
                        uint64_t& locked_bytes) {
  if (bytes.empty()) return {};
  if (::mlock(bytes.data(), bytes.size()) == 0) {
    locked_bytes += bytes.size();
    return {};
  }
  const int error = errno;
  return Fail(
      ErrorCode::kOutOfMemory,
      fmt::format("cannot lock {} of {} in memory beside {} locked before: {}; the limit "
                  "RLIMIT_MEMLOCK is {}. Raise it (ulimit -l unlimited, LimitMEMLOCK=infinity in a "
                  "service, CAP_IPC_LOCK in a container) or go without --lock",
                  InMebibytes(bytes.size()), what, InMebibytes(locked_bytes), std::strerror(error),
                  LimitInWords()));
}

}  // namespace dragoman
