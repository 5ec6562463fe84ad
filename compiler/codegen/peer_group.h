// A group chain: the peers of some rules of a class, merged, for ports that are already matched.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/codegen/class_chain.h"
#include "compiler/codegen/lookup_sets.h"
#include "compiler/ir/ir.h"

namespace podgate::compiler {

// `entries`: indices into the class's entries, sorted. Returns the chain's name: a hash of origins,
// terms and blocks, not of the terms' members.
std::string CompileGroup(const PolicyClass& policy_class, const std::vector<std::size_t>& entries,
                         SetPool* sets);

// The rules that the entries come from, without repetitions, in policy order.
std::vector<RuleOrigin> OriginsOf(const PolicyClass& policy_class,
                                  const std::vector<std::size_t>& entries);
// "default/web", "default/web and 3 more": the start of a name for what the origins have in common.
std::string OriginsText(const std::vector<RuleOrigin>& origins);
std::string OriginsIdentity(Direction direction, const std::vector<RuleOrigin>& origins);

}  // namespace podgate::compiler
