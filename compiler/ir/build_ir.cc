#include "compiler/ir/build_ir.h"

#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "compiler/ir/classes.h"
#include "compiler/ir/pod_index.h"

namespace podgate::compiler {
namespace {

bool IsNewer(const Pod& a, const Pod& b) {
  return std::tie(a.created, a.uid, a.key) > std::tie(b.created, b.uid, b.key);
}

// The (name, protocol) pairs that egress entries ask for.
std::set<std::pair<std::string, Protocol>> EgressNames(const std::vector<PolicyClass>& classes) {
  std::set<std::pair<std::string, Protocol>> names;
  for (const PolicyClass& c : classes)
    for (const AllowEntry& entry : c.entries)
      for (const IrPort& port : entry.ports)
        if (port.kind == IrPort::Kind::kNamed) names.emplace(port.name, port.protocol);
  return names;
}

std::map<Address, std::vector<NamedPort>> NamedPortsOf(
    const PodIndex::OwnerMap& owners, const std::set<std::pair<std::string, Protocol>>& names) {
  std::map<Address, std::vector<NamedPort>> result;
  if (names.empty()) return result;
  for (const auto& [address, pod] : owners)
    for (const NamedPort& port : pod->ports)
      if (names.contains({port.name, port.protocol})) result[address].push_back(port);
  return result;
}

}  // namespace

std::map<Address, const Pod*> Owners(const Cluster& cluster) {
  std::map<Address, const Pod*> owners;
  for (const auto& [key, pod] : cluster.pods) {
    if (!IsThere(pod)) continue;
    for (const Address& address : pod.addresses) {
      const auto [it, is_new] = owners.try_emplace(address, &pod);
      if (!is_new && IsNewer(pod, *it->second)) it->second = &pod;
    }
  }
  return owners;
}

NodeIr BuildIr(const Cluster& cluster, const std::string& node) {
  NodeIr ir;
  ir.node = node;
  const PodIndex::OwnerMap owners = Owners(cluster);
  PodIndex index(cluster, owners);

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
  std::vector<Subject> subjects;
  std::map<ClassKey, ClassSeen> seen;
  for (const auto& [key, pod] : cluster.pods) {
    if (pod.node != node || !IsThere(pod)) continue;
    const std::vector<const NetworkPolicy*> policies = PoliciesOf(cluster, pod);
    Subject subject;
    subject.pod.key = key;
    subject.pod.addresses = index.AddressesOf(pod);
    subject.ingress = ClassOf(Direction::kIngress, policies, pod.ports);
    subject.egress = ClassOf(Direction::kEgress, policies, pod.ports);
    if (subject.pod.addresses.empty()) {
      ir.without_address.push_back(key);
      continue;
    }
    if (!subject.ingress && !subject.egress) continue;
    for (const std::optional<ClassKey>& its_class : {subject.ingress, subject.egress})
      if (its_class)
        for (const Address& address : subject.pod.addresses)
          seen[*its_class].families.insert(address.family());
    subjects.push_back(std::move(subject));
  }

  for (auto& [key, its] : seen) {
    its.number = static_cast<int>(ir.classes.size());
    ir.classes.push_back(BuildClass(cluster.policies, key, its.families));
  }
  for (Subject& subject : subjects) {
    if (subject.ingress) subject.pod.ingress_class = seen.at(*subject.ingress).number;
    if (subject.egress) subject.pod.egress_class = seen.at(*subject.egress).number;
    ir.pods.push_back(std::move(subject.pod));
  }

  for (const PolicyClass& c : ir.classes)
    for (const AllowEntry& entry : c.entries)
      for (const IrPeer& peer : entry.peers)
        if (peer.kind == IrPeer::Kind::kPods) {
          const auto [it, is_new] = ir.members.try_emplace(peer.term);
          if (is_new) it->second = index.Members(peer.term);
        }
  ir.named_ports = NamedPortsOf(owners, EgressNames(ir.classes));
  return ir;
}

}  // namespace podgate::compiler
