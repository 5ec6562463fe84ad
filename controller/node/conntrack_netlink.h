// The kernel's connections over netlink, in the network namespace of the thread that opens it.
#pragma once

#include <memory>

#include "controller/node/conntrack.h"

namespace podgate::controller {

nft::Result<std::unique_ptr<Conntrack>> OpenConntrack();

}  // namespace podgate::controller
