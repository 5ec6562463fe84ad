// A network namespace of the test's own, with lo up, for questions to the real kernel.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace podgate::controller {

class OwnNamespaceTest : public testing::Test {
 protected:
  void SetUp() override {
    before_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(before_, 0);
    if (unshare(CLONE_NEWNET) == 0) {
      ifreq request{};
      std::strcpy(request.ifr_name, "lo");
      request.ifr_flags = IFF_UP;
      const int any = socket(AF_INET, SOCK_DGRAM, 0);
      EXPECT_EQ(ioctl(any, SIOCSIFFLAGS, &request), 0);
      close(any);
      return;
    }
    const std::string problem =
        std::string("cannot make a network namespace: ") + std::strerror(errno);
    close(std::exchange(before_, -1));
    if (std::getenv("CI") != nullptr) FAIL() << problem;
    GTEST_SKIP() << problem;
  }
  // Tests that come later use threads of other namespaces.
  void TearDown() override {
    if (before_ < 0) return;
    EXPECT_EQ(setns(before_, CLONE_NEWNET), 0) << std::strerror(errno);
    close(before_);
  }

 private:
  int before_ = -1;  // the namespace that the test came from, if it left it
};

}  // namespace podgate::controller
