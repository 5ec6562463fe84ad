// The share of a CPU that the process's cgroups leave it.
#include "controller/base/cpu_limit.h"

#include "unit/controller/base/fake_cgroups.h"

namespace podgate::controller {
namespace {

class CpuLimitTest : public CgroupsTest {};

TEST_F(CpuLimitTest, TheLeastOfTheCgroupAndThoseAroundIt) {
  Write("/proc/self/cgroup", "0::/kubepods/pod1/c1\n");
  EXPECT_EQ(CpuLimit(root_), std::nullopt);
  Write("/sys/fs/cgroup/kubepods/pod1/c1/cpu.max", "max 100000\n");
  EXPECT_EQ(CpuLimit(root_), std::nullopt);
  Write("/sys/fs/cgroup/kubepods/pod1/cpu.max", "20000 100000\n");
  Write("/sys/fs/cgroup/kubepods/cpu.max", "400000 100000\n");
  EXPECT_EQ(CpuLimit(root_), 0.2);
}

TEST_F(CpuLimitTest, AContainerSeesItsOwnAtTheTop) {
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/cpu.max", "25000 50000\n");
  EXPECT_EQ(CpuLimit(root_), 0.5);
}

TEST_F(CpuLimitTest, VersionOne) {
  Write("/proc/self/cgroup", "12:cpuset:/a\n4:cpu,cpuacct:/docker/abc\n0::/y\nnonsense\n");
  Write("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "20000\n");
  EXPECT_EQ(CpuLimit(root_), std::nullopt) << "of what period is unknown";
  Write("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CpuLimit(root_), 0.2);
}

TEST_F(CpuLimitTest, NothingToRead) {
  EXPECT_EQ(CpuLimit(root_), std::nullopt);
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/cpu.max", "0 0\n");
  EXPECT_EQ(CpuLimit(root_), std::nullopt);
}

}  // namespace
}  // namespace podgate::controller
