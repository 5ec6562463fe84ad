#include <ios>

#include "controller/cli/cli.h"
#include "controller/cli/standard_output.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  podgate::controller::StandardOutput output;
  return output.Finish(podgate::controller::Main(argc, argv));
}
