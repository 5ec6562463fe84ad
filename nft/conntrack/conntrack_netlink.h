// The kernel's connections over netlink, in the network namespace of the thread that opens it.
#pragma once

#include <memory>

#include "nft/conntrack/conntrack.h"

namespace podgate::nft {

Result<std::unique_ptr<Conntrack>> OpenConntrack();

// The same over channels that the caller made, one for requests and one for walks: for tests of
// what happens when they fail.
class NetlinkChannel;
std::unique_ptr<Conntrack> ConntrackOver(std::unique_ptr<NetlinkChannel> requests,
                                         std::unique_ptr<NetlinkChannel> walks);

}  // namespace podgate::nft
