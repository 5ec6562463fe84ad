#include "compiler/reference/path.h"

#include "compiler/reference/endpoints.h"

namespace podgate::compiler {
namespace {

using Kind = Endpoint::Kind;

constexpr std::uint8_t kEchoRequest4 = 8;
constexpr std::uint8_t kEchoRequest6 = 128;

nft::Packet FirstPacket(const FlowQuery& query, const Address& source, const Address& destination) {
  nft::Packet packet;
  packet.source = source;
  packet.destination = destination;
  const bool v4 = source.family() == Family::kIPv4;
  switch (query.protocol) {
    case FlowProtocol::kTcp:
      packet.protocol = nft::kTcp;
      break;
    case FlowProtocol::kUdp:
      packet.protocol = nft::kUdp;
      break;
    case FlowProtocol::kSctp:
      packet.protocol = nft::kSctp;
      break;
    case FlowProtocol::kIcmp:
      packet.protocol = v4 ? nft::kIcmp : nft::kIcmpv6;
      packet.icmp_type = v4 ? kEchoRequest4 : kEchoRequest6;
      return packet;
  }
  packet.destination_port = query.port;
  return packet;
}

// A node forwards what its pods send and receive; what it sends itself meets no hook of ours
// (output).
std::vector<Hop> HopsOf(const Endpoint& from, const Endpoint& to) {
  std::vector<Hop> hops;
  const bool from_pod = from.kind == Kind::kPod && !from.node.empty();
  const bool same_node = !from.node.empty() && from.node == to.node;
  if (from_pod && !(to.kind == Kind::kNode && same_node))
    hops.push_back({from.node, nft::Hook::kForward});
  if (to.node.empty()) return hops;
  if (to.kind == Kind::kNode) {
    if (!same_node || from_pod) hops.push_back({to.node, nft::Hook::kInput});
  } else if (!same_node) {
    hops.push_back({to.node, nft::Hook::kForward});
  }
  return hops;
}

}  // namespace

std::optional<Path> PathOf(const Cluster& cluster, const FlowQuery& query, std::string* error) {
  const std::optional<Endpoints> ends = ResolveEndpoints(cluster, query, error);
  if (!ends) return std::nullopt;
  Path path;
  path.hops = HopsOf(ends->from, ends->to);
  if (ends->from.address && ends->to.address) {
    path.packet = FirstPacket(query, *ends->from.address, *ends->to.address);
  }
  return path;
}

PathVerdict Follow(const Path& path,
                   const std::function<const nft::Ruleset*(const std::string&)>& ruleset) {
  PathVerdict verdict;
  for (const Hop& hop : path.hops) {
    const nft::Ruleset* rules = ruleset(hop.node);
    if (rules == nullptr) continue;
    const nft::Interpretation outcome = nft::Interpret(*rules, hop.hook, *path.packet);
    const std::string place =
        hop.node + (hop.hook == nft::Hook::kForward ? " forward: " : " input: ");
    for (const std::string& line : outcome.trace) verdict.trace.push_back(place + line);
    verdict.allowed = outcome.accepted;
    if (!verdict.allowed) break;
  }
  return verdict;
}

}  // namespace podgate::compiler
