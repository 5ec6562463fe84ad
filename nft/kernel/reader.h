// Reads one table back from the kernel. Internal to nft/; one thread at a time.
#pragma once

#include <optional>
#include <string>

#include "nft/kernel/netlink_client.h"
#include "nft/model/ruleset.h"

namespace podgate::nft {

// A consistent picture: no commit happened between its first and its last dump. nullopt: no such
// table.
Result<std::optional<Ruleset>> ReadTable(NetlinkClient* client, TableFamily family,
                                         const std::string& table);

// Whether the table of that name is exactly this one, as SameForKernel() says, without a copy of
// the elements. Commits during the call may be missed, earlier ones never; "false" is only said of
// one moment.
Result<bool> HoldsTable(NetlinkClient* client, const Ruleset& wanted);

}  // namespace podgate::nft
