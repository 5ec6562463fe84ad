// Makes the kernel hold the ruleset that is wanted, and keeps it so: applies differences, reads
// back and tries again after a failure, finds out when somebody else changed the table. What the
// kernel holds is known or it is read anew; it is never guessed.
//
// One thread. Never waits: what must wait is due at `NextAttempt()`.
#pragma once

#include <cstdint>
#include <optional>

#include "controller/clock.h"
#include "controller/log.h"
#include "nft/kernel.h"

namespace podgate::controller {

class Applier {
 public:
  Applier(nft::Kernel* kernel, Clock* clock, Logger* log)
      : kernel_(kernel), clock_(clock), log_(log) {}

  // From now on the kernel is to hold this. True when it does already on return.
  bool Want(nft::Ruleset desired);
  // Tries again if something is left to do and its time has come; otherwise checks, at most once a
  // second, whether somebody changed the table, and every few minutes whether or not anything hints
  // at it.
  void Tick();
  // When Tick() should be called at the latest.
  Clock::Time NextAttempt() const;

  // The kernel holds what was wanted last.
  bool settled() const { return known_ && !desired_ && table_.has_value(); }
  struct Counters {
    std::uint64_t steps = 0;     // committed
    std::uint64_t failures = 0;  // commits that the kernel refused
    std::uint64_t repairs = 0;   // changes of others undone
  };
  const Counters& counters() const { return counters_; }

 private:
  bool Try();
  bool Read(const std::string& name);
  void CheckDrift();
  void Failed(const nft::Status& status, const char* what);

  nft::Kernel* kernel_;
  Clock* clock_;
  Logger* log_;
  // One copy of the ruleset is kept when all is well: the one in the kernel is the one that is
  // wanted.
  std::optional<nft::Ruleset> desired_;  // what the kernel is to hold and does not hold yet
  std::optional<nft::Ruleset> table_;    // what it holds; nullopt with known_: there is no table
  bool known_ = false;                   // table_ is true
  int failures_in_a_row_ = 0;
  std::uint32_t generation_ = 0;  // of the kernel, if nobody but us commits
  Clock::Time next_attempt_;
  Clock::Time next_check_;
  Clock::Time next_full_check_;
  Counters counters_;
};

}  // namespace podgate::controller
