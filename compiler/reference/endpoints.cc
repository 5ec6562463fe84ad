#include "compiler/reference/endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "compiler/model/spelling.h"

namespace podgate::compiler {
namespace {

bool Has(const std::vector<Address>& addresses, const Address& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

// The newest of the pods that claim the address: whom a question about the address means.
const Pod* OwnerOf(const Cluster& cluster, const Address& address) {
  const auto age = [](const Pod& pod) { return std::tie(pod.created, pod.uid, pod.key); };
  const Pod* owner = nullptr;
  for (const Pod* pod : ClaimantsOf(cluster, address)) {
    if (owner == nullptr || age(*owner) < age(*pod)) owner = pod;
  }
  return owner;
}

bool TellsNodeAddress(const Pod& pod, const Address& address) {
  return !pod.finished && !pod.node.empty() &&
         (Has(pod.host_addresses, address) || (pod.host_network && Has(pod.addresses, address)));
}

// An end before the family is known: all the addresses that its packets may have.
struct Candidate {
  Endpoint endpoint;
  std::vector<Address> addresses;
  // The list may be incomplete: a node can have a family that no pod's status tells.
  bool open = false;
};

std::optional<Candidate> Resolve(const Cluster& cluster, const ObjectKey& key, std::string* error) {
  const auto found = cluster.pods.find(key);
  if (found == cluster.pods.end()) {
    const std::string asked = key.ToString();
    NearWords near(asked);
    for (const auto& [known, pod] : cluster.pods) near.Offer(known.ToString());
    const std::string meant = DidYouMean(near.Words());
    *error = fmt::format("pod {} is not in the input{}", asked,
                         meant.empty() ? "; check namespace and name" : meant);
    return std::nullopt;
  }
  const Pod& pod = found->second;
  if (pod.finished && !pod.still_running) {
    *error = fmt::format(
        "pod {} has completed or failed and no longer has a network; ask about a running pod",
        key.ToString());
    return std::nullopt;
  }
  Candidate result;
  result.endpoint.node = pod.node;
  if (!pod.host_network) {
    result.endpoint.kind = Endpoint::Kind::kPod;
    result.endpoint.pod = &pod;
    result.addresses = pod.addresses;
    return result;
  }
  if (pod.node.empty()) {
    *error = fmt::format(
        "pod {} uses the host network but is not scheduled to a node yet, so it has no traffic; "
        "ask about a node instead",
        key.ToString());
    return std::nullopt;
  }
  result.endpoint.kind = Endpoint::Kind::kNode;
  result.endpoint.host_pod = &pod;
  result.addresses = NodeAddresses(cluster, pod.node);
  result.open = true;
  return result;
}

std::optional<Candidate> Resolve(const Cluster& cluster, const NodeName& end, std::string* error) {
  const std::vector<std::string> nodes = NodeNames(cluster);
  if (!std::binary_search(nodes.begin(), nodes.end(), end.name)) {
    *error = UnknownNode(end.name, nodes);
    return std::nullopt;
  }
  Candidate result;
  result.endpoint.kind = Endpoint::Kind::kNode;
  result.endpoint.node = end.name;
  result.addresses = NodeAddresses(cluster, end.name);
  result.open = true;
  return result;
}

std::optional<Candidate> Resolve(const Cluster& cluster, const Address& address, std::string*) {
  Candidate result;
  result.addresses = {address};
  if (const Pod* owner = OwnerOf(cluster, address)) {
    result.endpoint.kind = Endpoint::Kind::kPod;
    result.endpoint.pod = owner;
    result.endpoint.node = owner->node;
    return result;
  }
  for (const auto& [name, node] : cluster.nodes) {
    if (!Has(node.addresses, address)) continue;
    result.endpoint.kind = Endpoint::Kind::kNode;
    result.endpoint.node = name;
    return result;
  }
  for (const auto& [key, pod] : cluster.pods) {
    if (!TellsNodeAddress(pod, address)) continue;
    result.endpoint.kind = Endpoint::Kind::kNode;
    result.endpoint.node = pod.node;
    return result;
  }
  return result;
}

std::optional<Address> AddressOf(const Candidate& candidate, Family family) {
  for (const Address& address : candidate.addresses) {
    if (address.family() == family) return address;
  }
  return std::nullopt;
}

// `strict`: also a node must be known to have the family.
bool CanSpeak(const Candidate& candidate, Family family, bool strict) {
  if (candidate.addresses.empty() || (candidate.open && !strict)) return true;
  return AddressOf(candidate, family).has_value();
}

std::string FamiliesOf(const Candidate& candidate) {
  const bool v4 = AddressOf(candidate, Family::kIPv4).has_value();
  return !v4 ? "IPv6" : AddressOf(candidate, Family::kIPv6) ? "IPv4 and IPv6" : "IPv4";
}

// False: the ends have no family in common (or not the one asked for).
bool ChooseFamily(const Candidate& from, const Candidate& to, const FlowQuery& query,
                  Endpoints* ends, std::string* error) {
  if (query.family) {
    ends->family = query.family;
    if (CanSpeak(from, *query.family, false) && CanSpeak(to, *query.family, false)) return true;
    const bool first = !CanSpeak(from, *query.family, false);
    *error = fmt::format("{} has only {} addresses, but {} was asked for",
                         first ? "the source" : "the destination", FamiliesOf(first ? from : to),
                         *query.family == Family::kIPv4 ? "IPv4" : "IPv6");
    return false;
  }
  if (from.addresses.empty() && to.addresses.empty()) return true;
  for (const bool strict : {true, false}) {
    for (const Family family : {Family::kIPv4, Family::kIPv6}) {
      if (!CanSpeak(from, family, strict) || !CanSpeak(to, family, strict)) continue;
      ends->family = family;
      return true;
    }
  }
  *error = fmt::format(
      "source and destination have no address family in common: the source has {}, the "
      "destination {}",
      FamiliesOf(from), FamiliesOf(to));
  return false;
}

}  // namespace

std::vector<const Pod*> OwnersOf(const Cluster& cluster, const Address& address,
                                 const std::string& node) {
  std::vector<const Pod*> all;
  std::vector<const Pod*> here;
  for (const auto& [key, pod] : cluster.pods) {
    if (!IsThere(pod, node) || !Has(pod.addresses, address)) continue;
    all.push_back(&pod);
    if (pod.node == node) here.push_back(&pod);
  }
  return here.empty() ? all : here;
}

std::vector<const Pod*> ClaimantsOf(const Cluster& cluster, const Address& address) {
  std::vector<const Pod*> claimants;
  for (const auto& [key, pod] : cluster.pods) {
    if (IsThere(pod, pod.node) && Has(pod.addresses, address)) claimants.push_back(&pod);
  }
  return claimants;
}

std::vector<Address> NodeAddresses(const Cluster& cluster, const std::string& node) {
  std::set<Address> addresses;
  if (const auto given = cluster.nodes.find(node); given != cluster.nodes.end()) {
    addresses.insert(given->second.addresses.begin(), given->second.addresses.end());
  }
  for (const auto& [key, pod] : cluster.pods) {
    if (pod.finished || pod.node != node) continue;
    addresses.insert(pod.host_addresses.begin(), pod.host_addresses.end());
    if (pod.host_network) addresses.insert(pod.addresses.begin(), pod.addresses.end());
  }
  std::erase_if(addresses, [&](const Address& a) { return OwnerOf(cluster, a) != nullptr; });
  return {addresses.begin(), addresses.end()};
}

std::optional<Endpoints> ResolveEndpoints(const Cluster& cluster, const FlowQuery& query,
                                          std::string* error) {
  const auto resolve = [&](const EndpointName& end) {
    return std::visit([&](const auto& e) { return Resolve(cluster, e, error); }, end);
  };
  const std::optional<Candidate> from = resolve(query.from);
  if (!from) return std::nullopt;
  const std::optional<Candidate> to = resolve(query.to);
  if (!to) return std::nullopt;
  Endpoints ends{from->endpoint, to->endpoint, std::nullopt};
  if (!ChooseFamily(*from, *to, query, &ends, error)) return std::nullopt;
  if (ends.family) {
    ends.from.address = AddressOf(*from, *ends.family);
    ends.to.address = AddressOf(*to, *ends.family);
  }
  return ends;
}

}  // namespace podgate::compiler
