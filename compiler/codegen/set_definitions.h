// Name, size and comment of each set that the compiler makes, from what it means and how many
// elements it has: the same however the set came to be. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "compiler/codegen/lookup_sets.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// `size` of a hash set is fixed when the kernel makes it. Steps of 16 and twice the need keep a set
// through most changes; a set that outgrows its step is made anew under another name (see
// SizeSuffix).
std::uint32_t SizeFor(std::size_t elements);
// What a set's name ends in: nothing for the smallest size, else for instance "-16384".
std::string SizeSuffix(std::uint32_t size);

nft::Field AddressField(Family family);

// What a set of pods, or of named ports, stands for, in full: two sets with equal meanings are one.
std::string MeaningOf(const std::set<PodTerm>& terms);
std::string MeaningOf(const std::vector<NamedUse>& uses);

// The sets without their elements.
nft::Set PodsHead(const std::set<PodTerm>& terms, Family family, std::size_t elements);
nft::Set NamedPortsHead(const std::vector<NamedUse>& uses, Family family, std::size_t elements);

}  // namespace podgate::compiler
