// The seam between the agent and the kernel's table of connections. Two implementations: netlink
// (nft/conntrack/conntrack_netlink.h) and a fake for tests.
//
// One thread at a time per object. Nothing here meets the locks of nf_tables, so commits never wait
// for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "nft/base/status.h"
#include "nft/conntrack/flow.h"
#include "nft/conntrack/flow_judge.h"

namespace podgate::nft {

class Conntrack {
 public:
  virtual ~Conntrack() = default;

  // Every entry of both families that was there before and still is, each told once or, when the
  // table changes under the walk, perhaps twice. The kernel walks on as the answers are taken, so a
  // slow `tell` holds up nobody; entries may be deleted meanwhile. False from `tell` ends the walk.
  using Tell = std::function<bool(const Flow& flow)>;
  virtual Status Walk(const Tell& tell) = 0;

  // The entry whose first packet looks like this; nullopt: there is none.
  virtual Result<std::optional<Flow>> Find(std::uint8_t protocol, const FlowTuple& original,
                                           std::uint16_t zone) = 0;

  // Deletes these very entries and puts a tombstone in the place of those that need one. An entry
  // that is gone, or whose tuples another flow has now, is none of ours any more.
  struct Counts {
    std::size_t deleted = 0;
    std::size_t tombstones = 0;
    std::size_t without_tombstone = 0;  // deleted, but what could bring it back is still possible
    std::size_t refused = 0;  // still there: the kernel does not let go of it (a flow offloaded)
  };
  virtual Result<Counts> Cut(std::span<const Flow> flows) = 0;
  // The flow is deleted, and its other end may have begun it anew since: that goes, and the
  // tombstone is put. False: it cannot be put. (Part of Cut().)
  virtual Result<bool> Tombstone(const Flow& flow) = 0;
  // Deletes these very entries.
  virtual Result<std::size_t> Delete(std::span<const Flow> flows) = 0;
};

// Takes all tombstones away, whatever the policy says: for those who no longer cut. How many there
// were.
Result<std::size_t> RemoveTombstones(Conntrack* conntrack);

}  // namespace podgate::nft
