// SIGTERM and SIGINT as a call on a thread of its own. To be made before any other thread, so that
// all threads inherit the blocked signals.
#pragma once

#include <functional>
#include <thread>

namespace podgate::controller {

class StopSignals {
 public:
  StopSignals();
  // Calls `stop` once, at the first signal. A second signal ends the process the hard way.
  void Start(std::function<void(int signal)> stop);
  // Waits until a call of `stop` that has begun is over; none begins afterwards.
  void End();
  ~StopSignals() { End(); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace podgate::controller
