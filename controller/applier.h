// Makes the kernel hold the ruleset that is wanted, and keeps it so: applies each change as it is
// told, reads back and applies the difference after a failure and when somebody else changed the
// table. Keeps no copy of the ruleset: what the kernel holds is what was wanted before the change,
// or it is read anew; it is never guessed.
//
// One thread. Never waits: what must wait is due at `NextAttempt()`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/clock.h"
#include "controller/log.h"
#include "nft/change.h"
#include "nft/kernel.h"

namespace podgate::controller {

class Applier {
 public:
  // `wanted` is what the kernel is to hold; it changes only as Changed() is told right afterwards.
  Applier(const nft::Ruleset* wanted, nft::Kernel* kernel, Clock* clock, Logger* log)
      : wanted_(wanted), kernel_(kernel), clock_(clock), log_(log) {}

  // The wanted ruleset has changed by this, and is to be in the kernel from now on. True when it is
  // on return.
  bool Changed(const nft::Change& change);
  // Tries again if something is left to do and its time has come; otherwise checks, at most once a
  // second, whether somebody changed the table, and every few minutes whether or not anything hints
  // at it.
  void Tick();
  // When Tick() should be called at the latest.
  Clock::Time NextAttempt() const;

  // The kernel holds what is wanted.
  bool settled() const { return state_ == State::kSettled; }
  struct Counters {
    std::uint64_t steps = 0;     // committed
    std::uint64_t failures = 0;  // commits that the kernel refused
    std::uint64_t repairs = 0;   // changes of others undone
  };
  const Counters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t {
    kIdle,     // nothing is wanted yet
    kUnknown,  // the kernel holds something else, or nobody knows what
    kSettled,
  };

  bool Synchronise();
  bool Apply(const std::vector<nft::Step>& steps);
  void Settle();
  nft::Result<std::optional<nft::Ruleset>> Read();
  void CheckDrift();
  void Failed(const nft::Status& status, const char* what);

  const nft::Ruleset* wanted_;
  nft::Kernel* kernel_;
  Clock* clock_;
  Logger* log_;
  State state_ = State::kIdle;
  int failures_in_a_row_ = 0;
  std::uint32_t generation_ = 0;  // of the kernel, if nobody but us commits
  Clock::Time next_attempt_;
  Clock::Time next_check_;
  Clock::Time next_full_check_;
  Counters counters_;
};

}  // namespace podgate::controller
