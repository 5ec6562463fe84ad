// The seam between the agent and the kernel's table of connections. Two implementations: netlink
// (OpenConntrack()) and a fake for tests.
//
// One thread at a time per object. Nothing here takes the locks of nf_tables, so commits do not
// wait for it, unless a socket has to be replaced after a fault or a walk that was ended early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "nft/base/status.h"
#include "nft/conntrack/flow.h"
#include "nft/conntrack/flow_scope.h"

namespace podgate::nft {

class NetlinkChannel;

class Conntrack {
 public:
  virtual ~Conntrack() = default;

  // Every entry of both families that existed before the walk and still does, each told once or, if
  // the table changes during the walk, perhaps twice. The kernel continues as the answers are read,
  // so a slow `tell` holds up nobody; entries may be deleted meanwhile. False from `tell` ends the
  // walk. kUnavailable: the kernel does not answer; kOverrun, kInterrupted: walk again;
  // kUnsupported (of Find() too): it has no nf_conntrack_netlink.
  using Tell = std::function<bool(const Flow& flow)>;
  virtual Status Walk(const Tell& tell) = 0;

  // The same for the entries with one of these ends, some perhaps told more than once, and perhaps
  // for others: the kernel picks by one end at a time and by IPv4 addresses only, and looks at each
  // bucket of its hash table each time, so that handing out all entries is cheaper if they are few.
  // `pause`: between two such times, each of which may take 20 ms of CPU; false ends the walk. May
  // be called from the `tell` of Walk().
  using Pause = std::function<bool()>;
  virtual Status Walk(const std::set<FlowEnd>& ends, const Tell& tell, const Pause& pause) = 0;
  Status Walk(const std::set<FlowEnd>& ends, const Tell& tell) {
    return Walk(ends, tell, [] { return true; });
  }

  // The entry whose first packet looks like this; nullopt: there is none.
  virtual Result<std::optional<Flow>> Find(std::uint8_t protocol, const FlowTuple& original,
                                           std::uint16_t zone) = 0;

  // Deletes exactly these entries and puts a tombstone in the place of those that need one. An
  // entry that is gone, or whose tuples another flow has now, is left alone. kOverrun: the kernel's
  // refusals were lost, and it is unknown which entries are gone.
  struct Counts {
    std::size_t deleted = 0;
    std::vector<Flow> tombstoned{};     // those of them that have a tombstone now
    std::size_t without_tombstone = 0;  // deleted, but the other end can still bring them back
    std::size_t refused = 0;  // still there: the kernel does not delete them (offloaded flows)
  };
  virtual Result<Counts> Cut(std::span<const Flow> flows) = 0;
  // For a flow that is deleted: its other end may have begun it anew since. That entry is deleted,
  // and the tombstone is put. False: it cannot be put. (Part of Cut().)
  virtual Result<bool> Tombstone(const Flow& flow) = 0;
  enum class Renewal : std::uint8_t {
    kRenewed,
    kGone,  // it was not there
    kLost,  // it was, and now the other end can bring its flow back
  };
  // Puts each of these tombstones anew, with its full time, unless it is gone: one for each. (The
  // kernel lets nobody change the time of an entry that packets must not change, so each is deleted
  // and made again; a packet that comes between the two begins a flow that is deleted like one of
  // Tombstone().)
  virtual Result<std::vector<Renewal>> Renew(std::span<const Flow> tombstones) = 0;
  using Usage = ConntrackUsage;
  // Of this network namespace. Costs nothing, however many there are.
  virtual Result<Usage> GetUsage() = 0;
  // Deletes exactly these entries; how many there were.
  virtual Result<std::size_t> Delete(std::span<const Flow> flows) = 0;
};

// Removes all tombstones, whatever the policy says, when flows are no longer to be cut. How many
// there were.
Result<std::size_t> RemoveTombstones(Conntrack* conntrack);

// The kernel's own, over netlink, in the network namespace of the calling thread. Needs
// CAP_NET_ADMIN there.
Result<std::unique_ptr<Conntrack>> OpenConntrack();

// The same over channels that the caller made, one for requests, one for walks over all entries and
// one for walks over those with one end: for tests of what happens when they fail.
std::unique_ptr<Conntrack> ConntrackOver(std::unique_ptr<NetlinkChannel> requests,
                                         std::unique_ptr<NetlinkChannel> walks,
                                         std::unique_ptr<NetlinkChannel> picks);

}  // namespace podgate::nft
