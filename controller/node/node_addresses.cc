#include "controller/node/node_addresses.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "nft/kernel/netlink_client.h"

extern "C" {
#include <libmnl/libmnl.h>
}

namespace podgate::controller {
namespace {

std::optional<ipset::Address> AddressIn(const nlattr* attribute, std::uint8_t family) {
  if (attribute == nullptr || (family != AF_INET && family != AF_INET6)) return std::nullopt;
  return ipset::Address::FromBytes(
      family == AF_INET ? ipset::Family::kIPv4 : ipset::Family::kIPv6,
      {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)),
       mnl_attr_get_payload_len(attribute)});
}

void Collect(const nlmsghdr* message, nft::Addresses* addresses) {
  if (message->nlmsg_type != RTM_NEWADDR ||
      mnl_nlmsg_get_payload_len(message) < sizeof(ifaddrmsg)) {
    return;
  }
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  const nlattr* local = nullptr;
  const nlattr* address = nullptr;
  const nlattr* broadcast = nullptr;
  const auto* attribute =
      static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(ifaddrmsg)));
  const char* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute)) {
    if (mnl_attr_get_type(attribute) == IFA_LOCAL) local = attribute;
    if (mnl_attr_get_type(attribute) == IFA_ADDRESS) address = attribute;
    if (mnl_attr_get_type(attribute) == IFA_BROADCAST) broadcast = attribute;
  }
  // On a link to one peer IFA_ADDRESS is the peer's.
  if (const auto own = AddressIn(local != nullptr ? local : address, header->ifa_family))
    addresses->push_back(*own);
  if (const auto all = AddressIn(broadcast, header->ifa_family)) addresses->push_back(*all);
}

}  // namespace

nft::Result<nft::Addresses> ReadNodeAddresses() {
  const auto client = nft::NetlinkClient::Open(NETLINK_ROUTE);
  if (!client.ok()) return client.status();
  char buffer[256];
  nlmsghdr* request = mnl_nlmsg_put_header(buffer);
  request->nlmsg_type = RTM_GETADDR;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = client.value()->next_sequence();
  auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifaddrmsg)));
  header->ifa_family = AF_UNSPEC;
  nft::Addresses addresses;
  const nft::Status status = client.value()->Ask(request, [&](const nlmsghdr* message) {
    Collect(message, &addresses);
    return true;
  });
  if (!status.ok()) return status;
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace podgate::controller
