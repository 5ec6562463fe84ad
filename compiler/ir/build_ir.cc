#include "compiler/ir/build_ir.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "compiler/ir/classes.h"
#include "compiler/ir/owners.h"
#include "compiler/ir/pod_index.h"

namespace podgate::compiler {
namespace {

// The (name, protocol) pairs that egress entries ask for.
std::set<std::pair<std::string, Protocol>> EgressNames(const std::vector<PolicyClass>& classes) {
  std::set<std::pair<std::string, Protocol>> names;
  for (const PolicyClass& c : classes)
    for (const AllowEntry& entry : c.entries)
      for (const IrPort& port : entry.ports)
        if (port.kind == IrPort::Kind::kNamed) names.emplace(port.name, port.protocol);
  return names;
}

// Where the owners of an address do not agree on a port, it has none of that name.
std::map<Address, std::vector<NamedPort>> NamedPortsOf(
    const std::vector<const Pod*>& pods, const OwnerMap& owners,
    const std::set<std::pair<std::string, Protocol>>& names) {
  std::map<Address, std::vector<NamedPort>> result;
  if (names.empty()) return result;
  const std::vector<const Pod*> nobody;
  for (const Pod* pod : pods) {
    for (const Address& address : pod->addresses) {
      const auto claimed = owners.find(address);
      if (claimed != owners.end() && claimed->second.first != pod) continue;
      const std::vector<const Pod*>& others =
          claimed == owners.end() ? nobody : claimed->second.others;
      for (const NamedPort& port : pod->ports) {
        const bool agreed = std::all_of(others.begin(), others.end(), [&](const Pod* other) {
          return std::binary_search(other->ports.begin(), other->ports.end(), port);
        });
        if (agreed && names.contains({port.name, port.protocol})) result[address].push_back(port);
      }
    }
  }
  return result;
}

}  // namespace

NodeIr BuildIr(const Cluster& cluster, const std::string& node) {
  NodeIr ir;
  ir.node = node;
  const std::vector<const Pod*> there = PodsThere(cluster, node);
  const OwnerMap owners = OwnersOfClaimedTwice(there, node);
  PodIndex index(cluster, there, owners);

  // Class keys first, since a class's number is its place among all of them.
  struct Subject {
    IsolatedPod pod;
    std::optional<ClassKey> ingress;
    std::optional<ClassKey> egress;
  };
  struct ClassSeen {
    int number = -1;
    std::set<Family> families;
  };
  struct SharedSubject {
    std::vector<ObjectKey> pods;
    std::set<ClassKey> ingress;
    std::set<ClassKey> egress;
  };
  std::vector<Subject> subjects;
  std::map<Address, SharedSubject> shared;
  std::map<ClassKey, ClassSeen> seen;
  for (const Pod* local : there) {
    const Pod& pod = *local;
    const ObjectKey& key = pod.key;
    if (pod.node != node) continue;
    const std::vector<const NetworkPolicy*> policies = PoliciesOf(cluster, pod);
    if (pod.addresses.empty()) {
      ir.without_address.push_back(key);
      continue;
    }
    Subject subject;
    subject.pod.key = key;
    subject.ingress = ClassOf(Direction::kIngress, policies, pod.ports);
    subject.egress = ClassOf(Direction::kEgress, policies, pod.ports);
    for (const Address& address : pod.addresses) {
      const auto claimed = owners.find(address);
      if (claimed == owners.end() || claimed->second.others.empty()) {
        subject.pod.addresses.push_back(address);
        continue;
      }
      SharedSubject& its = shared[address];
      its.pods.push_back(key);
      if (subject.ingress) its.ingress.insert(*subject.ingress);
      if (subject.egress) its.egress.insert(*subject.egress);
    }
    if (subject.pod.addresses.empty() || (!subject.ingress && !subject.egress)) continue;
    for (const std::optional<ClassKey>& its_class : {subject.ingress, subject.egress})
      if (its_class)
        for (const Address& address : subject.pod.addresses)
          seen[*its_class].families.insert(address.family());
    subjects.push_back(std::move(subject));
  }
  for (const auto& [address, its] : shared)
    for (const std::set<ClassKey>& classes : {its.ingress, its.egress})
      if (const std::optional<ClassKey> its_class = ClassOfAll(classes))
        seen[*its_class].families.insert(address.family());

  for (auto& [key, its] : seen) {
    its.number = static_cast<int>(ir.classes.size());
    ir.classes.push_back(BuildClass(cluster.policies, key, its.families));
  }
  for (Subject& subject : subjects) {
    if (subject.ingress) subject.pod.ingress_class = seen.at(*subject.ingress).number;
    if (subject.egress) subject.pod.egress_class = seen.at(*subject.egress).number;
    ir.pods.push_back(std::move(subject.pod));
  }
  for (auto& [address, its] : shared) {
    SharedAddress one{.address = address, .pods = std::move(its.pods)};
    if (const auto key = ClassOfAll(its.ingress)) one.ingress_class = seen.at(*key).number;
    if (const auto key = ClassOfAll(its.egress)) one.egress_class = seen.at(*key).number;
    if (one.ingress_class >= 0 || one.egress_class >= 0) ir.shared.push_back(std::move(one));
  }

  for (const PolicyClass& c : ir.classes)
    for (const AllowEntry& entry : c.entries)
      for (const IrPeer& peer : entry.peers)
        if (peer.kind == IrPeer::Kind::kPods) {
          const auto [it, is_new] = ir.members.try_emplace(peer.term);
          if (is_new) it->second = index.Members(peer.term);
        }
  ir.named_ports = NamedPortsOf(there, owners, EgressNames(ir.classes));
  return ir;
}

}  // namespace podgate::compiler
