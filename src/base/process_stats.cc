#include "base/process_stats.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
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

void ResetPeakMemory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5";  // resets VmHWM (proc(5))
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

MachineTime CurrentMachineTime() {
  // "cpu  user nice system idle iowait irq softirq steal ...", in clock ticks.
  std::ifstream in("/proc/stat");
  std::string word;
  MachineTime time;
  if (!(in >> word) || word != "cpu") return time;
  const double tick_seconds = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  double ticks = 0;
  for (int field = 0; field < 8 && in >> ticks; ++field) {
    const bool idle = field == 3 || field == 4;
    time.total_seconds += ticks * tick_seconds;
    if (!idle) time.busy_seconds += ticks * tick_seconds;
  }
  return time;
}

double OthersWatch::Share() const {
  const MachineTime now = CurrentMachineTime();
  const double total_seconds = now.total_seconds - machine_.total_seconds;
  if (total_seconds <= 0) return 0;
  const double own_seconds = ProcessCpuSeconds() - own_seconds_;
  const double others_seconds = now.busy_seconds - machine_.busy_seconds - own_seconds;
  return std::clamp(others_seconds / total_seconds, 0.0, 1.0);
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
