#include "controller/node/further_addresses.h"

#include <algorithm>
#include <array>
#include <map>

namespace podgate::controller {
namespace {

using ipset::Address;
using ipset::Prefix;

// Addresses that no packet between pods of this node comes from or goes to, or that mean another
// host on each link. Link-local addresses of IPv6 are among them.
bool IsPossible(const Address& address) {
  static const std::array<Prefix, 7> kNever{
      *Prefix::Parse("0.0.0.0/8"),    *Prefix::Parse("127.0.0.0/8"), *Prefix::Parse("224.0.0.0/3"),
      *Prefix::Parse("::/127"),       *Prefix::Parse("ff00::/8"),    *Prefix::Parse("fe80::/10"),
      *Prefix::Parse("::ffff:0:0/96")};
  return std::none_of(kNever.begin(), kNever.end(), [&](const Prefix& prefix) {
    return prefix.family() == address.family() && prefix.Contains(address);
  });
}

// Nobody but the pods on these links can be meant by such an address.
bool IsOwn(const Way& way, const PodNamespace& space, const std::set<int>& shared_bridges) {
  const auto is_shared = [&](int bridge) { return shared_bridges.contains(bridge); };
  // (A routed pod has no bridges: packets with the address come over its links, or from nowhere.)
  if (way.kind == Way::Kind::kNowhere)
    return !space.other_master &&
           std::none_of(space.bridges.begin(), space.bridges.end(), is_shared);
  if (way.kind != Way::Kind::kDevice || way.prefix_length == 0) return false;
  if (space.links.contains(way.device)) return true;
  return space.bridges.contains(way.device) && !way.gateway && !is_shared(way.device);
}

void SortUnique(std::vector<Address>* addresses) {
  std::sort(addresses->begin(), addresses->end());
  addresses->erase(std::unique(addresses->begin(), addresses->end()), addresses->end());
}

}  // namespace

FurtherAddresses FindFurther(const NodeSpaces& spaces, const NamespaceOwners::Owners& owners,
                             const LocalPods& pods, const WayTo& way_to) {
  using OfPod = FurtherAddresses::OfPod;
  std::set<Address> told;
  for (const auto& pod : pods) told.insert(pod.addresses.begin(), pod.addresses.end());
  FurtherAddresses all;
  std::map<std::size_t, OfPod> found;
  for (std::size_t i = 0; i < spaces.namespaces.size(); ++i) {
    const PodNamespace& space = spaces.namespaces[i];
    if (owners.of[i].empty()) continue;
    OfPod here;
    here.more = space.held.cut_off;
    std::size_t asked = 0;
    for (const Address& address : space.held.addresses) {
      if (!IsPossible(address) || told.contains(address)) continue;
      if (asked++ == FurtherAddresses::kMaxAsked) {
        here.more = true;
        break;
      }
      const Way way = way_to(address);
      const bool full = here.taken.size() == FurtherAddresses::kMaxTaken;
      const bool own = IsOwn(way, space, spaces.shared_bridges);
      (own && !full ? here.taken : here.uncovered).push_back(address);
      if (!own || full) continue;
      for (const int bridge : space.bridges) all.bridges.emplace(bridge, address.family());
    }
    if (here.taken.empty() && here.uncovered.empty() && !here.more) continue;
    for (const std::size_t place : owners.of[i]) {
      OfPod& pod = found[place];
      pod.taken.insert(pod.taken.end(), here.taken.begin(), here.taken.end());
      pod.uncovered.insert(pod.uncovered.end(), here.uncovered.begin(), here.uncovered.end());
      pod.more = pod.more || here.more;
    }
  }
  for (auto& [place, pod] : found) {
    pod.key = pods[place].key;
    pod.uid = pods[place].uid;
    SortUnique(&pod.taken);
    SortUnique(&pod.uncovered);
    all.pods.push_back(std::move(pod));
  }
  std::sort(all.pods.begin(), all.pods.end(),
            [](const OfPod& a, const OfPod& b) { return a.key < b.key; });
  for (const std::size_t place : owners.homeless) all.without_namespace.push_back(pods[place].key);
  return all;
}

}  // namespace podgate::controller
