// `podgate prepare-node`: sets the two sysctls without which packets between pods on one bridge
// never meet the rules. The agent's own container sees /proc/sys read-only; this is for an init
// container that is privileged, and does nothing else.
#pragma once

#include <iosfwd>
#include <string>

namespace podgate::controller {

inline constexpr const char* kBridgeSysctls = "/proc/sys/net/bridge";

// Exit code; says on `err` what could not be set and why. What is 1 already is not written, so that
// a container without the right to is fine where somebody else has set it.
int PrepareNode(std::ostream& out, std::ostream& err, const std::string& folder = kBridgeSysctls);

}  // namespace podgate::controller
