#include "compiler/reference/rule_matching.h"

#include <algorithm>

namespace podgate::compiler::reference {
namespace {

bool Holds(const Requirement& requirement, const Labels& labels) {
  const std::string* value = nullptr;
  for (const auto& [key, v] : labels) {
    if (key == requirement.key) value = &v;
  }
  bool listed = false;
  for (const std::string& v : requirement.values)
    listed = listed || (value != nullptr && v == *value);
  switch (requirement.op) {
    case Requirement::Operator::kIn:
      return listed;
    case Requirement::Operator::kNotIn:
      return !listed;  // also when the key is absent
    case Requirement::Operator::kExists:
      return value != nullptr;
    case Requirement::Operator::kDoesNotExist:
      return value == nullptr;
  }
  return false;
}

bool NamespaceSelected(const LabelSelector& selector, const std::string& name,
                       const Cluster& cluster) {
  const auto found = cluster.namespaces.find(name);
  // The labels of a namespace that is not there are unknown: no selector selects it.
  return found != cluster.namespaces.end() && Selects(selector, found->second.labels);
}

bool BlockMatches(const IpBlock& block, const Endpoint& peer, const std::optional<Family>& family) {
  if (!peer.address) {
    // Whatever address a node has, it belongs to the whole of its family; nothing less can be
    // shown.
    return peer.kind == Endpoint::Kind::kNode && family == block.cidr.family() &&
           block.cidr.length() == 0 && block.except.empty();
  }
  if (peer.address->family() != block.cidr.family() || !block.cidr.Contains(*peer.address))
    return false;
  for (const ipset::Prefix& except : block.except) {
    if (except.family() == peer.address->family() && except.Contains(*peer.address)) return false;
  }
  return true;
}

std::optional<Protocol> ProtocolOf(FlowProtocol protocol) {
  switch (protocol) {
    case FlowProtocol::kTcp:
      return Protocol::kTcp;
    case FlowProtocol::kUdp:
      return Protocol::kUdp;
    case FlowProtocol::kSctp:
      return Protocol::kSctp;
    case FlowProtocol::kIcmp:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool Selects(const LabelSelector& selector, const Labels& labels) {
  for (const Requirement& requirement : selector.requirements) {
    if (!Holds(requirement, labels)) return false;
  }
  return true;
}

bool Isolates(const NetworkPolicy& policy, const Question& question) {
  return policy.key.ns == question.pod->key.ns && Selects(policy.pods, question.pod->labels) &&
         (question.ingress ? policy.isolates_ingress : policy.isolates_egress);
}

const std::vector<PolicyRule>& RulesOf(const NetworkPolicy& policy, bool ingress) {
  return ingress ? policy.ingress : policy.egress;
}

bool PeerMatches(const NetworkPolicy& policy, const PolicyPeer& peer, const Question& question) {
  if (peer.block) return BlockMatches(*peer.block, *question.peer, question.family);
  if (!peer.pods && !peer.namespaces) return false;
  // Selectors select pods only; hostNetwork pods count as nodes.
  if (question.peer_pods.empty()) return false;
  return std::all_of(question.peer_pods.begin(), question.peer_pods.end(), [&](const Pod* pod) {
    if (peer.namespaces) {
      if (!NamespaceSelected(*peer.namespaces, pod->key.ns, *question.cluster)) return false;
    } else if (pod->key.ns != policy.key.ns) {
      return false;
    }
    return !peer.pods || Selects(*peer.pods, pod->labels);
  });
}

bool PortMatches(const PolicyPort& port, const Question& question) {
  const std::optional<Protocol> protocol = ProtocolOf(question.protocol);
  if (protocol != port.protocol) return false;  // ICMP is none of the protocols an entry can name
  if (port.number) {
    return *port.number <= question.port && question.port <= port.end.value_or(*port.number);
  }
  if (port.name.empty()) return true;
  if (question.destinations.empty()) return false;
  const NamedPort asked{port.name, port.protocol, question.port};
  return std::all_of(
      question.destinations.begin(), question.destinations.end(), [&](const Pod* pod) {
        return std::find(pod->ports.begin(), pod->ports.end(), asked) != pod->ports.end();
      });
}

bool AnyPeerMatches(const NetworkPolicy& policy, const PolicyRule& rule, const Question& question) {
  if (rule.any_peer) return true;
  return std::any_of(rule.peers.begin(), rule.peers.end(),
                     [&](const PolicyPeer& peer) { return PeerMatches(policy, peer, question); });
}

bool AnyPortMatches(const PolicyRule& rule, const Question& question) {
  if (rule.any_port) return true;
  return std::any_of(rule.ports.begin(), rule.ports.end(),
                     [&](const PolicyPort& port) { return PortMatches(port, question); });
}

}  // namespace podgate::compiler::reference
