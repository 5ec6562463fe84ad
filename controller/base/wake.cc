#include "controller/base/wake.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace podgate::controller {

WakeOn::WakeOn(int descriptor, std::function<void()> wake) {
  if (descriptor < 0) return;
  events_ = ::epoll_create1(EPOLL_CLOEXEC);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  epoll_event stop{};
  stop.events = EPOLLIN;
  stop.data.fd = stop_;
  epoll_event readable{};
  readable.events = EPOLLIN | EPOLLET;
  readable.data.fd = descriptor;
  // Without descriptors to spare nothing is waited for: this only makes things sooner.
  if (::epoll_ctl(events_, EPOLL_CTL_ADD, stop_, &stop) != 0 ||
      ::epoll_ctl(events_, EPOLL_CTL_ADD, descriptor, &readable) != 0) {
    return;
  }
  thread_ = std::jthread([this, wake = std::move(wake)] { Run(wake); });
}

WakeOn::~WakeOn() {
  if (thread_.joinable()) {
    ::eventfd_write(stop_, 1);
    thread_.join();
  }
  if (stop_ >= 0) ::close(stop_);
  if (events_ >= 0) ::close(events_);
}

void WakeOn::Run(const std::function<void()>& wake) const {
  for (;;) {
    epoll_event event{};
    const int count = ::epoll_wait(events_, &event, 1, -1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || event.data.fd == stop_) return;
    wake();
  }
}

}  // namespace podgate::controller
