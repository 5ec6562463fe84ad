// Which of the established flows the rules of this node deny: each is judged as if its first packet
// came now. The enforced ruleset itself decides (to its rule for established packets such a packet
// is new), so there is no second evaluator that could disagree with it.
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

// The isolated addresses, those for which the ruleset's maps name a chain: a flow can only be
// denied if it has one of them at one end. A copy.
Addresses JudgedAddresses(const Ruleset& ruleset);

// Which entries of conntrack are worth judging, decided without the ruleset.
struct FlowFilter {
  Addresses judged;  // JudgedAddresses()
  Addresses node;    // all of this node, broadcast addresses too
  // Whether a policy can apply. It cannot to flows from the node itself (they never pass the
  // forward hook), to multicast and broadcast addresses (they have no other end), and between
  // endpoints that no policy isolates. Tombstones are always interesting.
  bool Interesting(const Flow& flow) const;
  // The hook that packets for this flow's destination pass.
  Hook HookOf(const Flow& flow) const;
};

struct FlowQuestion {
  Flow flow;
  Hook hook = Hook::kForward;
  // What is judged instead of the flow itself, if anything: for a flow that another one announced
  // (ct state related), that one, because it is the one that a policy allowed.
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
