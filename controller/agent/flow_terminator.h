// Established flows follow the policy: when a change denies flows that were allowed, exactly those
// are cut, and the tombstones of flows that are allowed again are removed.
//
// A thread of its own walks conntrack's entries and deletes; the loop's thread, which owns the
// rules, judges. They meet for each slice of flows: the thread asks, wakes the loop and waits; the
// loop answers between two turns. So commits wait for a slice at most, memory is that of a slice,
// and every answer comes from the rules that are in force at that moment.
//
// A walk over all of conntrack takes the kernel more than a microsecond for each entry. Where a
// change tells the ends of the flows that it may deny, and they are few, the kernel picks out the
// flows of those, and they are judged first, also in the middle of a walk over everything.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "controller/agent/pass_schedule.h"
#include "controller/agent/tombstone_book.h"
#include "controller/base/clock.h"
#include "controller/base/cpu_time.h"
#include "controller/base/log.h"
#include "nft/conntrack/conntrack.h"
#include "nft/conntrack/flow_judge.h"
#include "nft/conntrack/flow_scope.h"

namespace podgate::controller {

class FlowTerminator {
 public:
  // Flows that the loop judges in one turn: a fraction of a millisecond.
  static constexpr std::size_t kSlice = 256;
  // The tombstones are at most this share of the entries that conntrack takes, and at most so many,
  // some 400 bytes of the agent's memory each. The oldest give way to new ones.
  static constexpr std::size_t kShareOfConntrack = 8;
  static constexpr std::size_t kMostTombstones = 32'768;
  // A pass over all entries pauses after so much CPU time, and one over changed ends between two of
  // them, if the process may use less than a whole CPU: the kernel gives it that in parts, 20 ms of
  // each 100 ms for example, and a change of the policy waits for the next part when a pass has
  // used this one. It takes half at most.
  static constexpr std::chrono::milliseconds kAtOnce{4};
  static constexpr double kPart = 0.5;

  // All addresses of this node, broadcast addresses too; sorted. Asked before each pass.
  using NodeAddresses = std::function<nft::Result<nft::Addresses>()>;

  // `wake`: makes the loop's thread call Serve() soon; called from the terminator's thread.
  // `cpus`: that the process may use (PassSchedule). `cpu_time`: what the calling thread has used
  // of a CPU so far.
  FlowTerminator(nft::Conntrack* conntrack, NodeAddresses node_addresses, Logger* log,
                 std::function<void()> wake, double cpus = 1,
                 std::function<Clock::Duration()> cpu_time = ThreadCpuTime);

  // The terminator's thread: until Stop(), which may be called from any thread.
  void Run();
  void Stop();

  // From here on the loop's thread.
  // New rules are in force. `may_deny`: the flows that were allowed and could be denied now; if
  // there are none, nothing but tombstones is looked at.
  void PolicyChanged(const nft::FlowScope& may_deny);
  // Answers what is asked, if anything: at most one slice. Only when `enforced` is what the kernel
  // holds.
  void Serve(const nft::Ruleset& enforced);

  struct Counters {
    std::uint64_t passes = 0;          // over all flows
    std::uint64_t changed_passes = 0;  // over those of changed ends
    std::uint64_t tombstone_passes = 0;
    std::uint64_t failures = 0;    // passes that did not get to the end
    std::uint64_t cut = 0;         // flows
    std::uint64_t entries = 0;     // that the last pass over all flows saw
    std::uint64_t tombstones = 0;  // that there are, as far as the agent knows
    std::uint64_t displaced = 0;   // tombstones that gave way to newer ones
  };
  Counters counters() const;

 private:
  // What the terminator's thread wants to know; it waits, so what this points to stays.
  struct Request {
    nft::Addresses* judged = nullptr;
    std::span<const nft::FlowQuestion> questions{};
    std::vector<nft::FlowDecision>* verdicts = nullptr;
  };
  struct Pass {
    PassKind kind = PassKind::kFlows;
    nft::FlowFilter filter{};
    nft::FlowScope scope{};
    std::vector<nft::FlowQuestion> slice{};
    std::vector<nft::FlowDecision> verdicts{};
    std::uint64_t entries = 0;
    std::uint64_t judged = 0;
    std::uint64_t removed_tombstones = 0;
    nft::Conntrack::Counts cut{};
    std::uint64_t tombstones = 0;  // that were put
    std::uint64_t displaced = 0;
    nft::Status status{};
    bool stopped = false;
    Clock::Duration paced{};  // CPU time of the thread after the last pause
  };

  // What there is to do next. Without a value: put tombstones anew.
  struct Work {
    enum class What : std::uint8_t { kPass, kRenewal, kStop };
    What what = What::kStop;
    PassKind pass = PassKind::kFlows;  // of kPass
  };
  Work WaitForWork();
  void MakeAndReport(PassKind kind);
  void RenewTombstones();
  Pass MakePass(PassKind kind);
  void GoThroughFlows(Pass* pass);
  void GoThroughChanged(Pass* pass);
  bool LearnUsage();  // true: there is no entry
  void GoThroughTombstones(Pass* pass);
  // Lets a pass over changed ends go first that became due during this one.
  void GiveWay(const Pass& pass);
  // Leaves the loop its part of what the process may use of a CPU, if that is less than a whole
  // one. A pass over changed ends does not wait for the pauses of others.
  void Pace(Pass* pass);
  void PauseAfter(Clock::Duration used, bool give_way);
  // False: give up the pass.
  bool Take(const nft::Flow& flow, Pass* pass);
  bool Flush(Pass* pass);
  // False when the kernel refuses.
  bool RemoveThose(const std::vector<nft::Flow>& tombstones, Pass* pass, std::uint64_t* removed);
  bool MakeRoom(Pass* pass);
  // False: stopped.
  bool Ask(const Request& request);
  void Report(const Pass& pass, Clock::Duration cost, Clock::Duration took);

  nft::Conntrack* const conntrack_;
  const NodeAddresses node_addresses_;
  Logger* const log_;
  const std::function<void()> wake_;
  const double cpus_;
  const std::function<Clock::Duration()> cpu_time_;

  // Of the terminator's thread.
  TombstoneBook tombstones_;
  bool tombstones_known_ = false;  // after the first pass: an earlier agent may have left some
  std::size_t most_tombstones_ = kMostTombstones;
  Clock::Time next_renewal_ = Clock::Time::min();  // not earlier
  Clock::Duration given_away_{};  // CPU time of passes that went first, within the one under way

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  bool tombstones_possible_ = true;
  std::optional<Request> request_;
  Clock::Duration judging_{};  // CPU time of the loop's thread for the pass under way
  PassSchedule schedule_;
  nft::FlowScope changed_ends_;  // for the next pass over them
  Counters counters_;

  std::atomic<bool> hurry_ = false;  // a pass over changed ends is needed; not guarded
};

}  // namespace podgate::controller
