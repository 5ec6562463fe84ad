// Where a difference cannot be made in place: a set or chain that must become another under its own
// name. Internal to nft/. Pure; any thread.
#pragma once

#include <optional>

#include "nft/model/ruleset.h"

namespace podgate::nft {

// `desired` with other names for the sets and chains that cannot be changed in place. From
// `applied` to this ruleset, and from this ruleset to `desired`, the steps are such that no packet
// can notice them. nullopt: everything can be changed in place.
//
// Not in place: a set that differs in more than its elements; an interval set with other elements;
// a map whose verdict for some key changes; a chain with another hook, priority or policy; and maps
// with elements that go to such a chain. The compiler's names make all this impossible between its
// own rulesets; it takes somebody else's change in our table.
std::optional<Ruleset> IntermediateBetween(const Ruleset& applied, const Ruleset& desired);

}  // namespace podgate::nft
