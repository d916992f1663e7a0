#include "base/process_stats.h"

#include <sys/statvfs.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

namespace dragoman {
namespace {

// The number after "Key:" in a /proc file, in bytes (the files count in KiB); 0 when absent.
uint64_t ProcValueBytes(const char* path, const std::string& key) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    if (line.compare(0, key.size(), key) == 0 && line[key.size()] == ':') {
      return std::stoull(line.substr(key.size() + 1)) * 1024;
    }
  }
  return 0;
}

}  // namespace

MemoryUse CurrentMemoryUse() {
  MemoryUse use;
  use.rss_bytes = ProcValueBytes("/proc/self/status", "VmRSS");
  use.peak_rss_bytes = ProcValueBytes("/proc/self/status", "VmHWM");
  use.anonymous_bytes = ProcValueBytes("/proc/self/status", "RssAnon");
  return use;
}

MachineMemory CurrentMachineMemory() {
  return {ProcValueBytes("/proc/meminfo", "MemTotal"), ProcValueBytes("/proc/meminfo", "MemAvailable")};
}

uint64_t FreeDiskBytes(const std::string& path) {
  std::error_code ec;
  std::filesystem::path folder = std::filesystem::absolute(path, ec);
  while (!folder.empty() && !std::filesystem::exists(folder, ec)) {
    if (folder == folder.parent_path()) break;
    folder = folder.parent_path();
  }
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0) return 0;
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

double ProcessCpuSeconds() {
  timespec time{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace dragoman
