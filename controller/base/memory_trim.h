// Memory that reading a list needed and what follows does not. I/O: reads /proc/self/maps.
#pragma once

namespace podgate::controller {

// Returns freed heap memory to the system, and lets go of the pages of program text that start and
// list mapped: what is still called comes back by itself within a millisecond, and an agent of a
// small cluster keeps a quarter less resident. Any thread, beside others that run.
void TrimListMemory();

}  // namespace podgate::controller
