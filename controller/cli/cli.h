// The command line of the one binary.
#pragma once

namespace podgate::controller {

// Parses the arguments, runs the command, returns the exit code.
int Main(int argc, char** argv);

}  // namespace podgate::controller
