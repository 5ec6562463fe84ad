// Time, waiting and chance, behind one seam so that tests run without any of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>

namespace podgate::controller {

class Clock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  virtual ~Clock() = default;
  virtual Time Now() = 0;
  // Waits; false when the program is to stop, at once and for ever after.
  virtual bool Sleep(Duration duration) = 0;
  // Uniform in [0, 1).
  virtual double Random() = 0;
};

// The real one. Any thread.
class SystemClock : public Clock {
 public:
  SystemClock();
  Time Now() override;
  bool Sleep(Duration duration) override;
  double Random() override;
  // Wakes every sleeper.
  void Stop();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::mt19937_64 random_;
};

}  // namespace podgate::controller
