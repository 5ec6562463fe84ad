// Follows which addresses the pods of this node have beside those of their statuses: a thread of
// its own looks into the network namespaces at the other ends of the node's links when the pods
// change, when the kernel tells of a change of links or addresses, and every few seconds. The
// kernel tells of addresses in other namespaces only with CAP_NET_BROADCAST; without it the next
// look finds them.
//
// A look costs one question for each namespace, and one for each address there that no status
// tells. After it the thread rests kPauseShare times what that took of a CPU, but no longer than
// kMostPause. (Not what it took: a look that waits for the kernel costs nothing, and whoever can
// make it wait must not put off the next.)
//
// Pods come from the loop's thread, what was found goes to any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/cpu_time.h"
#include "controller/base/histogram.h"
#include "controller/base/log.h"
#include "controller/node/further_addresses.h"
#include "controller/node/link_owners.h"
#include "controller/node/namespace_reader.h"
#include "controller/node/pod_namespaces.h"

namespace podgate::controller {

class AddressWatch {
 public:
  static constexpr std::chrono::seconds kEvery{2};
  static constexpr std::chrono::milliseconds kLeastPause{200};
  static constexpr int kPauseShare = 20;
  static constexpr std::chrono::seconds kMostPause{10};
  // A pod that starts has its address before it has its link, and one that ends still has it
  // afterwards.
  static constexpr std::chrono::seconds kGrace{15};
  // More than any kubelet runs. Of the others a server could tell without end.
  static constexpr std::size_t kMaxPods = 2048;

  // `reader` is used by the thread of Run() alone. `found`: called from there after the first
  // look that comes to its end, and after each that finds something else than the one before.
  // `cpu_time`: what the calling thread has used of a CPU so far.
  AddressWatch(NamespaceReader* reader, Clock* clock, Logger* log, std::function<void()> found,
               std::function<Clock::Duration()> cpu_time = ThreadCpuTime)
      : reader_(reader),
        clock_(clock),
        log_(log),
        found_(std::move(found)),
        cpu_time_(std::move(cpu_time)) {}

  // Until Stop(), which may be called from any thread.
  void Run();
  void Stop();
  // All pods of this node that have addresses, with those of their statuses. Any thread; never
  // waits for a look.
  void SetPods(LocalPods pods);
  // Something changed that a look would see. Any thread.
  void Notice();

  // One look. For Run() and for tests.
  void Look();
  // When the next one is due; max(): when there are pods.
  Clock::Time NextLook() const;

  // What the last look that came to its end found, and how many there were; 0: nothing is known
  // yet.
  std::uint64_t looks() const;
  FurtherAddresses found() const;
  // And whose this node's links are.
  std::vector<compiler::LinkOwner> link_owners() const;

  struct Report {
    std::uint64_t further = 0;            // addresses that the rules cover beside those of statuses
    std::uint64_t uncovered = 0;          // addresses of pods that no rule covers
    std::uint64_t without_namespace = 0;  // pods whose namespace was not found
    std::string note{};                   // what is not covered, and why: sentences; empty: nothing
    Histogram look;                       // its duration
  };
  Report report() const;

 private:
  struct Said {  // of a pod, so that it is said once
    std::vector<ipset::Address> taken{};
    bool uncovered = false;
    bool missing = false;
    std::optional<Clock::Time> missing_since{};  // its namespace
  };

  nft::Status Read(NodeSpaces* spaces);
  void Tell(const FurtherAddresses& further, Report* report);
  void TellFailure(const nft::Status& status, Report* report);
  Clock::Time NextLookLocked() const;

  NamespaceReader* const reader_;
  Clock* const clock_;
  Logger* const log_;
  const std::function<void()> found_;
  const std::function<Clock::Duration()> cpu_time_;

  // Of the thread that looks.
  NamespaceOwners owners_;
  LinkOwners link_owners_;
  std::map<compiler::ObjectKey, Said> said_;
  Report last_good_;
  Histogram durations_;
  std::map<ipset::Address, Way> ways_;  // of the last look; kept where the kernel tells none
  nft::Status refusal_;                 // of the last look, to read a namespace or to tell a route
  bool failing_ = false;                // that was told

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  bool due_ = false;  // something changed since the last look
  std::optional<LocalPods> pods_told_;
  std::optional<Clock::Time> last_look_;  // its end
  Clock::Duration pause_{};               // after it
  std::uint64_t looks_ = 0;
  FurtherAddresses further_;
  std::vector<compiler::LinkOwner> owned_links_;
  Report report_;
};

}  // namespace podgate::controller
