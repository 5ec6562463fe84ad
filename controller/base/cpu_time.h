// What a thread has used of a CPU: on a busy machine work takes long and costs little.
#pragma once

#include "controller/base/clock.h"

namespace podgate::controller {

// Of the calling thread, so far.
Clock::Duration ThreadCpuTime();

}  // namespace podgate::controller
