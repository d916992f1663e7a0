#include "base/cpu_topology.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace dragoman {
namespace {

// A folder that looks like the parts of /proc and /sys that are read.
class CpuTopology : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "cpu_topology_" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  std::string root_;
};

TEST_F(CpuTopology, WithoutFilesThereIsNoLimit) {
  EXPECT_TRUE(std::isinf(CgroupCpuLimit(root_)));
  const int cpus[] = {0, 1, 5};
  EXPECT_EQ(CoreCapacities(cpus, root_), (std::vector<int64_t>{1, 1, 1}));
}

TEST_F(CpuTopology, Version2TakesTheLeastOnTheWayUp) {
  Put("/proc/self/cgroup", "0::/service/worker\n");
  Put("/sys/fs/cgroup/service/worker/cpu.max", "max 100000\n");
  Put("/sys/fs/cgroup/service/cpu.max", "250000 100000\n");
  EXPECT_EQ(CgroupCpuLimit(root_), 2.5);
  Put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(CgroupCpuLimit(root_), 1.5);
}

TEST_F(CpuTopology, Version1InEitherMount) {
  Put("/proc/self/cgroup", "3:cpuset:/\n2:cpu,cpuacct:/docker/1234\n0::/\n");
  Put("/sys/fs/cgroup/cpu,cpuacct/docker/1234/cpu.cfs_quota_us", "300000\n");
  Put("/sys/fs/cgroup/cpu,cpuacct/docker/1234/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuLimit(root_), 3.0);
  Put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");  // a container sees its group as the root
  Put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuLimit(root_), 0.5);
  Put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(CgroupCpuLimit(root_), 3.0);
}

TEST_F(CpuTopology, NonsenseIsNoLimit) {
  Put("/proc/self/cgroup", "nonsense\n::\n0::relative\n1:cpu:\n");
  Put("/sys/fs/cgroup/cpu.max", "abc def\n");
  Put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "1000\n");
  Put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "0\n");
  EXPECT_TRUE(std::isinf(CgroupCpuLimit(root_)));
}

TEST_F(CpuTopology, CapacityGoesBeforeFrequency) {
  const int cpus[] = {0, 1};
  for (const int cpu : cpus) {
    Put("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/cpuinfo_max_freq",
        std::to_string(3000000 - cpu * 1000000));
  }
  EXPECT_EQ(CoreCapacities(cpus, root_), (std::vector<int64_t>{3000000, 2000000}));
  Put("/sys/devices/system/cpu/cpu0/cpu_capacity", "1024\n");
  EXPECT_EQ(CoreCapacities(cpus, root_), (std::vector<int64_t>{3000000, 2000000}));
  Put("/sys/devices/system/cpu/cpu1/cpu_capacity", "400\n");
  EXPECT_EQ(CoreCapacities(cpus, root_), (std::vector<int64_t>{1024, 400}));
}

TEST(WorthwhileCores, LeavesOutThoseFarSlower) {
  EXPECT_EQ(WorthwhileCores(std::vector<int64_t>{}), 0);
  EXPECT_EQ(WorthwhileCores(std::vector<int64_t>{1, 1, 1}), 3);
  EXPECT_EQ(WorthwhileCores(std::vector<int64_t>{1024, 1024, 512, 511, 300}), 3);
}

}  // namespace
}  // namespace dragoman
