#include "base/cpu_topology.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

namespace dragoman {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

std::optional<double> ReadNumber(const std::string& path) {
  std::ifstream in(path);
  double value = 0;
  if (!(in >> value)) return std::nullopt;
  return value;
}

// cpu.max of version 2: "max 100000" or "150000 100000".
double UnifiedLimit(const std::string& folder) {
  std::ifstream in(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(in >> quota >> period) || quota == "max" || period <= 0) return kNoLimit;
  const double limit = std::strtod(quota.c_str(), nullptr) / period;
  return limit > 0 ? limit : kNoLimit;
}

// The two files of version 1; a quota of -1 is none.
double LegacyLimit(const std::string& folder) {
  const auto quota = ReadNumber(folder + "/cpu.cfs_quota_us");
  const auto period = ReadNumber(folder + "/cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return kNoLimit;
  return *quota / *period;
}

// The least limit of the group and of all above it. Inside a container the path may be one of the
// host that cannot be seen here; then the mount's root is the container's own group.
template <typename LimitOf>
double LeastLimit(const std::string& mount, std::string group, const LimitOf& limit_of) {
  double least = limit_of(mount);
  while (!group.empty() && group != "/") {
    least = std::min(least, limit_of(mount + group));
    const size_t parent = group.find_last_of('/');
    group.resize(parent == std::string::npos ? 0 : parent);
  }
  return least;
}

bool NamesCpu(const std::string& controllers) {
  std::istringstream in(controllers);
  for (std::string one; std::getline(in, one, ',');) {
    if (one == "cpu") return true;
  }
  return false;
}

}  // namespace

double CgroupCpuLimit(const std::string& root) {
  // Lines "4:cpu,cpuacct:/group" of version 1 and "0::/group" of version 2.
  std::ifstream in(root + "/proc/self/cgroup");
  double least = kNoLimit;
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    const std::string mounts = root + "/sys/fs/cgroup";
    if (controllers.empty()) {
      least = std::min(least, LeastLimit(mounts, group, UnifiedLimit));
      least = std::min(least, LeastLimit(mounts + "/unified", group, UnifiedLimit));
    } else if (NamesCpu(controllers)) {
      least = std::min(least, LeastLimit(mounts + "/" + controllers, group, LegacyLimit));
      least = std::min(least, LeastLimit(mounts + "/cpu", group, LegacyLimit));
    }
  }
  return least;
}

std::vector<int64_t> CoreCapacities(std::span<const int> cpus, const std::string& root) {
  for (const char* file : {"/cpu_capacity", "/cpufreq/cpuinfo_max_freq"}) {
    std::vector<int64_t> capacities;
    for (const int cpu : cpus) {
      const auto value =
          ReadNumber(root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + file);
      if (!value || *value <= 0 || *value > 1e12) break;
      capacities.push_back(static_cast<int64_t>(*value));
    }
    if (capacities.size() == cpus.size()) return capacities;
  }
  return std::vector<int64_t>(cpus.size(), 1);
}

int WorthwhileCores(std::span<const int64_t> capacities) {
  if (capacities.empty()) return 0;
  const int64_t fastest = *std::max_element(capacities.begin(), capacities.end());
  return static_cast<int>(
      std::count_if(capacities.begin(), capacities.end(),
                    [fastest](int64_t capacity) { return 2 * capacity >= fastest; }));
}

}  // namespace dragoman
