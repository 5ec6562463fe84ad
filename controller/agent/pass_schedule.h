// When to look through the flows, those of changed addresses or only the tombstones again: at once
// after a quiet time, and then so seldom that it takes a bounded share of what the process may use
// of a CPU, however often the policy changes and however many flows there are; without a change
// once a minute. Pure; one thread at a time.
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
  kChanged,     // the entries of the ends that changes named: those first, they do not wait
  kFlows,       // all entries: what is denied now is cut, what is allowed again loses its tombstone
  kTombstones,  // the known tombstones only
};

class PassSchedule {
 public:
  // Of a CPU, or of what the process may use of one if that is less: with a whole CPU a pass that
  // cost C is followed by 9 C in which there is none of its kind, with a fifth of one by 49 C.
  static constexpr double kShare = 0.1;
  // Flows that a change denies wait for the passes over changed ends. So where the process may use
  // little of a CPU, these take three tenths of that, but no more than with a whole one.
  static constexpr double kShareOfLittle = 0.3;
  // But so much rest may be put off: a second's worth of passes (with a fifth of a CPU a fifth of
  // that, of those over changed ends three fifths) is made as the changes come, so that only those
  // wait that go on changing.
  static constexpr std::chrono::seconds kOnCredit{9};
  static constexpr double kLeastCpus = 0.01;  // the least quota that the kernel takes
  // A packet that the old rules let through may become an entry a little after the new rules are in
  // force, behind the walk's back: one more pass then. Also the pause after a failure.
  static constexpr std::chrono::seconds kSettled{1};
  // And without a change: an entry may begin at any time with a packet of the wrong end, of a
  // connection that is older than conntrack's knowledge of it.
  static constexpr std::chrono::seconds kAgain{60};

  // `cpus`: that the process may use; more than one is like one.
  explicit PassSchedule(double cpus = 1) : cpus_(std::clamp(cpus, kLeastCpus, 1.0)) {}

  void Need(PassKind kind, Clock::Time now) {
    // A pass over all entries a little later makes up for what this one cannot see: flows that
    // another flow announced, and those of packets that were under way.
    if (kind == PassKind::kChanged) NeedSettled(now);
    Of(kind).due = std::min(Of(kind).due, now);
    if (kind == PassKind::kFlows) confirm_ = true;
  }

  // When the next pass begins; Time::max(): nothing to do.
  Clock::Time Next() const {
    return std::min(
        {NextOf(PassKind::kChanged), NextOf(PassKind::kFlows), NextOf(PassKind::kTombstones)});
  }
  Clock::Time NextOf(PassKind which) const {
    const Kind& kind = kinds_.at(static_cast<std::size_t>(which));
    return kind.due == kNever ? kNever : std::max(kind.due, kind.rest_until - kOnCredit);
  }

  // What is needed from here on needs another pass.
  PassKind Begin(Clock::Time now) {
    if (NextOf(PassKind::kChanged) <= now) {
      Of(PassKind::kChanged).due = kNever;
      return PassKind::kChanged;
    }
    const PassKind kind =
        NextOf(PassKind::kFlows) <= now ? PassKind::kFlows : PassKind::kTombstones;
    Of(PassKind::kTombstones).due = kNever;
    if (kind == PassKind::kTombstones) return kind;
    Of(PassKind::kFlows).due = kNever;
    confirms_ = !std::exchange(confirm_, false);
    return kind;
  }
  void End(PassKind kind, Clock::Time now, Clock::Duration cost, bool complete) {
    const auto with_rest = std::chrono::duration_cast<Clock::Duration>(cost / ShareOf(kind));
    Of(kind).rest_until = std::max(Of(kind).rest_until, now - cost) + with_rest;
    if (!complete && kind == PassKind::kChanged) {
      Need(PassKind::kFlows, now + kSettled);
    } else if (!complete) {
      Need(kind, now + kSettled);
    } else if (kind == PassKind::kFlows) {
      Of(kind).due = std::min<Clock::Time>(Of(kind).due, now + (confirms_ ? kAgain : kSettled));
    }
  }

 private:
  static constexpr Clock::Time kNever = Clock::Time::max();
  struct Kind {
    Clock::Time due = kNever;
    Clock::Time rest_until{};  // not min(): less than that is none
  };
  void NeedSettled(Clock::Time now) {
    Kind& flows = Of(PassKind::kFlows);
    if (flows.due > now + kSettled) {
      flows.due = now + kSettled;
    } else {
      confirm_ = true;  // it comes earlier
    }
  }
  double ShareOf(PassKind kind) const {
    const double share = kShare * cpus_;
    return kind == PassKind::kChanged ? std::max(share, std::min(kShare, kShareOfLittle * cpus_))
                                      : share;
  }
  Kind& Of(PassKind kind) { return kinds_.at(static_cast<std::size_t>(kind)); }

  double cpus_;
  std::array<Kind, 3> kinds_;
  bool confirm_ = false;   // a change came since the last pass over all flows began
  bool confirms_ = false;  // the pass under way has only the time before it to make up for
};

}  // namespace podgate::controller
