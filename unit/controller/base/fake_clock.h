// A clock that jumps: sleeping takes no time but is remembered.
#pragma once

#include <vector>

#include "controller/base/clock.h"

namespace podgate::controller {

class FakeClock : public Clock {
 public:
  Time Now() override { return now_ += each_look; }
  bool Sleep(Duration duration) override {
    if (stopped) return false;
    slept.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
    now_ += duration;
    return true;
  }
  double Random() override { return random; }
  void Advance(Duration duration) { now_ += duration; }

  Duration each_look{};  // passes before each look at it
  double random = 0;
  bool stopped = false;
  std::vector<std::int64_t> slept;  // milliseconds

 private:
  Time now_{std::chrono::hours(1)};
};

}  // namespace podgate::controller
