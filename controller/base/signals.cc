#include "controller/base/signals.h"

#include <pthread.h>

#include <csignal>
#include <ctime>
#include <utility>

namespace podgate::controller {
namespace {

sigset_t StopSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = StopSet();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A reader of --dry-run's output that goes away is an error of a write, not the end of the
  // process.
  std::signal(SIGPIPE, SIG_IGN);
}

void StopSignals::Start(std::function<void(int)> stop) {
  thread_ = std::jthread([stop = std::move(stop)](const std::stop_token& token) {
    const sigset_t set = StopSet();
    constexpr timespec kStep{0, 200'000'000};  // how soon the end of the program is noticed
    while (!token.stop_requested()) {
      const int signal = ::sigtimedwait(&set, nullptr, &kStep);
      if (signal <= 0) continue;
      ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // the second one is not waited for
      stop(signal);
      return;
    }
  });
}

void StopSignals::End() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace podgate::controller
