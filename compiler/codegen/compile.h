// From the IR of a node to its ruleset (design §5). Pure and deterministic: same IR, same ruleset.
#pragma once

#include <cstdint>

#include "compiler/ir/ir.h"
#include "nft/model/ruleset.h"

namespace podgate::compiler {

struct CompileOptions {
  bool pod_to_node_enforce = false;  // police pod -> own node in the input hook
  bool reject = false;               // deny with an answer instead of a drop
  std::uint16_t log_group = 100;     // nflog group of the drop log
};

nft::Ruleset Compile(const NodeIr& ir, const CompileOptions& options = {});

}  // namespace podgate::compiler
