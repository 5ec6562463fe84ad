#include "controller/cli/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <system_error>

#include "controller/base/exit_code.h"

namespace podgate::controller {

int DescriptorBuffer::sync() {
  const char* from = pbase();
  while (error_ == 0 && from < pptr()) {
    const ssize_t wrote = ::write(fd_, from, static_cast<std::size_t>(pptr() - from));
    if (wrote >= 0) {
      from += wrote;
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return error_ == 0 ? 0 : -1;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type c) {
  if (sync() != 0) return traits_type::eof();
  if (!traits_type::eq_int_type(c, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(c);
    pbump(1);
  }
  return traits_type::not_eof(c);
}

StandardOutput::StandardOutput() : buffer_(STDOUT_FILENO), before_(std::cout.rdbuf(&buffer_)) {
  std::signal(SIGPIPE, SIG_IGN);
  // A file that is opened later must not become the standard output of a process without one.
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", O_RDONLY);
  }
}

StandardOutput::~StandardOutput() { std::cout.rdbuf(before_); }

int StandardOutput::Finish(int code) {
  std::cout.flush();
  if (buffer_.error() == 0) return code;
  std::fprintf(stderr, "podgate: cannot write the output: %s\n",
               std::generic_category().message(buffer_.error()).c_str());
  return kExitUnreachable;
}

}  // namespace podgate::controller
