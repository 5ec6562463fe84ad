#include "controller/node/link_owners.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
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
    return one.first == link &&
           std::find(addresses.begin(), addresses.end(), one.second) != addresses.end();
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
  for (const auto& [link, address] : held.on_links) {
    if (link != end->index || !IsLinkLocal(address)) continue;
    const bool taken = std::any_of(ends_.begin(), ends_.end(), [&a = address](const auto& other) {
      const std::vector<Address>& its = other.second.link_local;
      return a == LinkLocalOf(other.second.mac) ||
             std::find(its.begin(), its.end(), a) != its.end();
    });
    if (!taken && end->link_local.size() < kMaxLinkLocal) end->link_local.push_back(address);
  }
}

bool LinkOwners::IsTaken(const compiler::MacAddress& mac) const {
  return std::any_of(ends_.begin(), ends_.end(),
                     [&](const auto& end) { return end.second.mac == mac; });
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
        if (IsTaken(*other->mac)) continue;  // whoever had it first keeps it
        still_there[link.index] = {other->index, *other->mac, {}};
      }
      End& end = still_there.at(link.index);
      LearnLinkLocal(space.held, &end);
      LinkOwner owner{link.index, link.name, pod.key, end.mac, pod.addresses};
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
