// When to look through the flows, or only through the tombstones, again: at once after a quiet
// time, and then so seldom that it takes a bounded share of a CPU, however often the policy changes
// and however many flows there are. Pure; one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "controller/base/clock.h"

namespace podgate::controller {

enum class PassKind : std::uint8_t {
  kFlows,       // all entries: what is denied now is cut, what is allowed again loses its tombstone
  kTombstones,  // the known tombstones only
};

class PassSchedule {
 public:
  // After a pass that cost C there is none of its kind for 9 C: 10 % of a CPU.
  static constexpr int kRest = 9;
  // A packet that the old rules let through may become an entry a little after the new rules are in
  // force, behind the walk's back: one more pass then. Also the pause after a failure.
  static constexpr std::chrono::seconds kSettled{1};

  void Need(PassKind kind, Clock::Time now) {
    Of(kind).due = std::min(Of(kind).due, now);
    if (kind == PassKind::kFlows) confirm_ = true;
  }

  // When the next pass begins; Time::max(): nothing to do.
  Clock::Time Next() const { return std::min(Next(PassKind::kFlows), Next(PassKind::kTombstones)); }

  // What is needed from here on needs another pass.
  PassKind Begin(Clock::Time now) {
    const PassKind kind = Next(PassKind::kFlows) <= now ? PassKind::kFlows : PassKind::kTombstones;
    Of(PassKind::kTombstones).due = kNever;
    if (kind == PassKind::kTombstones) return kind;
    Of(PassKind::kFlows).due = kNever;
    confirms_ = !std::exchange(confirm_, false);
    return kind;
  }
  void End(PassKind kind, Clock::Time now, Clock::Duration cost, bool complete) {
    Of(kind).rest_until = now + cost * kRest;
    if (!complete) {
      Need(kind, now + kSettled);
    } else if (kind == PassKind::kFlows && !confirms_) {
      Of(kind).due = std::min(Of(kind).due, now + kSettled);
    }
  }

 private:
  static constexpr Clock::Time kNever = Clock::Time::max();
  struct Kind {
    Clock::Time due = kNever;
    Clock::Time rest_until = Clock::Time::min();
  };
  Kind& Of(PassKind kind) { return kinds_.at(static_cast<std::size_t>(kind)); }
  Clock::Time Next(PassKind which) const {
    const Kind& kind = kinds_.at(static_cast<std::size_t>(which));
    return kind.due == kNever ? kNever : std::max(kind.due, kind.rest_until);
  }

  std::array<Kind, 2> kinds_;
  bool confirm_ = false;   // a change came since the last pass over all flows began
  bool confirms_ = false;  // the pass under way has only the time before it to make up for
};

}  // namespace podgate::controller
