// The lock of one process in a network namespace: two of it in one process here, and one that ends
// without giving it back.
#include "controller/base/instance_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

namespace podgate::controller {
namespace {

using Outcome = InstanceLock::Outcome;
using std::chrono::milliseconds;

std::string UniqueName() {
  static int number = 0;
  return "podgate-test-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

std::string OwnPid() { return "pid " + std::to_string(::getpid()); }

TEST(InstanceLock, TheSecondLearnsWhoIsFirst) {
  const std::string name = UniqueName();
  InstanceLock first(name, "node n1, pod kube-system/podgate-x");
  ASSERT_EQ(first.Take(milliseconds(0)), Outcome::kTaken) << first.reason();
  InstanceLock second(name, "node n2");
  // Before the first answers, the kernel knows its number.
  EXPECT_EQ(second.Take(milliseconds(0)), Outcome::kHeld);
  EXPECT_EQ(second.reason(), OwnPid());
  first.Answer();
  for (int i = 0; i < 300; ++i) {  // more than wait in any queue
    InstanceLock another(name, "node n2");
    ASSERT_EQ(another.Take(milliseconds(0)), Outcome::kHeld);
    ASSERT_EQ(another.reason(), OwnPid() + ", node n1, pod kube-system/podgate-x") << i;
  }
  InstanceLock elsewhere(UniqueName(), "node n1");
  EXPECT_EQ(elsewhere.Take(milliseconds(0)), Outcome::kTaken);
}

TEST(InstanceLock, WaitsForOneThatEnds) {
  const std::string name = UniqueName();
  std::optional<InstanceLock> first;
  first.emplace(name, "old");
  ASSERT_EQ(first->Take(milliseconds(0)), Outcome::kTaken);
  first->Answer();
  std::jthread ending([&] {
    std::this_thread::sleep_for(milliseconds(250));
    first.reset();
  });
  InstanceLock second(name, "new");
  EXPECT_EQ(second.Take(std::chrono::minutes(1)), Outcome::kTaken) << second.reason();
}

TEST(InstanceLock, IsFreeWhenItsProcessIsKilled) {
  const std::string name = UniqueName();
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    InstanceLock lock(name, "child");
    const char taken = lock.Take(milliseconds(0)) == Outcome::kTaken ? 'y' : 'n';
    if (::write(pipe[1], &taken, 1) == 1) ::pause();
    ::_exit(0);
  }
  char taken = 0;
  ASSERT_EQ(::read(pipe[0], &taken, 1), 1);
  EXPECT_EQ(taken, 'y');
  InstanceLock lock(name, "parent");
  EXPECT_EQ(lock.Take(milliseconds(0)), Outcome::kHeld);
  EXPECT_EQ(lock.reason(), "pid " + std::to_string(child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(lock.Take(milliseconds(0)), Outcome::kTaken) << lock.reason();
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(InstanceLock, AHolderOfAnotherUserCountsForNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be another user";
  const std::string name = UniqueName();
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char taken = 'n';
    InstanceLock lock(name, "child");
    if (::setuid(65534) == 0 && lock.Take(milliseconds(0)) == Outcome::kTaken) taken = 'y';
    if (::write(pipe[1], &taken, 1) == 1) ::pause();
    ::_exit(0);
  }
  char taken = 0;
  ASSERT_EQ(::read(pipe[0], &taken, 1), 1);
  ASSERT_EQ(taken, 'y');
  InstanceLock lock(name, "parent");
  EXPECT_EQ(lock.Take(milliseconds(0)), Outcome::kUnavailable);
  EXPECT_EQ(lock.reason(), "pid " + std::to_string(child) + ", of user 65534");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace podgate::controller
