#include "controller/node/node_addresses.h"

#include <linux/netlink.h>

#include <algorithm>
#include <array>

#include "controller/node/namespace_codec.h"
#include "nft/kernel/netlink_client.h"

namespace podgate::controller {

nft::Result<nft::Addresses> ReadNodeAddresses() {
  const auto client = nft::NetlinkClient::Open(NETLINK_ROUTE);
  if (!client.ok()) return client.status();
  std::array<char, kQuestionBytes> buffer;
  const nlmsghdr* question =
      AskAddresses(QuestionBuffer(buffer), client.value()->next_sequence(), kOwnNetns);
  nft::Addresses addresses;
  const nft::Status status = client.value()->Ask(question, [&addresses](const nlmsghdr* message) {
    const auto held = DecodeAddress(message);
    if (!held) return true;
    addresses.push_back(held->address);
    if (held->broadcast) addresses.push_back(*held->broadcast);
    return true;
  });
  if (!status.ok()) return status;
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace podgate::controller
