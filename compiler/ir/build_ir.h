// From the cluster's state to the IR of one node. Pure.
#pragma once

#include <map>
#include <string>

#include "compiler/ir/ir.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

// The pod that owns each address: finished and hostNetwork pods own none; if two pods report the
// same address, the newer owns it (by created, then by uid, then by key). Pods on every node.
// Pointers are into `cluster`.
std::map<Address, const Pod*> Owners(const Cluster& cluster);

NodeIr BuildIr(const Cluster& cluster, const std::string& node);

}  // namespace podgate::compiler
