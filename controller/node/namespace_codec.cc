#include "controller/node/namespace_codec.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "controller/node/rtnetlink_message.h"

namespace podgate::controller {

namespace {

std::optional<compiler::MacAddress> MacOf(const nlattr* attribute) {
  compiler::MacAddress mac{};
  if (mnl_attr_get_payload_len(attribute) != mac.size()) return std::nullopt;
  std::memcpy(mac.data(), mnl_attr_get_payload(attribute), mac.size());
  return mac;
}

}  // namespace

const nlmsghdr* AskLinks(QuestionBuffer buffer, std::uint32_t sequence, int netns) {
  nlmsghdr* message = BeginQuestion(buffer, RTM_GETLINK, sequence);
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  header->ifi_family = AF_UNSPEC;
  mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  if (netns != kOwnNetns)
    mnl_attr_put_u32(message, IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(netns));
  return message;
}

const nlmsghdr* AskAddresses(QuestionBuffer buffer, std::uint32_t sequence, int netns) {
  nlmsghdr* message = BeginQuestion(buffer, RTM_GETADDR, sequence);
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
  header->ifa_family = AF_UNSPEC;
  if (netns != kOwnNetns)
    mnl_attr_put_u32(message, IFA_TARGET_NETNSID, static_cast<std::uint32_t>(netns));
  return message;
}

std::optional<NodeLink> DecodeNodeLink(const nlmsghdr* message) {
  const auto* header = HeaderOf<ifinfomsg>(message, RTM_NEWLINK);
  if (header == nullptr || header->ifi_index <= 0) return std::nullopt;
  NodeLink link;
  link.index = header->ifi_index;
  VisitMessage<ifinfomsg>(message, [&link](int type, const nlattr* attribute) {
    if (type == IFLA_IFNAME) link.name = TextOf(attribute);
    if (type == IFLA_MASTER) link.master = NumberOf(attribute);
    if (type == IFLA_LINK_NETNSID && mnl_attr_get_payload_len(attribute) == sizeof(std::int32_t))
      link.peer_netns = NumberOf(attribute);
    if (type == IFLA_LINK) link.peer = NumberOf(attribute);
    if (type == IFLA_ADDRESS) link.mac = MacOf(attribute);
    if (type == IFLA_TARGET_NETNSID && mnl_attr_get_payload_len(attribute) == sizeof(std::int32_t))
      link.netns = NumberOf(attribute);
    if (type != IFLA_LINKINFO) return;
    VisitIn(attribute, [&link](int info_type, const nlattr* info) {
      if (info_type == IFLA_INFO_KIND) link.kind = TextOf(info);
    });
  });
  return link;
}

std::optional<HeldAddress> DecodeAddress(const nlmsghdr* message) {
  const auto* header = HeaderOf<ifaddrmsg>(message, RTM_NEWADDR);
  if (header == nullptr || (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
    return std::nullopt;
  const auto family = header->ifa_family == AF_INET ? ipset::Family::kIPv4 : ipset::Family::kIPv6;
  HeldAddress held;
  held.link = static_cast<int>(header->ifa_index);
  held.prefix_length = header->ifa_prefixlen;
  held.duplicate = family == ipset::Family::kIPv6 && (header->ifa_flags & IFA_F_DADFAILED) != 0;
  std::optional<ipset::Address> local;
  std::optional<ipset::Address> address;
  VisitMessage<ifaddrmsg>(message, [&](int type, const nlattr* attribute) {
    if (type == IFA_LOCAL) local = AddressOf(attribute, family);
    if (type == IFA_ADDRESS) address = AddressOf(attribute, family);
    if (type == IFA_BROADCAST) held.broadcast = AddressOf(attribute, family);
    if (type == IFA_TARGET_NETNSID && mnl_attr_get_payload_len(attribute) == sizeof(std::int32_t))
      held.netns = NumberOf(attribute);
  });
  // On a link to one peer IFA_ADDRESS is the peer's.
  const auto own = local ? local : address;
  if (!own) return std::nullopt;
  held.address = *own;
  return held;
}

}  // namespace podgate::controller
