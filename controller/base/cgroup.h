// Where the limits of the process's cgroups are told.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace podgate::controller {

enum class CgroupVersion : std::uint8_t { kOne, kTwo };

// Folders with the files of `controller` ("memory", "cpu"), of the cgroups that the process is in
// and of all that those are in, as far as it can see them; some may not exist. A container sees its
// own cgroup as the topmost, whatever its path is called on the host. `root`: where /proc and /sys
// are, for tests. Reads a file; any thread.
void VisitCgroups(const std::string& root, const std::string& controller,
                  const std::function<void(CgroupVersion, const std::string& folder)>& visit);

}  // namespace podgate::controller
