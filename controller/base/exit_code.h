// What the process answers to its caller.
#pragma once

namespace podgate::controller {

enum ExitCode : int {
  kExitOk = 0,
  kExitNegative = 1,     // the question was answered with no: explain denied
  kExitUsage = 2,        // the command line itself is wrong
  kExitUnreachable = 3,  // no API server, no access to the kernel, or nowhere to write to
  kExitBadInput = 4,     // manifests, dumps or probes that cannot be read, or hold nothing
};

}  // namespace podgate::controller
