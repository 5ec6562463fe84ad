// What leads from the ruleset that the kernel holds to the one that is wanted, in steps that may be
// committed one after the other without a packet seeing a mixture (design §5, "commit discipline").
//
//   prepare  new counters, new sets and maps with all their elements, new chains with their rules;
//            nothing that packets reach points to them yet. Elements that come to a map which
//            packets meet already: their chains are empty until the flip, as if the element were
//            not there. Elements of guard sets that are no longer wanted go.
//   flip     up to three batches: elements of existing hash sets that go; the rules of existing
//            chains replaced; elements of existing hash sets that come (crossing.h has the order,
//            and when sets change aside instead). Never the same key deleted and added, never the
//            verdict of an existing key changed in place, never an element of an existing interval
//            set (those are replaced by name).
//   sweep    what nothing points to any more is removed, elements of maps whose chains the flip has
//            emptied among it; elements of guard sets added.
//
// Each step is one netlink batch. Steps without operations are left out. Pure; deterministic.
//
// The way always leads to the goal, also from what somebody else made of our table. Where a name
// must come to mean something else (a set of another type or size, an interval set with other
// elements, a map key with another verdict, a base chain with another hook), the way is taken
// twice: to the same ruleset with free names in the place of those, and from there to the names
// that are wanted. Only a table with another comment is replaced as a whole, in one step.
#pragma once

#include <vector>

#include "nft/model/change.h"
#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

// The steps of a change that ends in `after`. The table is there.
std::vector<Step> StepsOf(const Change& change, const Ruleset& after);

// `applied` is null when the kernel has no table of that name.
std::vector<Step> Diff(const Ruleset* applied, const Ruleset& desired);

}  // namespace podgate::nft
