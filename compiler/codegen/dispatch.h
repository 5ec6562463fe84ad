// From the address of an isolated pod to the chain of its class: in each direction a chain that
// looks the address up in a map, and a small chain for each address. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "compiler/codegen/direction.h"
#include "compiler/model/model.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// The map from addresses to chains, and the set that holds the same addresses: if a look-up in the
// map misses while the map changes, nothing gets through.
struct Dispatch {
  nft::Set map;
  nft::Set guard;
};
// Both without their elements, of a size for so many addresses.
Dispatch DefineDispatch(Direction direction, Family family, std::size_t addresses);

// The direction's chain ("ingress", "egress"), over the dispatch of each family (in the order of
// kFamilies). `groups`: see CompileOptions; of the ingress chain only.
nft::Chain DispatchChain(Direction direction,
                         const std::array<Dispatch, kFamilies.size()>& dispatch,
                         const std::vector<ipset::Prefix>& groups);

// "in-10.244.1.5", "eg6-fd00--5".
std::string AddressChainName(Direction direction, const Address& address);
// A pod always reaches itself, also through a Service that leads back to it; then the class
// decides. `pods`: who has the address, by key, one as a rule.
nft::Chain AddressChain(Direction direction, const std::vector<ObjectKey>& pods,
                        const Address& address, const std::string& class_chain);
// Whether a chain that AddressChain made, perhaps read back from a kernel, names the pod.
bool NamesPod(const nft::Chain& chain, const ObjectKey& pod);
// The elements of map and guard for an isolated pod's address.
nft::Element DispatchElement(Direction direction, const Address& address);
nft::Element GuardElement(const Address& address);

}  // namespace podgate::compiler
