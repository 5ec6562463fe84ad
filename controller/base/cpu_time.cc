#include "controller/base/cpu_time.h"

#include <ctime>

namespace podgate::controller {

Clock::Duration ThreadCpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace podgate::controller
