#include "compiler/ir/ir.h"

#include "compiler/model/selector.h"

namespace podgate::compiler {

std::string PodTerm::ToString() const {
  const std::string which = compiler::ToString(pods);
  std::string text = which.empty() ? "all pods" : "pods " + which;
  if (!ns.empty()) return text + " in namespace " + ns;
  const std::string where = compiler::ToString(namespaces);
  return text + (where.empty() ? " in all namespaces" : " in namespaces " + where);
}

}  // namespace podgate::compiler
