// Growing pauses between attempts that fail: 100 ms, doubled each time up to a limit, each
// shortened at random by up to a half so that many nodes do not knock together. Pure but for the
// clock's chance.
#pragma once

#include <algorithm>
#include <chrono>

#include "controller/base/clock.h"

namespace podgate::controller {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100};
  // A watch costs the server little, and a node stays behind for as long as it waits after an
  // outage.
  static constexpr std::chrono::milliseconds kWatchLimit{4'000};
  // A list that the server could not complete costs it what a whole one does, on each node: as long
  // as client-go waits.
  static constexpr std::chrono::milliseconds kListLimit{30'000};

  Backoff(Clock* clock, std::chrono::milliseconds limit) : clock_(clock), limit_(limit) {}

  std::chrono::milliseconds Next() {
    const auto pause = next_;
    next_ = std::min(limit_, next_ * 2);
    return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(pause.count()) *
                                                               (1.0 - clock_->Random() / 2)));
  }
  void Reset() { next_ = kFirst; }

 private:
  Clock* clock_;
  std::chrono::milliseconds limit_;
  std::chrono::milliseconds next_ = kFirst;
};

}  // namespace podgate::controller
