// What the agent knows of the tombstones in conntrack: which there are, when the kernel forgets
// each, and which have to be put anew before that.
//
// In the kernel a tombstone lives for 20 minutes, so that without an agent nothing stays longer.
// That is less than a denied connection can sleep: its server may push, or ask with a keepalive
// packet, after hours, and without the tombstone that packet would begin the connection anew. So
// the agent renews a tombstone in good time, for as long as the flow would have stayed in conntrack
// without another packet: after that its ends have to begin anew anyway.
//
// Pure; one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "nft/conntrack/flow.h"

namespace podgate::controller {

class TombstoneBook {
 public:
  // A tombstone that has no more than this left is renewed. Half of what it lives: an agent that
  // starts again within ten minutes renews in time what an earlier one put.
  static constexpr std::chrono::seconds kRenewBefore{nft::kTombstoneSeconds / 2};
  // How long the tombstones of an earlier agent are renewed, which do not tell what their flows had
  // left: nf_conntrack_tcp_timeout_established, unless somebody changed it.
  static constexpr std::chrono::hours kLongestDenial{5 * 24};
  // After a renewal that failed.
  static constexpr std::chrono::seconds kRetry{10};

  // One that was just put in the place of a flow that had `flow_seconds` left.
  void Put(const nft::Flow& tombstone, std::uint32_t flow_seconds, Clock::Time now);
  // One that is in the kernel, with what it has left.
  void Found(const nft::Flow& tombstone, Clock::Time now);
  // One that is no longer in the kernel.
  void Forget(const nft::Flow& tombstone);
  // Around a walk over all entries of conntrack: what was put before it and was not found in it is
  // no longer there.
  void BeginWalk() { ++walk_; }
  void EndWalk();

  // When the first one expires or has to be renewed; Time::max(): never.
  Clock::Time NextDue() const;
  // Forgets what has expired. Returns those that have to be renewed, at most `most`; of each the
  // caller then says what became of it.
  std::vector<nft::Flow> TakeDue(Clock::Time now, std::size_t most);
  void Renewed(const nft::Flow& tombstone, Clock::Time now);
  void NotRenewed(const nft::Flow& tombstone, Clock::Time now);  // it is still there

  // In the order in which they came into the book.
  std::vector<nft::Flow> All() const;
  std::vector<nft::Flow> Oldest(std::size_t count) const;
  std::size_t size() const { return entries_.size(); }

 private:
  using Key = std::tuple<std::uint8_t, nft::FlowTuple, std::uint16_t>;
  struct Entry {
    nft::Flow tombstone;
    Clock::Time expires;  // in the kernel
    Clock::Time until;    // it is renewed up to then
    Clock::Time due;
    std::uint64_t walk;  // that saw it last
  };
  using Entries = std::map<std::uint64_t, Entry>;

  static Key KeyOf(const nft::Flow& tombstone);
  Entries::iterator Find(const nft::Flow& tombstone);
  void Add(const nft::Flow& tombstone, Clock::Time expires, Clock::Time until, Clock::Time now);
  void SetDue(Entries::iterator entry, Clock::Time due);
  void SetExpiry(Entries::iterator entry, Clock::Time expires, Clock::Time now);
  void Erase(Entries::iterator entry);

  std::uint64_t next_ = 0;
  std::uint64_t walk_ = 0;
  Entries entries_;  // by age
  std::map<Key, std::uint64_t> places_;
  std::set<std::pair<Clock::Time, std::uint64_t>> due_;
};

}  // namespace podgate::controller
