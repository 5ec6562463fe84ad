// What the kernel says of this process. Any thread.
#pragma once

#include "controller/http/status_pages.h"

namespace podgate::controller {

// What cannot be read is 0.
ProcessStats ReadProcessStats();

}  // namespace podgate::controller
