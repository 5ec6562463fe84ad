// Reading the manifests that an offline command was given, and saying what was wrong with them.
#pragma once

#include <iosfwd>
#include <optional>

#include "compiler/load/load_result.h"
#include "controller/cli/cli_offline.h"

namespace podgate::controller {

// Loads everything and prints to `err`: one line for each diagnostic, a warning for each policy
// kind that is not enforced and for namespaces without labels, and what was read. nullopt if
// nothing was found, after a sentence. The diagnostics left are the printed ones.
std::optional<compiler::LoadResult> LoadInput(const InputOptions& options, std::ostream& err);

// "read 3 files: 1 policy, 2 pods; skipped 4 documents that are not Kubernetes objects".
std::string Summary(const compiler::LoadCounts& counts);

}  // namespace podgate::controller
