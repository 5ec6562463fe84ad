#include "unit/compiler/support/random_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace podgate::compiler::test {
namespace {

using Op = Requirement::Operator;

const std::vector<std::string> kNames = {"web", "dns", "http"};
const std::vector<std::uint16_t> kPorts = {1, 53, 79, 80, 81, 443, 8080, 65535};

Protocol AnyProtocol(Random* r) {
  static const std::vector<Protocol> kProtocols = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};
  return kProtocols[static_cast<std::size_t>(r->Share({60, 25, 15}))];
}

Address Parsed(const std::string& text) { return Address::Parse(text).value(); }

// Pods of node 1 have 10.0.1.1-14 and fd00::1:1-e, the node itself .15 and :f; the rest is outside.
Address PodAddress(Family family, int node, int number) {
  return Parsed(family == Family::kIPv4 ? fmt::format("10.0.{}.{}", node, number)
                                        : fmt::format("fd00::{}:{:x}", node, number));
}

Address OutsideAddress(Family family, Random* r) {
  if (family == Family::kIPv4) {
    static const std::vector<std::string> k = {"10.0.1.16", "10.0.9.1",       "10.1.0.1",
                                               "192.0.2.1", "192.0.2.77",     "198.51.100.12",
                                               "0.0.0.0",   "255.255.255.255"};
    return Parsed(r->Pick(k));
  }
  static const std::vector<std::string> k = {
      "fd00::1:10",     "fd00::9:1", "fd01::1",
      "2001:db8::1:77", "::",        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
  return Parsed(r->Pick(k));
}

Address AnyAddress(Family family, Random* r) {
  return r->Percent(75) ? PodAddress(family, r->Between(1, 3), r->Between(1, 15))
                        : OutsideAddress(family, r);
}

Labels RandomLabels(const std::vector<std::string>& keys, Random* r) {
  static const std::vector<std::string> kValues = {"a", "b", "b", "a", ""};
  Labels labels;
  for (const std::string& key : keys) {
    if (r->Percent(65)) labels.emplace_back(key, r->Pick(kValues));
  }
  return labels;
}

// Canonical, as the decoder makes them.
LabelSelector RandomSelector(const std::vector<std::string>& keys, Random* r) {
  static const std::vector<std::string> kValues = {"a", "b", "c", ""};
  std::set<Requirement> requirements;
  for (int i = r->Share({35, 45, 16, 4}); i > 0; --i) {
    Requirement requirement;
    requirement.key = r->Pick(keys);
    requirement.op = static_cast<Op>(r->Share({50, 25, 15, 10}));
    if (requirement.op == Op::kIn || requirement.op == Op::kNotIn) {
      std::set<std::string> values;
      for (int n = r->Between(1, 2); n > 0; --n) values.insert(r->Pick(kValues));
      requirement.values.assign(values.begin(), values.end());
    }
    requirements.insert(requirement);
  }
  return {{requirements.begin(), requirements.end()}};
}

const std::vector<std::string> kPodKeys = {"app", "env", "tier"};
const std::vector<std::string> kNamespaceKeys = {"team", "zone"};

Namespace RandomNamespace(const std::string& name, Random* r) {
  Namespace ns;
  ns.name = name;
  ns.labels = RandomLabels(kNamespaceKeys, r);
  ns.labels.emplace_back("kubernetes.io/metadata.name", name);
  std::sort(ns.labels.begin(), ns.labels.end());
  return ns;
}

struct Shape {
  int nodes = 1;
  std::vector<Family> families;
  std::set<int> silent_nodes;  // no pod tells their addresses
  std::vector<std::string> namespaces;
};

Pod RandomPod(const Shape& shape, const std::vector<Address>& taken, int number, Random* r) {
  Pod pod;
  pod.key = {r->Pick(shape.namespaces), fmt::format("p{}", number)};
  pod.uid = fmt::format("{:03}", r->Below(1000));
  pod.created = fmt::format("2026-01-01T00:00:0{}Z", r->Below(3));
  pod.labels = RandomLabels(kPodKeys, r);
  const int node = r->Between(1, shape.nodes);
  pod.node = fmt::format("n{}", node);
  pod.host_network = r->Percent(8);
  pod.finished = r->Percent(8);
  pod.still_running = pod.finished && r->Percent(50);
  for (const Family family : shape.families) {
    if (!shape.silent_nodes.contains(node))
      pod.host_addresses.push_back(PodAddress(family, node, 15));
    if (pod.host_network) {
      pod.addresses.push_back(PodAddress(family, node, 15));
    } else if (r->Percent(92)) {
      const bool share = !taken.empty() && r->Percent(12);
      Address address = PodAddress(family, node, number);
      if (share) address = r->Pick(taken);
      if (address.family() == family) pod.addresses.push_back(address);
    }
  }
  if (r->Percent(3)) {  // waits for a node
    pod.node.clear();
    pod.addresses.clear();
    pod.host_addresses.clear();
  }
  for (int i = r->Share({25, 35, 25, 15}); i > 0; --i) {
    pod.ports.push_back({r->Pick(kNames), AnyProtocol(r), r->Pick(kPorts)});
  }
  std::sort(pod.ports.begin(), pod.ports.end());
  pod.ports.erase(std::unique(pod.ports.begin(), pod.ports.end()), pod.ports.end());
  return pod;
}

IpBlock RandomBlock(const Shape& shape, Random* r) {
  static const std::vector<int> kLengths4 = {0, 0, 1, 8, 16, 24, 28, 29, 30, 31, 32, 32};
  static const std::vector<int> kLengths6 = {0, 0, 1, 16, 64, 112, 120, 124, 126, 127, 128, 128};
  // Now and then a block of a family that nobody here has.
  const Family family = r->Percent(5) ? Family::kIPv4 : r->Pick(shape.families);
  const std::vector<int>& lengths = family == Family::kIPv4 ? kLengths4 : kLengths6;
  IpBlock block{ipset::Prefix(AnyAddress(family, r), r->Pick(lengths)), {}};
  for (int i = r->Share({50, 25, 15, 10}); i > 0; --i) {
    const ipset::Prefix except(AnyAddress(family, r), r->Pick(lengths));
    // The API accepts only excepts that are smaller and inside; what is stored may be older than
    // that rule.
    if ((except.length() > block.cidr.length() && block.cidr.Contains(except)) || r->Percent(5)) {
      block.except.push_back(except);
    }
  }
  return block;
}

PolicyPeer RandomPeer(const Shape& shape, Random* r) {
  PolicyPeer peer;
  switch (r->Share({30, 20, 20, 30})) {
    case 0:
      peer.pods = RandomSelector(kPodKeys, r);
      break;
    case 1:
      peer.namespaces = RandomSelector(kNamespaceKeys, r);
      break;
    case 2:
      peer.pods = RandomSelector(kPodKeys, r);
      peer.namespaces = RandomSelector(kNamespaceKeys, r);
      break;
    default:
      peer.block = RandomBlock(shape, r);
  }
  return peer;
}

PolicyPort RandomPort(Random* r) {
  PolicyPort port;
  port.protocol = AnyProtocol(r);
  switch (r->Share({45, 20, 10, 25})) {
    case 0:
      port.number = r->Pick(kPorts);
      break;
    case 1: {
      static const std::vector<int> kWidths = {0, 1, 2, 10, 1000, 65535};
      port.number = r->Pick(kPorts);
      port.end = static_cast<std::uint16_t>(std::min(65535, *port.number + r->Pick(kWidths)));
      break;
    }
    case 2:
      break;
    default:
      port.name = r->Pick(kNames);
  }
  return port;
}

std::vector<PolicyRule> RandomRules(const Shape& shape, int count, Random* r) {
  std::vector<PolicyRule> rules;
  for (int i = 0; i < count; ++i) {
    PolicyRule rule;
    rule.index = static_cast<std::uint32_t>(i);
    rule.any_peer = r->Percent(20);
    rule.any_port = r->Percent(30);
    // A rule of a broken policy may be left with nothing that could be read, or be left out.
    const bool unreadable = r->Percent(2);
    if (r->Percent(2)) continue;
    for (int n = rule.any_peer || unreadable ? 0 : 1 + r->Share({55, 25, 15, 5}); n > 0; --n) {
      rule.peers.push_back(RandomPeer(shape, r));
    }
    for (int n = rule.any_port ? 0 : 1 + r->Share({55, 25, 15, 5}); n > 0; --n) {
      rule.ports.push_back(RandomPort(r));
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

NetworkPolicy RandomPolicy(const Shape& shape, bool crowded, int number, Random* r) {
  NetworkPolicy policy;
  policy.key = {crowded && r->Percent(75) ? shape.namespaces.front() : r->Pick(shape.namespaces),
                fmt::format("policy{:02}", number)};
  policy.uid = fmt::format("u{}", number);
  if (!(crowded && r->Percent(70))) policy.pods = RandomSelector(kPodKeys, r);
  const int types = r->Share({35, 30, 35});
  policy.isolates_ingress = types != 1;
  policy.isolates_egress = types != 0;
  // Rules of a direction that policyTypes leaves out are there, and mean nothing.
  policy.ingress = RandomRules(shape, r->Below(crowded ? 5 : 4), r);
  policy.egress = RandomRules(shape, r->Below(crowded ? 5 : 4), r);
  return policy;
}

}  // namespace

Cluster RandomCluster(Random* r) {
  Shape shape;
  shape.nodes = r->Between(1, 3);
  shape.families = {Family::kIPv4, Family::kIPv6};
  switch (r->Share({60, 25, 15})) {
    case 1:
      shape.families = {Family::kIPv4};
      break;
    case 2:
      shape.families = {Family::kIPv6};
      break;
    default:
      break;
  }
  if (r->Percent(15)) shape.silent_nodes.insert(r->Between(1, shape.nodes));
  Cluster cluster;
  for (int i = r->Between(2, 4); i > 0; --i) {
    const std::string name = fmt::format("ns{}", i);
    shape.namespaces.push_back(name);
    if (r->Percent(97)) cluster.namespaces[name] = RandomNamespace(name, r);
  }
  std::vector<Address> taken;
  const int pods = r->Between(4, 14);
  for (int i = 1; i <= pods; ++i) {
    Pod pod = RandomPod(shape, taken, i, r);
    if (!pod.host_network) taken.insert(taken.end(), pod.addresses.begin(), pod.addresses.end());
    cluster.pods[pod.key] = std::move(pod);
  }
  // A third of the clusters have pods with many rules, which the compiler writes in another form.
  const bool crowded = r->Percent(33);
  const int policies = crowded ? r->Between(5, 20) : r->Below(7);
  for (int i = 0; i < policies; ++i) {
    NetworkPolicy policy = RandomPolicy(shape, crowded, i, r);
    cluster.policies[policy.key] = std::move(policy);
  }
  return cluster;
}

void RandomChange(Cluster* cluster, Random* r) {
  Shape shape;
  shape.nodes = 3;
  std::set<Family> families;
  std::vector<Address> taken;
  std::set<std::string> namespaces = {"ns1", "ns2"};
  std::vector<ObjectKey> pods;
  std::vector<ObjectKey> policies;
  for (const auto& [key, pod] : cluster->pods) {
    pods.push_back(key);
    namespaces.insert(key.ns);
    for (const Address& address : pod.addresses) families.insert(address.family());
    if (!pod.host_network) taken.insert(taken.end(), pod.addresses.begin(), pod.addresses.end());
  }
  for (const auto& [key, policy] : cluster->policies) policies.push_back(key);
  shape.families.assign(families.begin(), families.end());
  if (shape.families.empty()) shape.families = {Family::kIPv4};
  shape.namespaces.assign(namespaces.begin(), namespaces.end());

  const int kind = r->Share({20, 10, 10, 8, 8, 12, 12, 12, 8});
  if (kind <= 4 && kind != 1 && pods.empty()) return;
  if ((kind == 5 || kind == 6) && policies.empty()) return;
  switch (kind) {
    case 0:
      cluster->pods[r->Pick(pods)].labels = RandomLabels(kPodKeys, r);
      break;
    case 1: {
      Pod pod = RandomPod(shape, taken, r->Between(1, 14), r);
      cluster->pods[pod.key] = std::move(pod);
      break;
    }
    case 2:
      cluster->pods.erase(r->Pick(pods));
      break;
    case 3: {
      Pod& pod = cluster->pods[r->Pick(pods)];
      pod.finished = !pod.finished;
      pod.still_running = pod.finished && r->Percent(50);
      break;
    }
    case 4: {
      Pod& pod = cluster->pods[r->Pick(pods)];
      if (pod.host_network) break;
      pod.addresses.clear();
      if (r->Percent(50))
        pod.addresses.push_back(PodAddress(shape.families[0], r->Between(1, 3), r->Between(1, 14)));
      break;
    }
    case 5:
      cluster->policies.erase(r->Pick(policies));
      break;
    case 6: {
      NetworkPolicy policy = RandomPolicy(shape, r->Percent(50), 0, r);
      policy.key = r->Pick(policies);
      cluster->policies[policy.key] = std::move(policy);
      break;
    }
    case 7: {
      NetworkPolicy policy = RandomPolicy(shape, r->Percent(50), r->Between(0, 30), r);
      cluster->policies[policy.key] = std::move(policy);
      break;
    }
    default: {
      const std::string name = r->Pick(shape.namespaces);
      cluster->namespaces[name] = RandomNamespace(name, r);
    }
  }
}

FlowQuery RandomFlow(const Cluster& cluster, Random* r) {
  std::vector<const Pod*> pods;
  std::vector<std::string> nodes;
  std::vector<Address> addresses;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod.node.empty()) nodes.push_back(pod.node);
    if (pod.finished && !pod.still_running) continue;
    pods.push_back(&pod);
    addresses.insert(addresses.end(), pod.addresses.begin(), pod.addresses.end());
    addresses.insert(addresses.end(), pod.host_addresses.begin(), pod.host_addresses.end());
  }
  const auto end = [&]() -> EndpointName {
    const int kind = r->Share({64, 20, 8, 8});
    if (kind == 0 && !pods.empty()) return r->Pick(pods)->key;
    if (kind == 1 && !addresses.empty()) return r->Pick(addresses);
    if (kind == 2 && !nodes.empty()) return NodeName{r->Pick(nodes)};
    return AnyAddress(r->Percent(60) ? Family::kIPv4 : Family::kIPv6, r);
  };
  static const std::vector<int> kNear = {0, 0, 0, 0, 1, -1, 2, 11};
  FlowQuery flow;
  flow.from = end();
  flow.to = end();
  flow.protocol = static_cast<FlowProtocol>(r->Share({55, 20, 10, 15}));
  if (flow.protocol != FlowProtocol::kIcmp) {
    flow.port = static_cast<std::uint16_t>(std::clamp(r->Pick(kPorts) + r->Pick(kNear), 1, 65535));
  }
  if (r->Percent(30)) flow.family = r->Percent(50) ? Family::kIPv4 : Family::kIPv6;
  return flow;
}

}  // namespace podgate::compiler::test
