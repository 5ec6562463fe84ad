// The Kernel over a netlink socket (libmnl, libnftnl). One batch is one send; no process is ever
// started. Needs CAP_NET_ADMIN in the network namespace that the calling thread is in when it opens
// the socket.
#pragma once

#include <memory>

#include "nft/kernel/kernel.h"

namespace podgate::nft {

Result<std::unique_ptr<Kernel>> OpenNetlink();

// The same over a channel that the caller made: for tests of what happens when it fails.
class NetlinkChannel;
std::unique_ptr<Kernel> NetlinkOver(std::unique_ptr<NetlinkChannel> channel);

}  // namespace podgate::nft
