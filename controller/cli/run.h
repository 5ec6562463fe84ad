// The agent: `podgate run`.
#pragma once

#include "controller/cli/run_options.h"

namespace podgate::controller {

// Runs until SIGTERM or SIGINT; the rules stay. Returns the exit code, after a sentence on standard
// error where the agent cannot start. To be called on the main thread while it is the only one.
int Run(const RunOptions& options);

}  // namespace podgate::controller
