// What this process and machine use and have: memory, disk, time.
#ifndef DRAGOMAN_BASE_PROCESS_STATS_H_
#define DRAGOMAN_BASE_PROCESS_STATS_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace dragoman {

struct MemoryUse {
  uint64_t rss_bytes = 0;       // resident, mapped files included
  uint64_t peak_rss_bytes = 0;  // highest resident so far
  uint64_t anonymous_bytes = 0; // resident and owned: RssAnon
};
MemoryUse CurrentMemoryUse();

// Resident memory's high-water mark set back to what is resident now; where the system does not
// allow it, the peak stays the process's.
void ResetPeakMemory();

struct MachineMemory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;
};
MachineMemory CurrentMachineMemory();

// Free bytes of the file system that holds `path` (or its nearest existing parent); 0 when unknown.
uint64_t FreeDiskBytes(const std::string& path);

// Processor time of this process so far, over all its threads.
double ProcessCpuSeconds();

// What all processors together did since the machine started.
struct MachineTime {
  double busy_seconds = 0;  // for any process, or taken by the host of a virtual machine
  double total_seconds = 0;
};
MachineTime CurrentMachineTime();

// The share of the machine's processors that went to others than this process since the watch was
// made, 0 to 1. The system counts hundredths of seconds: meaningful from about a second on.
class OthersWatch {
 public:
  double Share() const;

 private:
  MachineTime machine_ = CurrentMachineTime();
  double own_seconds_ = ProcessCpuSeconds();
};

// "2026-11-22T20:15:00Z"
std::string UtcNow();

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  double Milliseconds() const { return Seconds() * 1e3; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_PROCESS_STATS_H_
