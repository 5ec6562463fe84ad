#include "controller/cli/standard_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <string>

#include "controller/base/exit_code.h"

namespace podgate::controller {
namespace {

TEST(DescriptorBuffer, WritesAllInOrder) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::string expected;
  {
    DescriptorBuffer buffer(ends[1]);
    std::ostream out(&buffer);
    for (int i = 0; i < 5000; ++i) {
      out << i << '\n';
      expected += std::to_string(i) + "\n";
    }
    out.flush();
    EXPECT_EQ(buffer.error(), 0);
  }
  ::close(ends[1]);
  std::string got;
  std::array<char, 4096> part{};
  for (ssize_t n; (n = ::read(ends[0], part.data(), part.size())) > 0;)
    got.append(part.data(), static_cast<std::size_t>(n));
  ::close(ends[0]);
  EXPECT_EQ(got, expected);
}

TEST(DescriptorBuffer, RemembersTheFirstError) {
  const int full = ::open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  DescriptorBuffer buffer(full);
  std::ostream out(&buffer);
  out << "text";
  EXPECT_EQ(buffer.error(), 0);
  out.flush();
  EXPECT_EQ(buffer.error(), ENOSPC);
  EXPECT_FALSE(out);
  out.clear();
  out << std::string(200'000, 'x') << std::flush;
  EXPECT_EQ(buffer.error(), ENOSPC);
  ::close(full);
}

// The exit code of a process whose standard output is `fd`; -1: closed.
int ExitCodeWith(int fd) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (fd >= 0) ::dup2(fd, STDOUT_FILENO);
    if (fd < 0) ::close(STDOUT_FILENO);
    StandardOutput output;
    std::cout << "allow\n";
    ::_exit(output.Finish(kExitOk));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StandardOutput, AnAnswerThatNobodyCanReadEndsWith3) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  EXPECT_EQ(ExitCodeWith(ends[1]), kExitOk);
  ::close(ends[0]);
  EXPECT_EQ(ExitCodeWith(ends[1]), kExitUnreachable);  // and no SIGPIPE
  ::close(ends[1]);
  const int full = ::open("/dev/full", O_WRONLY);
  EXPECT_EQ(ExitCodeWith(full), kExitUnreachable);
  ::close(full);
  EXPECT_EQ(ExitCodeWith(-1), kExitUnreachable);
}

}  // namespace
}  // namespace podgate::controller
