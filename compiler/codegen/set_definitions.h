// Name, size and comment of each set that the compiler makes, from what it means and how many
// elements it has, and may have had before (SizeFor). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// Egress ports by name: the pods among any of the peers that have a port of one of the names, at
// their number.
struct NamedPortUse {
  std::vector<IrPeer> peers;
  std::vector<std::pair<std::string, Protocol>> ports;
  friend auto operator<=>(const NamedPortUse&, const NamedPortUse&) = default;
};

// `size` of a hash set is fixed when the kernel makes it. Sizes are twice the need, in steps of a
// factor 16, so that a set survives most changes; a set that outgrows its step is replaced by a new
// one with another name (see SizeSuffix).
std::uint32_t SizeFor(std::size_t elements);
// For a set that has the size `now` (0: it has none yet): it grows when it has to, but shrinks only
// when an eighth of what the smaller size holds is left, so that a few elements which come and go
// cost themselves only.
std::uint32_t SizeFor(std::size_t elements, std::uint32_t now);
// What a set's name ends in: nothing for the smallest size, else for instance "-16384".
std::string SizeSuffix(std::uint32_t size);

// What a set of pods, or of named ports, stands for, in full: two sets with equal meanings are one.
std::string MeaningOf(const std::set<PodTerm>& terms);
std::string MeaningOf(const std::vector<NamedPortUse>& uses);

// Without their elements.
nft::Set PodSet(const std::set<PodTerm>& terms, Family family, std::uint32_t size);
nft::Set NamedPortSet(const std::vector<NamedPortUse>& uses, Family family, std::uint32_t size);
// With its elements, by which it is named; `block` is of one family, not empty.
nft::Set BlockSet(const AddressSet& block);

}  // namespace podgate::compiler
