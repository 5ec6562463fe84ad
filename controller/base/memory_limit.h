// How much memory the kernel lets this process have before it kills it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace podgate::controller {

// The least limit, in bytes, of the memory cgroups that the process is in, as far as it can see
// them (memory.max, or memory.limit_in_bytes of cgroup v1); nullopt: none limits it. `root`: where
// /proc and /sys are, for tests. Reads files; any thread.
std::optional<std::uint64_t> MemoryLimit(const std::string& root = "");

}  // namespace podgate::controller
