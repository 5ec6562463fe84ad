#include "compiler/reference/reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace podgate::compiler::reference {
namespace {

// Lists in sentences stop here; a deny must stay readable with a hundred policies on a pod.
constexpr std::size_t kMostListed = 4;

std::string Join(const std::vector<std::string>& items, const char* last) {
  const std::size_t listed = items.size() <= kMostListed ? items.size() : kMostListed - 1;
  std::string text;
  for (std::size_t i = 0; i < listed; ++i) {
    if (i > 0) text += i + 1 == items.size() ? fmt::format(" {} ", last) : ", ";
    text += items[i];
  }
  if (listed < items.size()) text += fmt::format(" {} {} more", last, items.size() - listed);
  return text;
}

// kubectl's way of writing a selector.
std::string SelectorText(const LabelSelector& selector) {
  std::vector<std::string> terms;
  for (const Requirement& r : selector.requirements) {
    const bool one = r.values.size() == 1;
    const std::string values = fmt::format("{}", fmt::join(r.values, ","));
    switch (r.op) {
      case Requirement::Operator::kIn:
        terms.push_back(one ? fmt::format("{}={}", r.key, values)
                            : fmt::format("{} in ({})", r.key, values));
        break;
      case Requirement::Operator::kNotIn:
        terms.push_back(one ? fmt::format("{}!={}", r.key, values)
                            : fmt::format("{} notin ({})", r.key, values));
        break;
      case Requirement::Operator::kExists:
        terms.push_back(r.key);
        break;
      case Requirement::Operator::kDoesNotExist:
        terms.push_back("!" + r.key);
        break;
    }
  }
  return fmt::format("{}", fmt::join(terms, ","));
}

std::string PeerText(const NetworkPolicy& policy, const PolicyPeer& peer) {
  if (peer.block) {
    std::string text = peer.block->cidr.ToString();
    std::vector<std::string> excepts;
    for (const ipset::Prefix& except : peer.block->except) excepts.push_back(except.ToString());
    if (!excepts.empty()) text += " except " + Join(excepts, "and");
    return text;
  }
  const std::string pods = peer.pods ? SelectorText(*peer.pods) : "";
  std::string text = pods.empty() ? "all pods" : "pods " + pods;
  if (!peer.namespaces) return text + " of namespace " + policy.key.ns;
  const std::string namespaces = SelectorText(*peer.namespaces);
  return text + (namespaces.empty() ? " of all namespaces" : " of namespaces " + namespaces);
}

std::string PeersText(const NetworkPolicy& policy, const PolicyRule& rule, bool ingress) {
  if (rule.any_peer) return ingress ? "anywhere" : "everywhere";
  std::vector<std::string> peers;
  for (const PolicyPeer& peer : rule.peers) peers.push_back(PeerText(policy, peer));
  return peers.empty() ? "no readable peer" : Join(peers, "or");
}

// A named port with what it means on this destination.
std::string NamedPortText(const PolicyPort& port, const Question& question) {
  const std::string text = fmt::format("{} port \"{}\"", ToString(port.protocol), port.name);
  if (question.destinations.empty()) return text + " (which only pods have)";
  std::vector<std::string> numbers;
  const Pod& destination = *question.destinations.front();
  for (const NamedPort& named : destination.ports) {
    if (named.name == port.name && named.protocol == port.protocol) {
      numbers.push_back(std::to_string(named.port));
    }
  }
  const std::string pod = destination.key.ToString();
  if (numbers.empty()) return text + fmt::format(" (which pod {} does not have)", pod);
  return text + fmt::format(" ({} on pod {})", Join(numbers, "and"), pod);
}

std::string PortText(const PolicyPort& port, const Question& question) {
  const char* protocol = ToString(port.protocol);
  if (!port.name.empty()) return NamedPortText(port, question);
  if (!port.number) return fmt::format("every {} port", protocol);
  if (port.end && *port.end != *port.number) {
    return fmt::format("{} {}-{}", protocol, *port.number, *port.end);
  }
  return fmt::format("{} {}", protocol, *port.number);
}

std::string PortsText(const PolicyRule& rule, const Question& question) {
  if (rule.any_port) return "every port";
  std::vector<std::string> ports;
  for (const PolicyPort& port : rule.ports) ports.push_back(PortText(port, question));
  return ports.empty() ? "no readable port" : Join(ports, "and");
}

std::string AskedPort(const Question& question) {
  switch (question.protocol) {
    case FlowProtocol::kTcp:
      return fmt::format("TCP {}", question.port);
    case FlowProtocol::kUdp:
      return fmt::format("UDP {}", question.port);
    case FlowProtocol::kSctp:
      return fmt::format("SCTP {}", question.port);
    case FlowProtocol::kIcmp:
      break;
  }
  return "ICMP echo (which only a rule without ports allows)";
}

// The peer as a rule could have meant it: with its address where the rule speaks of blocks.
std::string AskedPeer(const PolicyRule& rule, const Question& question) {
  const Endpoint& peer = *question.peer;
  const bool blocks = std::any_of(rule.peers.begin(), rule.peers.end(),
                                  [](const PolicyPeer& p) { return p.block.has_value(); });
  std::string text = Describe(peer);
  if (!blocks || peer.kind == Endpoint::Kind::kOutside) return text;
  if (peer.address) return text + " at " + peer.address->ToString();
  return peer.kind == Endpoint::Kind::kPod ? text + ", which has no address" : text;
}

// How much of the question a rule that does not allow it matches; more is nearer.
int Nearness(const NetworkPolicy& policy, const PolicyRule& rule, const Question& question) {
  if (AnyPeerMatches(policy, rule, question)) {
    const auto same_protocol = [&](const PolicyPort& port) {
      PolicyPort whole;
      whole.protocol = port.protocol;
      return PortMatches(whole, question);
    };
    return std::any_of(rule.ports.begin(), rule.ports.end(), same_protocol) ? 3 : 2;
  }
  return AnyPortMatches(rule, question) ? 1 : 0;
}

std::string NameOf(const NetworkPolicy& policy, const PolicyRule& rule, const Question& question) {
  return RuleName(policy.key, question.ingress ? Direction::kIngress : Direction::kEgress,
                  rule.index);
}

std::string Miss(const NetworkPolicy& policy, const PolicyRule& rule, const Question& question) {
  const char* preposition = question.ingress ? "from" : "to";
  const bool peer_matches = AnyPeerMatches(policy, rule, question);
  const bool port_matches = AnyPortMatches(rule, question);
  std::string allows = PortsText(rule, question);
  std::string asked = AskedPort(question);
  if (!peer_matches) {
    const std::string peers = PeersText(policy, rule, question.ingress);
    allows = port_matches ? peers : fmt::format("{} {} {}", allows, preposition, peers);
    const std::string peer = AskedPeer(rule, question);
    asked = port_matches ? peer : fmt::format("{} {} {}", asked, preposition, peer);
  }
  return fmt::format("{} allows {}, not {}", NameOf(policy, rule, question), allows, asked);
}

}  // namespace

