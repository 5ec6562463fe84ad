#include "unit/compiler/random_cluster.h"

#include <algorithm>
#include <string>

#include "compiler/ir.h"
#include "compiler/selector.h"

namespace podgate::compiler::test {
namespace {

class Maker {
 public:
  explicit Maker(std::mt19937_64* random) : random_(*random) {}

  Cluster Make(int max_policies) {
    Cluster cluster;
    for (int i = 0; i < 4; ++i) {
      if (Chance(10)) continue;  // unknown: the pods may come first
      const std::string name = NamespaceName(i);
      cluster.namespaces[name] = {name, SomeLabels()};
    }
    const int pods = Below(14) + 2;
    for (int i = 0; i < pods; ++i) {
      Pod pod = SomePod(i);
      cluster.pods[pod.key] = std::move(pod);
    }
    const int policies = Below(max_policies) + 1;
    for (int i = 0; i < policies; ++i) {
      NetworkPolicy policy = SomePolicy(i);
      cluster.policies[policy.key] = std::move(policy);
    }
    return cluster;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }
  static std::string NamespaceName(int i) { return std::string("ns") + std::to_string(i); }
  std::string SomeNamespace() { return NamespaceName(Chance(60) ? 0 : Below(4)); }
  Protocol SomeProtocol() {
    constexpr Protocol kAll[] = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};
    return Chance(60) ? Protocol::kTcp : kAll[Below(3)];
  }
  std::uint16_t SomePort() { return static_cast<std::uint16_t>(Chance(5) ? 65535 : 80 + Below(8)); }
  std::string SomePortName() { return Chance(60) ? "http" : "dns"; }

  Labels SomeLabels() {
    Labels labels;
    for (const char* key : {"app", "tier"})
      if (Chance(80)) labels.emplace_back(key, std::string(1, static_cast<char>('a' + Below(3))));
    return labels;
  }

  Address SomeAddress(Family family) {
    const auto low = static_cast<std::uint32_t>(Below(24));
    if (family == Family::kIPv4) return Address::FromIPv4(0x0a000000u + low);
    std::array<std::uint8_t, 16> bytes{0xfd};
    bytes[15] = static_cast<std::uint8_t>(low);
    return Address::FromIPv6(bytes);
  }

  Pod SomePod(int i) {
    Pod pod;
    pod.key = {SomeNamespace(), "pod" + std::to_string(i)};
    pod.uid = std::to_string(i);
    pod.labels = SomeLabels();
    pod.node = Chance(70) ? "n0" : "n1";
    pod.host_network = Chance(5);
    pod.finished = Chance(8);
    pod.created = "2026-01-01T00:00:0" + std::to_string(Below(3)) + "Z";
    if (!Chance(8)) pod.addresses.push_back(SomeAddress(Family::kIPv4));
    if (Chance(50)) pod.addresses.push_back(SomeAddress(Family::kIPv6));
    // A hostNetwork pod has its node's address, which no other pod has.
    if (pod.host_network) pod.addresses = {Address::FromIPv4(0xc0a80000u)};
    for (int n = Below(4); n > 0; --n)
      pod.ports.push_back({SomePortName(), SomeProtocol(), SomePort()});
    std::sort(pod.ports.begin(), pod.ports.end());
    pod.ports.erase(std::unique(pod.ports.begin(), pod.ports.end()), pod.ports.end());
    return pod;
  }

  LabelSelector SomeSelector() {
    LabelSelector selector;
    for (int n = Chance(30) ? 0 : Below(2) + 1; n > 0; --n) {
      Requirement requirement;
      requirement.key = Chance(50) ? "app" : "tier";
      requirement.op = static_cast<Requirement::Operator>(Chance(60) ? 0 : Below(4));
      if (requirement.op == Requirement::Operator::kIn ||
          requirement.op == Requirement::Operator::kNotIn)
        for (int v = Below(2) + 1; v > 0; --v)
          requirement.values.emplace_back(1, static_cast<char>('a' + Below(3)));
      selector.requirements.push_back(std::move(requirement));
    }
    Canonicalise(&selector);
    return selector;
  }

