#include "compiler/ir/owners.h"

#include <algorithm>
#include <utility>

namespace podgate::compiler {
namespace {

void Add(const Pod* pod, const std::string& node, AddressOwners* its) {
  const bool local = pod->node == node;
  if (its->first == nullptr || (local && its->first->node != node)) {
    *its = {pod, {}};
  } else if (local || its->first->node != node) {
    its->others.push_back(pod);
  }
}

}  // namespace

std::vector<const Pod*> PodsThere(const Cluster& cluster, const std::string& node) {
  std::vector<const Pod*> pods;
  pods.reserve(cluster.pods.size());
  for (const auto& [key, pod] : cluster.pods)
    if (IsThere(pod, node)) pods.push_back(&pod);
  return pods;
}

OwnerMap OwnersOfClaimedTwice(const std::vector<const Pod*>& pods, const std::string& node) {
  std::vector<std::pair<Address, const Pod*>> claims;
  claims.reserve(pods.size());
  for (const Pod* pod : pods)
    for (const Address& address : pod->addresses) claims.emplace_back(address, pod);
  // Claims of one address stay in the order of the pods' keys.
  std::stable_sort(claims.begin(), claims.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  OwnerMap owners;
  for (auto claim = claims.begin(); claim != claims.end();) {
    const auto end = std::find_if(claim + 1, claims.end(),
                                  [&](const auto& other) { return other.first != claim->first; });
    if (end - claim > 1) {
      AddressOwners its;
      for (auto one = claim; one != end; ++one) Add(one->second, node, &its);
      owners.emplace_hint(owners.end(), claim->first, std::move(its));
    }
    claim = end;
  }
  return owners;
}

}  // namespace podgate::compiler
