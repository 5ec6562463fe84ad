// The bounded form of a class: ports are dispatched with one look-up to a group of peers, and the
// peers of a group are merged into one set for each family. However many policies select a pod, a
// new connection to it meets a handful of rules. Pure.
//
//   named ports (egress)            one hash set  address . protocol . port
//   single ports                    one verdict map  protocol . port -> group
//   wide port ranges                one interval verdict map for each protocol  port -> group
//   every port of a protocol        one rule for each protocol -> group
//   every port of every protocol    -> group
//   deny
//
// A group covers all rules that its ports belong to, so it ends in deny itself. Maps and groups are
// named by a hash of what they hold: a changed policy makes new ones, and only the class's chain is
// rewritten.
#pragma once

#include <vector>

#include "compiler/codegen/lookup_sets.h"
#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// The rules of the class's chain; the class is within its budget (class_budget.h). Adds groups,
// maps and sets to the sets' ruleset.
std::vector<nft::Rule> BoundedRules(const PolicyClass& policy_class, LookupSets* sets);

}  // namespace podgate::compiler
