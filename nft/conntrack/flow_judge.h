// Which of the established flows the rules of this node deny: each is asked about as if its first
// packet came now. The ruleset that is enforced decides, without its rule for established packets,
// so there is no second opinion that could differ.
//
// Pure; any thread. The ruleset outlives the judge and does not change meanwhile: make one for each
// slice of work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nft/conntrack/flow.h"
#include "nft/model/interpret.h"
#include "nft/model/ruleset.h"

namespace podgate::nft {

// Sorted, for std::binary_search.
using Addresses = std::vector<ipset::Address>;

// The addresses that a flow must have at one end, at least, to be denied at all: those that the
// ruleset's maps lead to a chain of their own. A copy.
Addresses JudgedAddresses(const Ruleset& ruleset);

// What of conntrack is worth asking about, to be known without the ruleset.
struct FlowFilter {
  Addresses judged;  // JudgedAddresses()
  Addresses node;    // all of this node, broadcast addresses too
  // Whether a policy can have anything to say. Not so: flows from the node itself (they never pass
  // the forward hook), to groups of receivers (they have no other end), and between ends that no
  // policy isolates. Tombstones are of interest always.
  bool Interesting(const Flow& flow) const;
  // The hook that packets for this flow's destination pass.
  Hook HookOf(const Flow& flow) const;
};

struct FlowQuestion {
  Flow flow;
  Hook hook = Hook::kForward;
  // What is asked about instead of the flow itself, if anything: for a flow that another one
  // announced (ct state related), that one, because it is the one that a policy allowed.
  std::optional<Packet> master{};
};

enum class FlowDecision : std::uint8_t {
  kLives,
  kCut,              // denied: delete it, and tombstone it where needed
  kRemoveTombstone,  // a tombstone of a flow that would be allowed now: delete it
};

class FlowJudge {
 public:
  explicit FlowJudge(const Ruleset& ruleset) : verdicts_(ruleset) {}
  FlowDecision Judge(const FlowQuestion& question) const;

 private:
  Verdicts verdicts_;
};

}  // namespace podgate::nft
