// Requests of nf_tables that only read (nfnetlink's header), for the reader. Internal
// to nft/; one thread at a time.
#pragma once

#include <cstdint>
#include <functional>

#include "nft/kernel/netlink_client.h"
#include "nft/model/ruleset.h"

namespace podgate::nft {

// Adds attributes to a request, up to 4 KiB with its headers.
using Fill = std::function<void(nlmsghdr*)>;

// `type`: one of NFT_MSG_GET…. Objects by the dump, and one by its name; errors and `answer` as for
// NetlinkClient::Ask().
Status Dump(NetlinkClient* client, std::uint16_t type, TableFamily family, const Fill& fill,
            const NetlinkClient::Answer& answer);
// Of all families.
Status DumpAll(NetlinkClient* client, std::uint16_t type, const NetlinkClient::Answer& answer);
Status Get(NetlinkClient* client, std::uint16_t type, TableFamily family, const Fill& fill,
           const NetlinkClient::Answer& answer);

// The generation of the namespace's rules. Never kNotFound: that is said of tables.
Result<std::uint32_t> ReadGeneration(NetlinkClient* client);

}  // namespace podgate::nft
