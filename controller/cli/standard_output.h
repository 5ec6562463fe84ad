// Standard output whose errors are not lost: an answer that nobody could read is no answer, and its
// exit code must not say "allowed".
#pragma once

#include <array>
#include <streambuf>

namespace podgate::controller {

// Writes to a descriptor through a small buffer and remembers the first error.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int fd) : fd_(fd) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
  }
  ~DescriptorBuffer() override = default;
  DescriptorBuffer(const DescriptorBuffer&) = delete;
  DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;
  int error() const { return error_; }  // errno; 0: none

 protected:
  int_type overflow(int_type c) override;
  int sync() override;

 private:
  int fd_;
  int error_ = 0;
  std::array<char, 65536> buffer_;
};

// While it exists, std::cout writes to descriptor 1 through it, and a reader that has gone away is
// an error and no signal. To be made first and once, by the main thread.
class StandardOutput {
 public:
  StandardOutput();
  ~StandardOutput();
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  // The exit code of a command that ended with `code`: kExitUnreachable, after a sentence on
  // standard error, if not all of its output could be written.
  int Finish(int code);

 private:
  DescriptorBuffer buffer_;
  std::streambuf* before_;
};

}  // namespace podgate::controller
