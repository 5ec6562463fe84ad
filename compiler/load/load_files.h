// Manifests and dumps from files, directories and standard input into one cluster: the only I/O of
// the compiler, for the command line. The texts are read by load_text.h.
#pragma once

#include <string>
#include <vector>

#include "compiler/load/load_result.h"

namespace podgate::compiler {

// Reads FILE, DIR (its *.yaml, *.yml and *.json; with `recursive` below it too) or "-", in the
// order given, and completes the result (load_result.h). What cannot be read is a diagnostic.
LoadResult LoadPaths(const std::vector<std::string>& paths, bool recursive);

}  // namespace podgate::compiler
