#include "controller/node/pod_namespaces.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace podgate::controller {
namespace {

// Links with one namespace at their other end, and nothing else.
constexpr std::array<std::string_view, 2> kPairs{"veth", "netkit"};

bool LeadsToNamespace(const NodeLink& link) {
  return link.peer_netns >= 0 && std::find(kPairs.begin(), kPairs.end(), link.kind) != kPairs.end();
}

using Claims = std::vector<std::set<std::size_t>>;  // by namespace: places of pods

// One round: each namespace that only one pod is left for, if it is the only one for that pod, and
// sure. True when any was found.
bool Settle(const std::vector<bool>& unsure, Claims* claims,
            std::vector<std::optional<std::size_t>>* owner) {
  std::map<std::size_t, std::vector<std::size_t>> alone;
  for (std::size_t i = 0; i < claims->size(); ++i) {
    if (!(*owner)[i] && (*claims)[i].size() == 1) alone[*(*claims)[i].begin()].push_back(i);
  }
  bool any = false;
  for (const auto& [pod, spaces] : alone) {
    if (spaces.size() != 1 || unsure[spaces.front()]) continue;
    (*owner)[spaces.front()] = pod;
    for (std::set<std::size_t>& claim : *claims) claim.erase(pod);
    any = true;
  }
  return any;
}

}  // namespace

NodeSpaces GroupLinks(const std::vector<NodeLink>& links) {
  std::set<int> bridges;
  for (const NodeLink& link : links)
    if (link.kind == "bridge") bridges.insert(link.index);
  std::map<int, PodNamespace> by_number;
  NodeSpaces spaces;
  for (const NodeLink& link : links) {
    if (!LeadsToNamespace(link)) {
      if (bridges.contains(link.master) && link.kind != "dummy")
        spaces.shared_bridges.insert(link.master);
      continue;
    }
    PodNamespace& space = by_number[link.peer_netns];
    space.netns = link.peer_netns;
    space.links.insert(link.index);
    space.pairs.push_back(link);
    if (bridges.contains(link.master)) {
      space.bridges.insert(link.master);
    } else if (link.master != 0) {
      space.other_master = true;
    }
  }
  for (auto& [number, space] : by_number) spaces.namespaces.push_back(std::move(space));
  return spaces;
}

NamespaceOwners::Owners NamespaceOwners::Find(const std::vector<PodNamespace>& namespaces,
                                              const LocalPods& pods, const WayTo& way_to) {
  std::map<PodId, std::size_t> place_of;
  std::multimap<ipset::Address, std::size_t> pods_at;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    place_of.emplace(PodId{pods[i].key, pods[i].uid}, i);
    for (const ipset::Address& address : pods[i].addresses) pods_at.emplace(address, i);
  }
  std::map<int, std::size_t> space_of;  // by the index of a link
  std::vector<std::optional<std::size_t>> owner(namespaces.size());
  std::set<std::size_t> housed;
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    for (const int link : namespaces[i].links) {
      space_of[link] = i;
      const auto found = found_.find(link);
      const auto place = found == found_.end() ? place_of.end() : place_of.find(found->second);
      if (!owner[i] && place != place_of.end()) owner[i] = place->second;
    }
    if (owner[i]) housed.insert(*owner[i]);
  }

  // Addresses of pods in the others.
  Claims claims(namespaces.size());
  std::vector<bool> touched(namespaces.size());
  std::vector<bool> unsure(namespaces.size());  // the next look may find a route
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    if (owner[i]) continue;
    for (const ipset::Address& address : namespaces[i].held.addresses) {
      const auto [begin, end] = pods_at.equal_range(address);
      for (auto it = begin; it != end; ++it) {
        touched[i] = true;
        if (housed.contains(it->second)) continue;
        const Way way = way_to(address);
        if (way.kind == Way::Kind::kUnknown) unsure[i] = true;
        // A route to the address alone over a link of another namespace: this one only borrows it.
        const bool alone =
            way.kind == Way::Kind::kDevice && way.prefix_length == ipset::BitsOf(address.family());
        const auto routed = alone ? space_of.find(way.device) : space_of.end();
        if (routed == space_of.end() || routed->second == i) claims[i].insert(it->second);
      }
    }
  }
  while (Settle(unsure, &claims, &owner)) {
  }

  housed.clear();
  found_.clear();
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    if (!owner[i]) continue;
    housed.insert(*owner[i]);
    for (const int link : namespaces[i].links)
      found_[link] = {pods[*owner[i]].key, pods[*owner[i]].uid};
  }
  Owners owners;
  for (std::size_t i = 0; i < pods.size(); ++i)
    if (!housed.contains(i)) owners.homeless.push_back(i);
  owners.of.resize(namespaces.size());
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    if (owner[i]) {
      owners.of[i] = {*owner[i]};
    } else if (touched[i]) {
      claims[i].insert(owners.homeless.begin(), owners.homeless.end());
      owners.of[i].assign(claims[i].begin(), claims[i].end());
    }
  }
  return owners;
}

}  // namespace podgate::controller
