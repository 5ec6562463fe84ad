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
// The pods that are there, as the node sees it, in the order of their keys. What is asked of each
// of 100,000 pods goes through this list: the map's nodes stand all over the memory.
std::vector<const Pod*> PodsThere(const Cluster& cluster, const std::string& node);
// Of the addresses that several pods claim, which are few. The one pod that is there and claims any
// other address owns it: for 100,000 pods no entry has to be made or looked up.
// `pods`: PodsThere() of the same node.
OwnerMap OwnersOfClaimedTwice(const std::vector<const Pod*>& pods, const std::string& node);

}  // namespace podgate::compiler
