// Opens what `podgate run` needs of the kernel's rules: the kernel itself, or the one that only
// prints, and the monitor that hears of others' commits.
#pragma once

#include <memory>

#include "controller/agent/denied_packets.h"
#include "controller/base/log.h"
#include "nft/kernel/kernel.h"
#include "nft/kernel/monitor.h"

namespace podgate::controller {

// `dry_run`: a kernel that prints each change on standard output; it begins with the table of this
// node where that can be read.
nft::Result<std::unique_ptr<nft::Kernel>> OpenKernel(bool dry_run, Logger* log);

// nullptr, after a line in the log, where the kernel tells nobody about commits; nullptr in a dry
// run, which does not look at what others do.
std::unique_ptr<nft::Monitor> OpenCommitMonitor(bool dry_run, Logger* log);

// How /metrics reads the table's counters: on one socket, which is opened at the first reading. A
// dry run has no table.
DeniedPackets::ReadCounter OpenCounters(bool dry_run);

}  // namespace podgate::controller