std::string Describe(const Endpoint& endpoint) {
  switch (endpoint.kind) {
    case Endpoint::Kind::kPod:
      return "pod " + endpoint.pod->key.ToString();
    case Endpoint::Kind::kNode:
      if (endpoint.host_pod != nullptr) {
        return fmt::format("node {} (whose network {} uses)", endpoint.node,
                           endpoint.host_pod->key.ToString());
      }
      return "node " + endpoint.node;
    case Endpoint::Kind::kOutside:
      break;
  }
  return endpoint.address->ToString();
}

std::string AllowedBy(const NetworkPolicy& policy, const PolicyRule& rule,
                      const Question& question) {
  // Of several peers and ports, those that match are named: the sentence says why, not what else
  // the rule allows.
  PolicyRule matching = rule;
  std::erase_if(matching.peers,
                [&](const PolicyPeer& p) { return !PeerMatches(policy, p, question); });
  std::erase_if(matching.ports, [&](const PolicyPort& p) { return !PortMatches(p, question); });
  return fmt::format("{} allows {} {} {}", NameOf(policy, rule, question),
                     PortsText(matching, question), question.ingress ? "from" : "to",
                     PeersText(policy, matching, question.ingress));
}

std::string DeniedBy(const std::vector<const NetworkPolicy*>& isolating, const Question& question) {
  std::vector<std::string> names;
  std::vector<std::string> broken;
  const NetworkPolicy* nearest_policy = nullptr;
  const PolicyRule* nearest = nullptr;
  int nearness = -1;
  for (const NetworkPolicy* policy : isolating) {
    names.push_back(policy->key.ToString());
    if (!policy->errors.empty()) broken.push_back(policy->key.ToString());
    for (const PolicyRule& rule : RulesOf(*policy, question.ingress)) {
      const int near = Nearness(*policy, rule, question);
      if (near <= nearness) continue;
      nearness = near;
      nearest_policy = policy;
      nearest = &rule;
    }
  }
  const char* direction = question.ingress ? "ingress" : "egress";
  const bool one = names.size() == 1;
  std::string text = fmt::format("pod {} is isolated for {} by {} {}", question.pod->key.ToString(),
                                 direction, one ? "policy" : "policies", Join(names, "and"));
  if (nearest == nullptr) {
    text += fmt::format(", which {} no {}{} rule", one ? "has" : "have",
                        broken.empty() ? "" : "readable ", direction);
  } else {
    text += ": " + Miss(*nearest_policy, *nearest, question);
  }
  if (question.peer->kind == Endpoint::Kind::kNode && !question.peer->address) {
    text += fmt::format(
        "; the address of node {} is not known, so only a block of a whole address family can "
        "match",
        question.peer->node);
  }
  if (!broken.empty()) {
    text += fmt::format("; the unreadable parts of {} {} allow nothing",
                        broken.size() == 1 ? "policy" : "policies", Join(broken, "and"));
  }
  return text;
}

