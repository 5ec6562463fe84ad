// The path of a new connection's first packet: which hooks of which node's ruleset it meets.
// With the interpreter (nft/model/interpret.h) this gives the verdict of compiled rulesets, or of
// what kernels hold, for the same questions that the evaluator answers. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/model/model.h"
#include "compiler/reference/flow_query.h"
#include "nft/model/interpret.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// The packet meets `hook` on `node`.
struct Hop {
  std::string node;
  nft::Hook hook = nft::Hook::kForward;
  friend auto operator<=>(const Hop&, const Hop&) = default;
};

struct Path {
  // nullopt: an address that the packet would need is not known, so there is no packet to follow.
  std::optional<nft::Packet> packet;
  std::vector<Hop> hops;  // in order; empty when no node forwards or receives the packet for a pod
};

// nullopt with `error` set as Evaluate() does. Services are not modelled: addresses are those after
// DNAT.
std::optional<Path> PathOf(const Cluster& cluster, const FlowQuery& query, std::string* error);

struct PathVerdict {
  bool allowed = true;
  std::vector<std::string> trace;  // "node hook: chain#rule comment"
};

// Follows a path that has a packet. `ruleset` gives a node's ruleset; nullptr: that node polices
// nothing.
PathVerdict Follow(const Path& path,
                   const std::function<const nft::Ruleset*(const std::string&)>& ruleset);

}  // namespace podgate::compiler
