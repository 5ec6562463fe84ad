// The memory that the process's cgroups leave it.
#include "controller/base/memory_limit.h"

#include "unit/controller/base/fake_cgroups.h"

namespace podgate::controller {
namespace {

class MemoryLimitTest : public CgroupsTest {};

TEST_F(MemoryLimitTest, TheLeastOfTheCgroupAndThoseAroundIt) {
  Write("/proc/self/cgroup", "0::/kubepods/pod1/c1\n");
  EXPECT_EQ(MemoryLimit(root_), std::nullopt);
  Write("/sys/fs/cgroup/kubepods/pod1/c1/memory.max", "max\n");
  EXPECT_EQ(MemoryLimit(root_), std::nullopt);
  Write("/sys/fs/cgroup/kubepods/pod1/memory.max", "134217728\n");
  Write("/sys/fs/cgroup/kubepods/memory.max", "8589934592\n");
  EXPECT_EQ(MemoryLimit(root_), 134'217'728U);
}

TEST_F(MemoryLimitTest, AContainerSeesItsOwnAtTheTop) {
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/memory.max", "67108864\n");
  EXPECT_EQ(MemoryLimit(root_), 67'108'864U);
}

TEST_F(MemoryLimitTest, VersionOneWithThePathOnTheHost) {
  Write("/proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/docker/abc\n0::/y\nnonsense\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n");
  EXPECT_EQ(MemoryLimit(root_), 134'217'728U);
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(MemoryLimit(root_), std::nullopt);
}

TEST_F(MemoryLimitTest, NothingToRead) { EXPECT_EQ(MemoryLimit(root_), std::nullopt); }

}  // namespace
}  // namespace podgate::controller
