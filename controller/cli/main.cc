#include "controller/cli/cli.h"

int main(int argc, char** argv) { return podgate::controller::Main(argc, argv); }
