// Which pods own which addresses. Pure.
#pragma once

#include <boost/container/flat_map.hpp>
#include <string>
#include <vector>

#include "compiler/model/model.h"

namespace podgate::compiler {

// Who owns each address, as the rules of `node` see it: of the pods that are there and claim it the
// ones on that node (a pod keeps its address on its own node, whatever is claimed elsewhere), and
// all where none is on that node. By key; pointers are into `cluster`.
struct AddressOwners {
  const Pod* first = nullptr;
  std::vector<const Pod*> others{};
};
using OwnerMap = boost::container::flat_map<Address, AddressOwners>;
// Of the addresses that several pods claim, which are few. The one pod that is there and claims any
// other address owns it: for 100,000 pods no entry has to be made or looked up.
OwnerMap OwnersOfClaimedTwice(const Cluster& cluster, const std::string& node);

}  // namespace podgate::compiler
