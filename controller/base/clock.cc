#include "controller/base/clock.h"

namespace podgate::controller {

SystemClock::SystemClock() : random_(std::random_device{}()) {}

Clock::Time SystemClock::Now() { return std::chrono::steady_clock::now(); }

bool SystemClock::Sleep(Duration duration) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, duration, [this] { return stopped_; });
  return !stopped_;
}

double SystemClock::Random() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::uniform_real_distribution<double>(0.0, 1.0)(random_);
}

void SystemClock::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace podgate::controller
