#include "controller/http/process_stats.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

namespace podgate::controller {
namespace {

// Seconds since boot at which the process started: the 22nd field of its stat, the 20th behind the
// name in brackets, which may hold anything.
double StartedAfterBoot() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return 0;
  std::size_t at = name_end + 2;
  for (int field = 3; field < 22; ++field) at = text.find(' ', at) + 1;
  return std::strtod(text.c_str() + at, nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double Seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  std::uint64_t virtual_pages = 0;
  std::uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  stats.resident_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  stats.cpu_seconds = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  stats.start_time_seconds = Seconds(CLOCK_REALTIME) - Seconds(CLOCK_BOOTTIME) + StartedAfterBoot();
  return stats;
}

}  // namespace podgate::controller
