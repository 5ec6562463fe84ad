// The reference evaluator: slow, obvious, written from the text of the NetworkPolicy API and the
// decisions of design §4, independent of selectors' indexes, IR and ruleset. It judges one new flow
// between two ends as the whole cluster would: egress at the source pod's node, ingress at the
// destination pod's node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/model/model.h"

namespace podgate::compiler {

struct NodeName {
  std::string name;
  friend auto operator<=>(const NodeName&, const NodeName&) = default;
};
// A pod by key (looked up in the cluster), a bare address (a pod's own address means that pod), or
// a node.
using EndpointName = std::variant<ObjectKey, Address, NodeName>;

// kIcmp: an echo request of the flow's family (ICMP or ICMPv6); the port is ignored.
enum class FlowProtocol : std::uint8_t { kTcp, kUdp, kSctp, kIcmp };

struct FlowQuery {
  EndpointName from;
  EndpointName to;
  FlowProtocol protocol = FlowProtocol::kTcp;
  std::uint16_t port = 0;
  // Which family the packet has. nullopt: IPv4 if both ends have it, else the one both have; ends
  // without any address are judged by selectors and ports alone (no ipBlock matches them).
  std::optional<Family> family;
};

// What one direction says, and why.
struct SideVerdict {
  bool applies =
      false;  // false: no pod of that side is isolated in that direction (or it is no pod)
  bool allowed = true;
  std::vector<ObjectKey> isolating;  // the policies that isolate it
  std::optional<ObjectKey> policy;   // the first policy that allows it
  std::uint32_t rule = 0;            // its rule, index in spec.ingress / spec.egress
  std::string reason;                // one sentence; for a deny also the nearest miss
};

struct FlowAnswer {
  bool allowed = true;
  std::string reason;  // one sentence, the deciding side's
  std::optional<Family> family;
  SideVerdict egress;
  SideVerdict ingress;
};

struct EvaluateOptions {
  bool pod_to_node_enforce = false;
};

// nullopt with `error` set when an end is not in the cluster or the ends have no common family.
std::optional<FlowAnswer> Evaluate(const Cluster& cluster, const FlowQuery& flow,
                                   const EvaluateOptions& options, std::string* error);

}  // namespace podgate::compiler
