// The chain of a class: what its policies allow, then the deny chain. Up to kReadablePairs
// different (peer, port) pairs it reads like the policies; above that it takes the bounded form
// (bounded_form.h), in which a packet meets about as many rules however many policies there are.
// Pure.
#pragma once

#include <cstddef>
#include <string>

#include "compiler/codegen/lookup_sets.h"
#include "compiler/ir/classes.h"
#include "compiler/ir/ir.h"

namespace podgate::compiler {

inline constexpr std::size_t kReadablePairs = 3;
inline constexpr std::size_t kReadableRules = 24;

// Adds the chain of the class and all it needs to the sets' ruleset. Returns the chain's name,
// which follows from the class's policies and resolved ports alone, not from what the policies say.
std::string CompileClass(const PolicyClass& policy_class, LookupSets* sets);

// The chain's name alone.
std::string ClassChainName(const ClassKey& key);

}  // namespace podgate::compiler
