// The chain of a class: what its policies allow, then the deny chain. Up to kReadablePairs
// different (peer, port) pairs it reads like the policies; above that it takes the bounded form
// (compiler/codegen/bounded_form.h), in which a packet meets about as many rules however many
// policies there are. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/codegen/lookup_sets.h"
#include "compiler/ir/classes.h"
#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

inline constexpr std::size_t kReadablePairs = 8;
inline constexpr std::size_t kReadableRules = 24;

// Adds the chain of the class and all it needs to the pool's ruleset. Returns the chain's name,
// which follows from the class's policies and resolved ports alone, not from what the policies say.
std::string CompileClass(const PolicyClass& policy_class, SetPool* sets);

// The chain's name alone.
std::string ClassChainName(const ClassKey& key);

// ---- shared with the bounded form
// --------------------------------------------------------------------

inline constexpr std::string_view kIngressChain = "ingress";
inline constexpr std::string_view kIngressDenyChain = "ingress-deny";
inline constexpr std::string_view kEgressDenyChain = "egress-deny";

// "in-" or "eg-": what names of chains, maps and counters of the direction begin with.
std::string_view DirectionPrefix(Direction direction);
// The side of a packet that a peer of the direction is on.
nft::Side PeerSide(Direction direction);
// Ingress is judged last: accept. Egress goes back to the base chain, where ingress is judged.
nft::Verdict Allowed(Direction direction);
nft::Rule DenyRule(Direction direction);

// A rule of a policy, as names and comments tell it.
struct RuleOrigin {
  ObjectKey policy;
  std::uint32_t rule = 0;
  friend auto operator<=>(const RuleOrigin&, const RuleOrigin&) = default;
};
// "default/web ingress[0], default/db ingress[2], +3 more", within a comment's limit.
std::string OriginsComment(Direction direction, const std::vector<RuleOrigin>& origins);
// The counter of one rule of one policy.
std::string CounterName(Direction direction, const RuleOrigin& origin);

}  // namespace podgate::compiler
