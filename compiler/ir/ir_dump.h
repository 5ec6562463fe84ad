// The IR as readable text, one fact a line (goldens, `-o ir`), and as JSON (`-o json`, apiVersion
// podgate/v1, kind NodeIR). Pure.
#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace podgate::compiler {

std::string DumpText(const NodeIr& ir);
std::string DumpJson(const NodeIr& ir);

}  // namespace podgate::compiler
