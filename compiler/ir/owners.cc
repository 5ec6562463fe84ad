#include "compiler/ir/owners.h"

#include <algorithm>
#include <utility>

namespace podgate::compiler {

OwnerMap Owners(const Cluster& cluster, const std::string& node) {
  std::vector<std::pair<Address, const Pod*>> claims;
  claims.reserve(cluster.pods.size());
  for (const auto& [key, pod] : cluster.pods) {
    if (!IsThere(pod, node)) continue;
    for (const Address& address : pod.addresses) claims.emplace_back(address, &pod);
  }
  // Claims of one address stay in the order of the pods' keys.
  std::stable_sort(claims.begin(), claims.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  OwnerMap::sequence_type owners;
  owners.reserve(claims.size());
  for (const auto& [address, pod] : claims) {
    const bool local = pod->node == node;
    if (owners.empty() || owners.back().first != address) {
      owners.emplace_back(address, AddressOwners{pod, {}});
      continue;
    }
    AddressOwners& its = owners.back().second;
    if (local && its.first->node != node) {
      its = {pod, {}};
    } else if (local || its.first->node != node) {
      its.others.push_back(pod);
    }
  }
  OwnerMap map;
  map.adopt_sequence(boost::container::ordered_unique_range, std::move(owners));
  return map;
}

}  // namespace podgate::compiler
