// The base chains, where packets enter the table, and the deny chains: what no cluster state
// changes. Pure.
#pragma once

#include <string_view>

#include "compiler/codegen/compile_options.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

// The ruleset of a node with base chains, deny chains and their counters. The chains that the base
// chains lead to are those of DispatchChain.
nft::Ruleset BaseChains(std::string_view node, const CompileOptions& options);

}  // namespace podgate::compiler
