// From the IR of a node to its ruleset (design §5). Pure and deterministic: same IR, same ruleset.
#pragma once

#include "compiler/codegen/compile_options.h"
#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

nft::Ruleset Compile(const NodeIr& ir, const CompileOptions& options = {});

}  // namespace podgate::compiler
