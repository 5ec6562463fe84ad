// The memory that the process's cgroups leave it.
#include "controller/base/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace podgate::controller {
namespace {

class MemoryLimitTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "podgate-memory-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  std::string root_;
};

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
