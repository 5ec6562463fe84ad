// From the cluster's state to the IR of one node. Pure.
#pragma once

#include <string>

#include "compiler/ir/ir.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

NodeIr BuildIr(const Cluster& cluster, const std::string& node);

}  // namespace podgate::compiler
