// The chain of a group: the peers of some rules of a class, merged, for ports that are already
// matched. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/codegen/lookup_sets.h"
#include "compiler/ir/ir.h"

namespace podgate::compiler {

// Adds the chain and all it needs. `entries`: indices into the class's entries, sorted, not empty.
// Returns the chain's name: a hash of origins, terms and blocks, not of the terms' members. Without
// a chain, an empty name, once the sets are full.
std::string PeerGroupChain(const PolicyClass& policy_class, const std::vector<std::size_t>& entries,
                           LookupSets* sets);

}  // namespace podgate::compiler
