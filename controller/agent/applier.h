// Makes the kernel hold the ruleset that is wanted, and keeps it so: applies each change as it is
// told, reads back and applies the difference after a failure and when somebody else changed the
// table; builds all anew beside the old when that fails as well. Keeps no copy of the ruleset: what
// the kernel holds is what was wanted before the change, or it is read anew; it is never guessed.
// A table that it finds at the start, and whose comment names another node, is left alone.
//
// One thread. Never waits: what must wait is due at `NextAttempt()`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/agent/attribution.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/watch/cluster_event.h"
#include "nft/kernel/kernel.h"
#include "nft/kernel/monitor.h"
#include "nft/model/change.h"

namespace podgate::controller {

class Applier {
 public:
  // `wanted` is what the kernel is to hold; it changes only as Changed() is told right afterwards.
  // `monitor`: hears of others' commits sooner and by name; nullptr: they are noticed all the same.
  // `events`: nullptr when the cluster is not told. `node`: whose table may be changed; empty:
  // anybody's.
  Applier(const nft::Ruleset* wanted, nft::Kernel* kernel, nft::Monitor* monitor, Clock* clock,
          Logger* log, EventSink* events = nullptr, std::string node = {})
      : wanted_(wanted),
        kernel_(kernel),
        monitor_(monitor),
        clock_(clock),
        log_(log),
        events_(events),
        node_(std::move(node)) {}

  // The wanted ruleset has changed by this, and is to be in the kernel from now on. True when it is
  // on return.
  bool Changed(const nft::Change& change);
  // What the kernel holds may have changed without anybody's commit, as when a device goes and
  // takes its chain along: it is read before the next change.
  void Doubt() {
    if (state_ == State::kSettled) state_ = State::kUnknown;
  }
  // Tries again if something is left to do and its time has come. Otherwise asks, twice a second
  // and whenever the monitor heard something, whether anybody committed anything, and if so looks
  // at the table: at once, but after a look that found nothing not for a second, and less often
  // where looking takes long. Every few minutes it looks whether or not anything hints at it.
  void Tick();
  // When Tick() should be called at the latest.
  Clock::Time NextAttempt() const;

  // The agent itself committed so many batches to another table: they are not others' changes.
  void CommittedElsewhere(std::uint64_t batches) {
    generation_ += static_cast<std::uint32_t>(batches);
  }
  // What hears of commits now; nullptr: nothing does.
  nft::Monitor* listener() const { return listening_ ? monitor_ : nullptr; }

  // The kernel holds what is wanted.
  bool settled() const { return state_ == State::kSettled; }
  // The table that was found and is left alone, if so: it is looked at again every few seconds.
  struct OtherTable {
    std::string node;  // whose it is, as its comment spells it
    std::size_t isolated_pods = 0;
  };
  const std::optional<OtherTable>& other_table() const { return other_table_; }
  struct Counters {
    std::uint64_t steps = 0;     // batches committed
    std::uint64_t failures = 0;  // changes that the kernel refused
    std::uint64_t rebuilds = 0;  // of the whole table, after failures
    std::uint64_t checks = 0;    // looks at the table
    std::uint64_t repairs = 0;   // changes of others that were reverted
  };
  const Counters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t {
    kIdle,     // nothing is wanted yet
    kUnknown,  // the kernel holds something else, or nobody knows what
    kSettled,
  };
  struct ForeignChange {
    bool deleted = false;  // the whole table
    std::string by;        // who may have done it
  };
  struct Held {  // the kernel's table, of that generation or a later one
    std::uint32_t generation = 0;
    std::optional<nft::Ruleset> table;
  };

  bool Synchronise();
  std::optional<OtherTable> FindOther(const std::optional<nft::Ruleset>& table) const;
  nft::Status SynchroniseOnce(bool conditional);
  nft::Result<Held> Read();
  bool Finish(const nft::Status& status);
  void Settle();
  void Failed(const nft::Status& status);
  nft::Status Commit(const std::vector<nft::Step>& steps);
  void FindOutWho(const Held& held);
  void TellForeignChange();

  void Listen(bool on);
  void Poll();
  void CheckTable();

  const nft::Ruleset* wanted_;
  nft::Kernel* kernel_;
  nft::Monitor* monitor_;
  Clock* clock_;
  Logger* log_;
  EventSink* events_;
  const std::string node_;
  bool ours_ = false;  // the table was once as wanted: what is in it since is ours or is drift
  std::optional<OtherTable> other_table_;
  State state_ = State::kIdle;
  int failures_in_a_row_ = 0;
  bool listening_ = true;
  bool moved_ = false;            // somebody committed something since the last look
  bool changed_ = false;          // it was our table, and nobody asked yet who did it
  std::uint32_t generation_ = 0;  // of the kernel, if nobody but us commits
  Attribution attribution_;
  std::optional<ForeignChange> foreign_change_;  // not reverted yet
  Clock::Time next_attempt_;
  Clock::Time next_poll_;
  Clock::Time next_check_;  // no sooner
  Clock::Time next_full_check_;
  Counters counters_;
};

}  // namespace podgate::controller
