// Opens what `podgate run` needs of the kernel's rules: the kernel itself, or the one that only
// prints, the monitor that hears of others' commits, and questions beside the rules.
#pragma once

#include <functional>
#include <memory>

#include "controller/agent/denied_packets.h"
#include "controller/base/log.h"
#include "controller/node/kernel_parts.h"
#include "controller/node/other_rules.h"
#include "nft/conntrack/conntrack.h"
#include "nft/kernel/kernel.h"
#include "nft/kernel/monitor.h"

namespace podgate::controller {

// `dry_run`: a kernel that prints each change on standard output; it begins with the table of this
// node where that can be read.
nft::Result<std::unique_ptr<nft::Kernel>> OpenKernel(bool dry_run, Logger* log);

// Whether the kernel can have the source guard. False if that is not wanted, which removes what an
// earlier agent left of it; and false, after a line in the log, where the kernel cannot hold a
// chain at the ingress of a device (CONFIG_NF_TABLES_NETDEV, CONFIG_NETFILTER_INGRESS).
bool PrepareSourceGuard(bool wanted, nft::Kernel* kernel, Logger* log);

// Podgate's table of that family; success too where there is none, or where the kernel cannot have
// any.
nft::Status RemoveTable(nft::Kernel* kernel, nft::TableFamily family);

// nullptr, after a line in the log, where the kernel tells nobody about commits; nullptr in a dry
// run, which does not look at what others do.
std::unique_ptr<nft::Monitor> OpenCommitMonitor(bool dry_run, Logger* log);

// How /metrics reads the table's counters: on one socket, which is opened at the first reading. A
// dry run has no table.
DeniedPackets::ReadCounter OpenCounters(bool dry_run);

// Whether the kernel answers questions about conntrack: over sockets that the first question opens
// and that stay open. Closing one takes 10 to 20 ms, in which nothing is committed, and while a
// module is missing the question is asked for ever. They are no one else's: others are used by the
// thread that cuts flows.
KernelParts::AskConntrack AskOver(
    std::function<nft::Result<std::unique_ptr<nft::Conntrack>>()> open);

// Everybody's chains, over one socket that the first question opens.
OtherRulesWatch::List ListChains();

}  // namespace podgate::controller
