#include "compiler/ir/classes.h"

#include <algorithm>
#include <set>

#include "compiler/ir/class_budget.h"
#include "compiler/model/selector.h"

namespace podgate::compiler {
namespace {

bool Isolates(const NetworkPolicy& policy, Direction direction) {
  return direction == Direction::kIngress ? policy.isolates_ingress : policy.isolates_egress;
}

const std::vector<PolicyRule>& RulesOf(const NetworkPolicy& policy, Direction direction) {
  return direction == Direction::kIngress ? policy.ingress : policy.egress;
}

// As written, the first of equal ones kept.
template <typename T>
class Unique {
 public:
  void Add(T value) {
    if (seen_.insert(value).second) values_.push_back(std::move(value));
  }
  std::vector<T> Take() { return std::move(values_); }

 private:
  std::set<T> seen_;
  std::vector<T> values_;
};

// nullopt for a peer in no form that the API knows: it allows nothing.
std::optional<IrPeer> PeerOf(const PolicyPeer& peer, const std::string& ns) {
  IrPeer result;
  const bool selects = peer.pods || peer.namespaces;
  if (peer.block.has_value() == selects) return std::nullopt;
  if (peer.block) {
    result.kind = IrPeer::Kind::kBlock;
    result.block = Subtract(AddressSet::Of(peer.block->cidr), AddressSet::Of(peer.block->except));
    return result;
  }
  result.kind = IrPeer::Kind::kPods;
  if (peer.namespaces) {
    result.term.namespaces = *peer.namespaces;
  } else {
    result.term.ns = ns;
  }
  if (peer.pods) result.term.pods = *peer.pods;
  return result;
}

std::vector<IrPeer> PeersOf(const PolicyRule& rule, const std::string& ns) {
  if (rule.any_peer) return {IrPeer{}};
  Unique<IrPeer> peers;
  for (const PolicyPeer& peer : rule.peers)
    if (std::optional<IrPeer> p = PeerOf(peer, ns)) peers.Add(*std::move(p));
  return peers.Take();
}

IrPort RangeOf(Protocol protocol, std::uint16_t first, std::uint16_t last) {
  return {
      .kind = IrPort::Kind::kRange, .protocol = protocol, .first = first, .last = last, .name = {}};
}

std::vector<IrPort> PortsOf(const PolicyRule& rule, const ClassKey& key) {
  if (rule.any_port) return {IrPort{}};
  Unique<IrPort> ports;
  for (const PolicyPort& port : rule.ports) {
    if (port.number) {
      ports.Add(RangeOf(port.protocol, *port.number, port.end.value_or(*port.number)));
    } else if (port.name.empty()) {
      ports.Add({.kind = IrPort::Kind::kProtocol, .protocol = port.protocol, .name = {}});
    } else if (key.direction == Direction::kEgress) {
      ports.Add({.kind = IrPort::Kind::kNamed, .protocol = port.protocol, .name = port.name});
    } else {
      for (const NamedPort& named : key.resolved)
        if (named.name == port.name && named.protocol == port.protocol)
          ports.Add(RangeOf(named.protocol, named.port, named.port));
    }
  }
  return ports.Take();
}

// Of the rules of these policies that allow some port.
bool HasTooManyTerms(const std::vector<const NetworkPolicy*>& policies, const ClassKey& key) {
  // Nearly all classes have too few peers for that.
  std::size_t peers = 0;
  for (const NetworkPolicy* policy : policies)
    for (const PolicyRule& rule : RulesOf(*policy, key.direction)) peers += rule.peers.size();
  if (peers <= kMaxPodTerms) return false;
  PodTermCount count;
  for (const NetworkPolicy* policy : policies) {
    for (const PolicyRule& rule : RulesOf(*policy, key.direction)) {
      if (rule.any_peer || PortsOf(rule, key).empty()) continue;
      for (const PolicyPeer& peer : rule.peers)
        if (!count.Add(peer, policy->key.ns)) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<const NetworkPolicy*> PoliciesOf(const Cluster& cluster, const Pod& pod) {
  std::vector<const NetworkPolicy*> result;
  for (auto it = cluster.policies.lower_bound(ObjectKey{pod.key.ns, ""});
       it != cluster.policies.end() && it->first.ns == pod.key.ns; ++it)
    if (Matches(it->second.pods, pod.labels)) result.push_back(&it->second);
  return result;
}

std::optional<ClassKey> ClassOf(Direction direction,
                                const std::vector<const NetworkPolicy*>& policies,
                                const std::vector<NamedPort>& ports) {
  ClassKey key{.direction = direction, .policies = {}, .resolved = {}};
  std::set<NamedPort> resolved;
  for (const NetworkPolicy* policy : policies) {
    if (!Isolates(*policy, direction)) continue;
    key.policies.push_back(policy->key);
    if (direction == Direction::kEgress || ports.empty()) continue;
    for (const PolicyRule& rule : policy->ingress)
      for (const PolicyPort& port : rule.ports)
        if (!port.name.empty() && !port.number)
          for (const NamedPort& named : ports)
            if (named.name == port.name && named.protocol == port.protocol) resolved.insert(named);
  }
  if (key.policies.empty()) return std::nullopt;
  key.resolved.assign(resolved.begin(), resolved.end());
  return key;
}

std::optional<ClassKey> ClassOfAll(const std::set<ClassKey>& classes) {
  if (classes.empty()) return std::nullopt;
  if (classes.size() == 1) return *classes.begin();
  ClassKey key{.direction = classes.begin()->direction, .policies = {}, .resolved = {}};
  key.contested = true;
  std::set<ObjectKey> policies;
  for (const ClassKey& one : classes) policies.insert(one.policies.begin(), one.policies.end());
  key.policies.assign(policies.begin(), policies.end());
  return key;
}

PolicyClass BuildClass(const std::map<ObjectKey, NetworkPolicy>& policies, const ClassKey& key,
                       const std::set<Family>& families) {
  PolicyClass result{.direction = key.direction,
                     .policies = key.policies,
                     .resolved = key.resolved,
                     .families = {families.begin(), families.end()},
                     .entries = {},
                     .over_budget = OverBudget::kNo,
                     .contested = key.contested};
  if (key.contested) return result;
  std::vector<const NetworkPolicy*> its;
  for (const ObjectKey& policy : key.policies)
    if (const auto it = policies.find(policy); it != policies.end()) its.push_back(&it->second);
  if (HasTooManyTerms(its, key)) {
    result.over_budget = OverBudget::kPodSelectors;
    return result;
  }
  for (const NetworkPolicy* policy : its) {
    for (const PolicyRule& rule : RulesOf(*policy, key.direction)) {
      AllowEntry entry{.policy = policy->key,
                       .rule = rule.index,
                       .peers = PeersOf(rule, policy->key.ns),
                       .ports = PortsOf(rule, key)};
      if (!entry.peers.empty() && !entry.ports.empty()) result.entries.push_back(std::move(entry));
    }
  }
  if (HasTooManyPieces(result.entries)) {
    result.over_budget = OverBudget::kPortPieces;
    result.entries.clear();
  }
  return result;
}

}  // namespace podgate::compiler
