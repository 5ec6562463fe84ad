// What an operator chooses about the ruleset.
#pragma once

#include <cstdint>

namespace podgate::compiler {

struct CompileOptions {
  bool pod_to_node_enforce = false;  // police pod -> own node in the input hook
  bool reject = false;               // deny with an answer instead of a drop
  std::uint16_t log_group = 100;     // nflog group of the drop log
};

}  // namespace podgate::compiler
