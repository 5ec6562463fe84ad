// What the kernel says of this process. Any thread.
#pragma once

#include <cstdint>

namespace podgate::controller {

struct ProcessStats {
  std::uint64_t resident_bytes = 0;
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since 1970
};

// From /proc and the clocks. What cannot be read is 0.
ProcessStats ReadProcessStats();

}  // namespace podgate::controller
