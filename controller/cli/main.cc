#include <iostream>

#include "controller/cli/cli.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return podgate::controller::Main(argc, argv);
}
