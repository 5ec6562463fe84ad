// Reading the manifests that an offline command was given, and saying what was wrong with them.
#pragma once

#include <iosfwd>

#include "compiler/load/load_result.h"
#include "controller/cli/cli_offline.h"

namespace podgate::controller {

// Loads everything and prints one line to `err` for each diagnostic.
compiler::LoadResult LoadInput(const InputOptions& options, std::ostream& err);

}  // namespace podgate::controller
