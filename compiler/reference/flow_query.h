// A question and its answer: may a new connection from one end to another be made, and why. Values
// only.
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
// One end of a question: a pod by key (looked up in the cluster), a bare address (a pod's own
// address means that pod), or a node.
using EndpointName = std::variant<ObjectKey, Address, NodeName>;

// kIcmp: an echo request of the query's family (ICMP or ICMPv6); the port is ignored.
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

// What one direction says, and why: egress at the source, ingress at the destination.
struct SideAnswer {
  bool applies = false;  // false: that end is no pod, or no policy isolates it in the direction
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
  SideAnswer egress;
  SideAnswer ingress;
  // A sentence for each end whose address several pods claim, that names them.
  std::vector<std::string> contested;
};

}  // namespace podgate::compiler
