// The kernel's connections over netlink, in the network namespace of the thread that opens it.
#pragma once

#include <memory>

#include "nft/conntrack/conntrack.h"

namespace podgate::nft {

Result<std::unique_ptr<Conntrack>> OpenConntrack();

}  // namespace podgate::nft
