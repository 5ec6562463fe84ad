// Where ingress and egress differ: the side of a packet that pod and peer are on, what allows, and
// the chains. Pure.
//
//   forward ─jump→ egress ─map→ eg-ADDRESS ─goto→ eg-class-… ─return→ forward ─goto→ ingress ─map→
//   in-ADDRESS …
//
// Egress is entered with one jump and left with return when it allows: the map's elements say goto,
// so return leads back to the base chain. A miss of the map goes on inside the egress chain
// instead, where the guard set stands. If allowed egress went on to ingress by goto, kernels that
// check a table path by path (5.10, 6.1) would do pods × pods work at each commit.
#pragma once

#include <array>
#include <string_view>

#include "compiler/model/model.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

inline constexpr std::array<Direction, 2> kDirections = {Direction::kEgress, Direction::kIngress};
inline constexpr std::array<Family, 2> kFamilies = {Family::kIPv4, Family::kIPv6};

char Digit(Family family);  // '4' or '6', in names
nft::Field AddressField(Family family);

// "in-" or "eg-": what the names of the direction's chains and maps begin with.
std::string_view DirectionPrefix(Direction direction);

// The side of a packet that the isolated pod is on, and the one that its peer is on.
nft::Side PodSide(Direction direction);
nft::Side PeerSide(Direction direction);

// Ingress is judged last: accept. Egress returns to the base chain, where ingress is judged.
nft::Verdict Allowed(Direction direction);
// Jumps to a chain for good.
nft::Verdict GotoChain(std::string_view chain);
// The chain that logs, counts and denies.
std::string_view DenyChain(Direction direction);
nft::Rule DenyRule(Direction direction);

}  // namespace podgate::compiler
