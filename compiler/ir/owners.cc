#include "compiler/ir/owners.h"

namespace podgate::compiler {

std::map<Address, AddressOwners> Owners(const Cluster& cluster, const std::string& node) {
  std::map<Address, AddressOwners> owners;
  for (const auto& [key, pod] : cluster.pods) {
    if (!IsThere(pod, node)) continue;
    for (const Address& address : pod.addresses) {
      AddressOwners& its = owners[address];
      const bool local = pod.node == node;
      if (its.first == nullptr || (local && its.first->node != node)) {
        its = {&pod, {}};
      } else if (local || its.first->node != node) {
        its.others.push_back(&pod);
      }
    }
  }
  return owners;
}

}  // namespace podgate::compiler
