// The addresses of this node, from the kernel.
#pragma once

#include "nft/base/status.h"
#include "nft/conntrack/flow_judge.h"

namespace podgate::controller {

// All of both families on all interfaces of this network namespace, broadcast addresses too;
// sorted. Opens a socket of its own; any thread.
nft::Result<nft::Addresses> ReadNodeAddresses();

}  // namespace podgate::controller
