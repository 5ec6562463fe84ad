// metav1.LabelSelector from a captured tree, validated as the API server does. Pure.
#pragma once

#include <string>

#include "compiler/decode/decode_problem.h"
#include "compiler/decode/decode_tree.h"
#include "compiler/model/model.h"

namespace podgate::compiler {

struct SelectorReading {
  // The readable requirements, canonical. When some are not readable it selects a superset.
  LabelSelector selector;
  bool clean = true;
};

SelectorReading ReadSelector(const TreeNode& node, const std::string& path, Problems* problems);

}  // namespace podgate::compiler
