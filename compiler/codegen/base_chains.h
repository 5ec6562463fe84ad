// The frame of the table, the same on every node: base chains, dispatch by address, deny; and the
// small chain of each address of an isolated pod.
//
//   forward ─jump→ egress ─map→ eg-ADDRESS ─goto→ eg-class-… ─return→ forward ─goto→ ingress ─map→
//   in-ADDRESS …
//
// Egress is entered with one jump and left with return when it allows: the map's elements say goto,
// so return leads back to the base chain. A miss of the map goes on inside the egress chain
// instead, where the guard set stands. Had allowed egress gone on to ingress by goto, kernels that
// check a table path by path (5.10, 6.1) would do pods × pods work at each commit. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "compiler/codegen/compile.h"
#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

inline constexpr std::array<Family, 2> kFamilies = {Family::kIPv4, Family::kIPv6};
inline constexpr std::array<Direction, 2> kDirections = {Direction::kEgress, Direction::kIngress};

// Base chains, deny chains and their counters: what no cluster state changes.
nft::Ruleset FixedFrame(const CompileOptions& options);

// The map from addresses to chains, and the set that holds the same addresses: should a look-up in
// the map miss while the map changes, nothing gets through. Without their elements.
struct Dispatch {
  nft::Set map;
  nft::Set guard;
};
Dispatch DispatchHeads(Direction direction, Family family, std::size_t addresses);

// The direction's chain, over the dispatch of each family (in the order of kFamilies).
nft::Chain DispatchChain(Direction direction, const std::array<Dispatch, 2>& dispatch);

// "in-10.244.1.5", "eg6-fd00--5".
std::string AddressChainName(Direction direction, const Address& address);
// A pod always reaches itself, also through a Service that leads back to it; then the class
// decides.
nft::Chain AddressChain(Direction direction, const ObjectKey& pod, const Address& address,
                        const std::string& class_chain);
// The elements of map and guard for an isolated pod's address.
nft::Element DispatchElement(Direction direction, const Address& address);
nft::Element GuardElement(const Address& address);

}  // namespace podgate::compiler
