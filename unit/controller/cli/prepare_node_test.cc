// The sysctls are set, left alone where they are set, and a sentence says why they cannot be.
#include "controller/cli/prepare_node.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "controller/base/exit_code.h"

namespace podgate::controller {
namespace {

class PrepareNodeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "bridge.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/" + name).rdbuf();
    return text.str();
  }

  std::string folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(PrepareNodeTest, SetsWhatIsNotSet) {
  Write("bridge-nf-call-iptables", "0\n");
  Write("bridge-nf-call-ip6tables", "1\n");
  EXPECT_EQ(PrepareNode(out_, err_, folder_), kExitOk) << err_.str();
  EXPECT_EQ(Read("bridge-nf-call-iptables"), "1\n");
  EXPECT_EQ(Read("bridge-nf-call-ip6tables"), "1\n");
  EXPECT_NE(out_.str().find("bridge-nf-call-iptables was set to 1\n"), std::string::npos);
  EXPECT_NE(out_.str().find("bridge-nf-call-ip6tables is 1\n"), std::string::npos);
}

TEST_F(PrepareNodeTest, SaysThatTheModuleIsMissing) {
  EXPECT_EQ(PrepareNode(out_, err_, folder_ + "/none"), kExitUnreachable);
  EXPECT_NE(err_.str().find("br_netfilter is not loaded"), std::string::npos) << err_.str();
}

TEST_F(PrepareNodeTest, SaysWhatCannotBeWritten) {
  Write("bridge-nf-call-iptables", "1\n");
  ASSERT_EQ(::mkdir((folder_ + "/bridge-nf-call-ip6tables").c_str(), 0755), 0);
  EXPECT_EQ(PrepareNode(out_, err_, folder_), kExitUnreachable);
  EXPECT_NE(err_.str().find("/bridge-nf-call-ip6tables to 1: Is a directory; "), std::string::npos)
      << err_.str();
}

TEST_F(PrepareNodeTest, NoticesThatAValueDoesNotStay) {
  Write("bridge-nf-call-iptables", "1\n");
  ASSERT_EQ(::symlink("/dev/null", (folder_ + "/bridge-nf-call-ip6tables").c_str()), 0);
  EXPECT_EQ(PrepareNode(out_, err_, folder_), kExitUnreachable);
  EXPECT_NE(err_.str().find("does not stay 1"), std::string::npos) << err_.str();
}

}  // namespace
}  // namespace podgate::controller