std::string DeniedByBudget(const std::vector<const NetworkPolicy*>& isolating, OverBudget over,
                           const Question& question) {
  std::vector<std::string> names;
  for (const NetworkPolicy* policy : isolating) names.push_back(policy->key.ToString());
  const bool one = names.size() == 1;
  return fmt::format(
      "pod {} is isolated for {} by {} {}, which {} {} and therefore {} nothing; use fewer",
      question.pod->key.ToString(), question.ingress ? "ingress" : "egress",
      one ? "policy" : "policies", Join(names, "and"), one ? "has" : "have together",
      compiler::Describe(over), one ? "allows" : "allow");
}

std::string DeniedByContest(const std::vector<const Pod*>& isolated, const Question& question) {
  std::vector<std::string> names;
  for (const Pod* pod : isolated) names.push_back(pod->key.ToString());
  return fmt::format(
      "pods {} have one address and different policies isolate them for {}, so nothing is allowed "
      "there until one of them is gone",
      Join(names, "and"), question.ingress ? "ingress" : "egress");
}

std::string Contest(const Address& address, const std::vector<const Pod*>& claimants) {
  std::vector<std::string> names;
  for (const Pod* pod : claimants) {
    names.push_back(pod->node.empty()
                        ? pod->key.ToString()
                        : fmt::format("{} (node {})", pod->key.ToString(), pod->node));
  }
  return fmt::format(
      "address {} is claimed by pods {}: on a node where one of them runs it is isolated if any of "
      "those is, and as a peer elsewhere it gets only what all may",
      address.ToString(), Join(names, "and"));
}

}  // namespace podgate::compiler::reference
