#include "controller/node/link_owners.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace podgate::controller {
namespace {

using compiler::LinkOwner;
using ipset::Address;

bool IsLinkLocal(const Address& address) {
  static const ipset::Prefix kLinkLocal = *ipset::Prefix::Parse("fe80::/10");
  return address.family() == ipset::Family::kIPv6 && kLinkLocal.Contains(address);
}

// The other end of the pair, if both ends say so.
const NodeLink* OtherEnd(const NodeLink& link, const std::vector<NodeLink>& there) {
  const auto end = std::find_if(there.begin(), there.end(), [&](const NodeLink& one) {
    return one.index == link.peer && one.peer == link.index && one.mac;
  });
  return end == there.end() ? nullptr : &*end;
}

bool Holds(const HeldAddresses& held, int link, const std::vector<Address>& addresses) {
  return std::any_of(held.on_links.begin(), held.on_links.end(), [&](const auto& one) {
    return one.link == link &&
           std::find(addresses.begin(), addresses.end(), one.address) != addresses.end();
  });
}

}  // namespace

Address LinkLocalOf(const compiler::MacAddress& mac) {
  const std::array<std::uint8_t, 16> bytes{0xfe,   0x80,   0,
                                           0,      0,      0,
                                           0,      0,      static_cast<std::uint8_t>(mac[0] ^ 0x02),
                                           mac[1], mac[2], 0xff,
                                           0xfe,   mac[3], mac[4],
                                           mac[5]};
  return *Address::FromBytes(ipset::Family::kIPv6, bytes);
}

// Whoever claims an address first keeps it.
void LinkOwners::LearnLinkLocal(const HeldAddresses& held, End* end) const {
  if (!end->link_local.empty()) return;
  for (const HeldAddresses::OnLink& one : held.on_links) {
    const Address& a = one.address;
    if (one.link != end->index || !IsLinkLocal(a)) continue;
    const bool taken = std::any_of(ends_.begin(), ends_.end(), [&a](const auto& other) {
      const std::vector<Address>& its = other.second.link_local;
      return a == LinkLocalOf(other.second.mac) ||
             std::find(its.begin(), its.end(), a) != its.end();
    });
    if (!taken && end->link_local.size() < kMaxLinkLocal) end->link_local.push_back(a);
  }
}

bool LinkOwners::IsTaken(const compiler::MacAddress& mac, const std::map<int, End>& by) {
  return std::any_of(by.begin(), by.end(), [&](const auto& end) { return end.second.mac == mac; });
}

void AddLinkLocal(const NodeSpaces& spaces, const std::vector<LinkOwner>& owners,
                  FurtherAddresses* further) {
  std::map<int, int> bridge_of;  // by the index of a port
  for (const PodNamespace& space : spaces.namespaces)
    for (const NodeLink& link : space.pairs)
      if (space.bridges.contains(link.master)) bridge_of[link.index] = link.master;
  for (const LinkOwner& owner : owners) {
    const auto bridge = bridge_of.find(owner.index);
    if (bridge == bridge_of.end()) continue;
    auto pod = std::lower_bound(further->pods.begin(), further->pods.end(), owner.pod,
                                [](const auto& one, const auto& key) { return one.key < key; });
    if (pod == further->pods.end() || pod->key != owner.pod)
      pod = further->pods.insert(pod, {owner.pod, owner.uid});
    for (const Address& address : owner.addresses) {
      if (!IsLinkLocal(address)) continue;
      const auto at = std::lower_bound(pod->taken.begin(), pod->taken.end(), address);
      if (at == pod->taken.end() || *at != address) pod->taken.insert(at, address);
    }
    further->bridges.emplace(bridge->second, ipset::Family::kIPv6);
  }
}

std::vector<ipset::Prefix> BroadcastOf(const NodeSpaces& spaces, const HeldAddresses& own) {
  std::set<ipset::Prefix> found;
  std::set<int> bridges;
  for (const PodNamespace& space : spaces.namespaces)
    bridges.insert(space.bridges.begin(), space.bridges.end());
  for (const HeldAddresses::OnLink& one : own.on_links) {
    // The smallest subnets have no broadcast addresses (RFC 3021).
    if (one.address.family() != ipset::Family::kIPv4 || one.prefix_length > 30 ||
        one.prefix_length < 1 || !bridges.contains(one.link))
      continue;
    const ipset::Prefix subnet(one.address, one.prefix_length);
    const int bits = ipset::BitsOf(ipset::Family::kIPv4);
    found.emplace(subnet.first(), bits);
    found.emplace(subnet.last(), bits);
  }
  return {found.begin(), found.end()};
}

std::vector<LinkOwner> LinkOwners::Find(const NodeSpaces& spaces,
                                        const NamespaceOwners::Owners& owners,
                                        const LocalPods& pods, const FurtherAddresses& further,
                                        const LinksIn& links_in) {
  std::vector<LinkOwner> found;
  std::map<int, End> still_there;
  for (std::size_t i = 0; i < spaces.namespaces.size(); ++i) {
    const PodNamespace& space = spaces.namespaces[i];
    std::optional<std::vector<NodeLink>> there;
    for (const NodeLink& link : space.pairs) {
      const auto known = ends_.find(link.index);
      if (known != ends_.end()) still_there.insert(*known);
      if (owners.of[i].size() != 1) continue;
      const auto& pod = pods[owners.of[i].front()];
      if (known == ends_.end()) {
        if (!there) there = links_in(space.netns);
        const NodeLink* other = OtherEnd(link, *there);
        if (other == nullptr || !Holds(space.held, other->index, pod.addresses)) continue;
        const bool copied = IsTaken(*other->mac, ends_) || IsTaken(*other->mac, still_there);
        still_there[link.index] = {other->index, *other->mac, {}, copied};
      }
      End& end = still_there.at(link.index);
      if (end.copied) {
        found.push_back({link.index, link.name, pod.key, pod.uid, end.mac});
        continue;
      }
      LearnLinkLocal(space.held, &end);
      LinkOwner owner{link.index, link.name, pod.key, pod.uid, end.mac, pod.addresses};
      const auto its = std::find_if(further.pods.begin(), further.pods.end(), [&](const auto& one) {
        return one.key == pod.key && one.uid == pod.uid;
      });
      if (its != further.pods.end())
        owner.addresses.insert(owner.addresses.end(), its->taken.begin(), its->taken.end());
      owner.addresses.insert(owner.addresses.end(), end.link_local.begin(), end.link_local.end());
      owner.addresses.push_back(LinkLocalOf(end.mac));
      std::sort(owner.addresses.begin(), owner.addresses.end());
      owner.addresses.erase(std::unique(owner.addresses.begin(), owner.addresses.end()),
                            owner.addresses.end());
      found.push_back(std::move(owner));
    }
  }
  ends_ = std::move(still_there);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace podgate::controller
