// The steps from the ruleset that the kernel holds to the one that is wanted, such that they can be
// committed one after the other and no packet meets a mixture of the two.
//
//   prepare  New counters, new sets and maps with all their elements, new chains with their rules:
//            nothing that packets reach refers to them yet. Elements that are added to a map which
//            packets meet already: their chains are empty until the flip, as if the element were
//            not there. Elements of guard sets that are no longer wanted are deleted.
//   flip     Up to three batches: elements of existing hash sets that are no longer wanted are
//            deleted, the rules of existing chains are replaced, new elements of existing hash sets
//            are added (element_order.h has the order, and says when copies of the sets are used
//            instead). Never is the same key deleted and added, never is the verdict of an existing
//            key changed in place, and never is an element of an existing interval set touched
//            (those sets are replaced under another name).
//   sweep    What nothing refers to any more is deleted, including elements of maps whose chains
//            the flip has emptied; elements of guard sets are added.
//
// Each step is one netlink batch. Steps without operations are left out. Pure; deterministic.
//
// The steps always lead to the wanted ruleset, also from what somebody else made of our table.
// Where a name must come to mean something else (a set of another type or size, an interval set
// with other elements, a map key with another verdict, a base chain with another hook), they lead
// to an intermediate ruleset first (intermediate.h). Only a table with another comment is replaced
// as a whole, in one step.
#pragma once

#include <vector>

#include "nft/model/change.h"
#include "nft/model/ruleset.h"
#include "nft/model/step.h"

namespace podgate::nft {

// The steps of a change that leads to `after`. The table exists.
std::vector<Step> StepsOf(const Change& change, const Ruleset& after);

// `applied` is null when the kernel has no table of that name.
std::vector<Step> Diff(const Ruleset* applied, const Ruleset& desired);

}  // namespace podgate::nft
