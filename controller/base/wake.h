// A thread that waits for a descriptor to become readable and says so: once for each time that
// something new has come, read or not.
#pragma once

#include <functional>
#include <thread>

namespace podgate::controller {

class WakeOn {
 public:
  // Calls `wake` on a thread of its own until destroyed. `descriptor` stays open as long; -1:
  // nothing ever comes.
  WakeOn(int descriptor, std::function<void()> wake);
  ~WakeOn();
  WakeOn(const WakeOn&) = delete;
  WakeOn& operator=(const WakeOn&) = delete;

 private:
  void Run(const std::function<void()>& wake) const;

  int events_ = -1;  // an epoll instance on the descriptor and on stop_
  int stop_ = -1;
  std::jthread thread_;
};

}  // namespace podgate::controller
