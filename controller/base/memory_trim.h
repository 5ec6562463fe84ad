// Memory that reading a list needed and what follows does not.
#pragma once

namespace podgate::controller {

// Returns freed heap memory to the system: a list leaves several times as much of it as the agent
// needs afterwards. Some milliseconds after a large list. Any thread, beside others that run.
void TrimListMemory();

}  // namespace podgate::controller
