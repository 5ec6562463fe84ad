// `podgate cleanup`: removes the table from the kernel, and the seals of cut flows, through
// netlink.
#pragma once

namespace podgate::controller {

// Exit code; says on standard error what went wrong. Fine when there is no table.
int Cleanup();

}  // namespace podgate::controller
