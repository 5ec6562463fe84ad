// What the policies that isolate a pod may have together (kMaxPodTerms and kMaxPortPieces of
// model.h), counted anew. Pure.
#pragma once

#include <vector>

#include "compiler/model/model.h"
#include "compiler/reference/rule_matching.h"

namespace podgate::compiler::reference {

// Of the rules that have any port at all. If it is not kNo, the policies allow nothing.
OverBudget BudgetOf(const std::vector<const NetworkPolicy*>& isolating, const Question& question);

}  // namespace podgate::compiler::reference
