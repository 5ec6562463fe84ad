// `podgate cleanup`: removes the table from the kernel, and the tombstones of cut flows, through
// netlink.
#pragma once

namespace podgate::controller {

// Exit code; says on standard error what went wrong. Fine when there is no table.
int Cleanup();

// The same, and then returns at SIGTERM or SIGINT: a DaemonSet's pod must not end. To be called
// while there is only one thread.
int CleanupAndStay();

}  // namespace podgate::controller
