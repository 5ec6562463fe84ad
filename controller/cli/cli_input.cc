#include "controller/cli/cli_input.h"

#include <ostream>

#include "compiler/load/load_files.h"

namespace podgate::controller {

compiler::LoadResult LoadInput(const InputOptions& options, std::ostream& err) {
  compiler::LoadResult result = compiler::LoadPaths(options.paths, options.recursive);
  for (const compiler::Diagnostic& diagnostic : result.diagnostics) {
    err << diagnostic.ToString() << '\n';
  }
  return result;
}

}  // namespace podgate::controller
