// When to look through the flows again: at once after a quiet time, and then so seldom that the
// passes take a bounded share of a CPU, however often the policy changes and however many flows
// there are. Pure; the owner guards it.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "controller/clock.h"

namespace podgate::controller {

class PassSchedule {
 public:
  // After a pass that cost C: 9 C of rest before one that may cut flows (10 % of a CPU), 99 C
  // before one that can only unseal some (1 %).
  static constexpr int kRest = 9;
  static constexpr int kLongRest = 99;
  // A packet that the old rules let through may become an entry a little after the new rules are in
  // force, behind the walk's back: one more pass then. Also the pause after a failure.
  static constexpr std::chrono::seconds kSettled{1};

  enum class Need { kNow, kSometime };
  void Changed(Clock::Time now, Need need) {
    Clock::Time& due = need == Need::kNow ? due_ : due_sometime_;
    due = std::min(due, now);
    settled_ = settled_ && need != Need::kNow;
  }

  // When the next pass begins; Time::max(): nothing to do.
  Clock::Time Next() const {
    return std::min(due_ == kNever ? kNever : std::max(due_, rest_until_),
                    due_sometime_ == kNever ? kNever : std::max(due_sometime_, long_rest_until_));
  }

  // What changes from here on needs another pass.
  void Begin() {
    due_ = due_sometime_ = kNever;
    confirming_ = std::exchange(settled_, true);
  }
  void End(Clock::Time now, Clock::Duration cost, bool complete) {
    rest_until_ = now + cost * kRest;
    long_rest_until_ = now + cost * kLongRest;
    if (!complete) {
      Changed(now + kSettled, Need::kNow);
    } else if (!confirming_) {
      due_ = std::min(due_, now + kSettled);
    }
  }

 private:
  static constexpr Clock::Time kNever = Clock::Time::max();
  Clock::Time due_ = kNever;
  Clock::Time due_sometime_ = kNever;
  Clock::Time rest_until_ = Clock::Time::min();
  Clock::Time long_rest_until_ = Clock::Time::min();
  bool settled_ = true;      // no change since the last pass that could cut flows
  bool confirming_ = false;  // the pass under way has only the time before it to make up for
};

}  // namespace podgate::controller