  ipset::Prefix SomePrefix(Family family, int shortest) {
    if (Chance(5)) return ipset::Prefix::Whole(family);
    const int bits = ipset::BitsOf(family);
    return ipset::Prefix(SomeAddress(family), bits - Below(bits - shortest + 1));
  }

  PolicyPeer SomePeer() {
    PolicyPeer peer;
    if (Chance(35)) {
      const Family family = Chance(70) ? Family::kIPv4 : Family::kIPv6;
      const int bits = ipset::BitsOf(family);
      peer.block = IpBlock{SomePrefix(family, bits - 6), {}};
      for (int n = Below(4); n > 0; --n) peer.block->except.push_back(SomePrefix(family, bits - 3));
      return peer;
    }
    const int form = Below(3);
    if (form != 0) peer.namespaces = SomeSelector();
    if (form != 1) peer.pods = SomeSelector();
    return peer;
  }

  PolicyPort SomePolicyPort() {
    PolicyPort port;
    port.protocol = SomeProtocol();
    const int form = Below(10);
    if (form < 5) {
      port.number = SomePort();
    } else if (form < 7) {
      port.number = SomePort();
      const int end = *port.number + Below(Chance(30) ? 5000 : 6);
      port.end = static_cast<std::uint16_t>(std::min(end, 65535));
    } else if (form < 9) {
      port.name = SomePortName();
    }
    return port;
  }

  PolicyRule SomeRule(int index) {
    PolicyRule rule;
    rule.index = static_cast<std::uint32_t>(index);
    rule.any_peer = Chance(8);
    rule.any_port = Chance(12);
    if (!rule.any_peer)
      for (int n = Below(Chance(10) ? 8 : 3); n >= 0 && !Chance(3); --n)
        rule.peers.push_back(SomePeer());
    if (!rule.any_port)
      for (int n = Below(4); n >= 0 && !Chance(3); --n) rule.ports.push_back(SomePolicyPort());
    return rule;
  }

  NetworkPolicy SomePolicy(int i) {
    NetworkPolicy policy;
    policy.key = {SomeNamespace(), "policy" + std::to_string(i)};
    policy.pods = SomeSelector();
    policy.isolates_ingress = Chance(75);
    policy.isolates_egress = Chance(50);
    for (int n = Below(3), r = 0; r < n; ++r) policy.ingress.push_back(SomeRule(r));
    for (int n = Below(3), r = 0; r < n; ++r) policy.egress.push_back(SomeRule(r));
    return policy;
  }

  std::mt19937_64& random_;
};

}  // namespace

Cluster RandomCluster(std::mt19937_64* random, int max_policies) {
  return Maker(random).Make(max_policies);
}

std::optional<Flow> RandomFlow(const Cluster& cluster, std::mt19937_64* random) {
  const auto below = [random](std::size_t n) { return static_cast<std::size_t>((*random)() % n); };
  std::vector<Address> addresses;
  for (const auto& [address, pod] : Owners(cluster)) addresses.push_back(address);
  for (const std::uint32_t low : {3u, 9u, 17u, 40u, 200u})
    addresses.push_back(Address::FromIPv4(0x0a000000u + low));
  Flow flow;
  flow.from = addresses[below(addresses.size())];
  flow.to = addresses[below(addresses.size())];
  const Family family = std::get<Address>(flow.from).family();
  if (family != std::get<Address>(flow.to).family()) return std::nullopt;
  flow.family = family;
  constexpr FlowProtocol kProtocols[] = {FlowProtocol::kTcp,  FlowProtocol::kTcp,
                                         FlowProtocol::kTcp,  FlowProtocol::kUdp,
                                         FlowProtocol::kSctp, FlowProtocol::kIcmp};
  flow.protocol = kProtocols[below(6)];
  constexpr std::uint16_t kRare[] = {1, 99, 100, 1000, 3000, 65534, 65535};
  flow.port = flow.protocol == FlowProtocol::kIcmp ? std::uint16_t{0}
              : below(4) == 0                      ? kRare[below(7)]
                                                   : static_cast<std::uint16_t>(80 + below(9));
  return flow;
}

}  // namespace podgate::compiler::test
