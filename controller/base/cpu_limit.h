// How much of a CPU the kernel lets this process have before it makes it wait.
#pragma once

#include <optional>
#include <string>

namespace podgate::controller {

// The least limit, in CPUs (0.2: 20 ms of each 100 ms), of the cgroups that the process is in, as
// far as it can see them (cpu.max, or cpu.cfs_quota_us of cgroup v1); nullopt: none limits it.
// `root`: where /proc and /sys are, for tests. Reads files; any thread.
std::optional<double> CpuLimit(const std::string& root = "");

}  // namespace podgate::controller
