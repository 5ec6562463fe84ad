// Whether a class of policies asks for more than a node gives it. Pure.
#pragma once

#include <vector>

#include "compiler/ir/ir.h"

namespace podgate::compiler {

// By kMaxPodTerms and kMaxPortPieces of model.h.
OverBudget BudgetOf(const std::vector<AllowEntry>& entries);

}  // namespace podgate::compiler
