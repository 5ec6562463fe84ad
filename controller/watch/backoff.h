// Growing pauses between attempts that fail: 100 ms, doubled each time, at most 4 s, each shortened
// at random by up to a half so that many nodes do not knock together. Pure but for the clock's
// chance.
#pragma once

#include <algorithm>
#include <chrono>

#include "controller/base/clock.h"

namespace podgate::controller {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100};
  // client-go waits up to 30 s, and a node stays behind for that long after an outage.
  static constexpr std::chrono::milliseconds kLast{4000};

  explicit Backoff(Clock* clock) : clock_(clock) {}

  std::chrono::milliseconds Next() {
    const auto pause = next_;
    next_ = std::min(kLast, next_ * 2);
    return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(pause.count()) *
                                                               (1.0 - clock_->Random() / 2)));
  }
  void Reset() { next_ = kFirst; }

 private:
  Clock* clock_;
  std::chrono::milliseconds next_ = kFirst;
};

}  // namespace podgate::controller
