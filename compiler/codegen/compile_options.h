// What an operator chooses about the ruleset.
#pragma once

#include <cstdint>
#include <vector>

#include "ipset/address.h"

namespace podgate::compiler {

struct CompileOptions {
  bool pod_to_node_enforce = false;  // police pod -> own node in the input hook
  bool reject = false;               // deny with an answer instead of a drop
  bool log_denied = true;            // denied packets go to the drop log
  std::uint16_t log_group = 100;     // nflog group of the drop log
  bool ipvs = false;                 // police what IPVS forwards, in the output hook
  // Addresses that mean many at once (multicast, broadcast): what is sent there reaches pods
  // whatever isolates them, so that it is denied while a pod of the node is isolated for ingress.
  std::vector<ipset::Prefix> groups{};
  friend bool operator==(const CompileOptions&, const CompileOptions&) = default;
};

}  // namespace podgate::compiler
