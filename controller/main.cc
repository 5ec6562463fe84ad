#include <cstdio>

#include "controller/version.h"

int main() { std::printf("podgate %s\n", podgate::controller::Version()); }
