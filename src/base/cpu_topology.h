// Which processors are worth a thread: how fast each is, and what a control group leaves of them.
// Files are read below `root`, "" outside of tests.
#ifndef DRAGOMAN_BASE_CPU_TOPOLOGY_H_
#define DRAGOMAN_BASE_CPU_TOPOLOGY_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dragoman {

// Processors' time per second that the quotas of this process's control group and of all above it
// allow (versions 1 and 2); infinity without any. A set of processors (cpuset) shows in the
// affinity mask instead.
double CgroupCpuLimit(const std::string& root = "");

// The speed of each processor in units of its own: cpu_capacity, else the highest frequency, else 1
// for all.
std::vector<int64_t> CoreCapacities(std::span<const int> cpus, const std::string& root = "");

// How many are at least half as fast as the fastest. A loop ends with its last piece: one on a
// processor slower than that would make the others wait for longer than it helps.
int WorthwhileCores(std::span<const int64_t> capacities);

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_CPU_TOPOLOGY_H_
