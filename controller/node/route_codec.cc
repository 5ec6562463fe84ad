#include "controller/node/route_codec.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "controller/node/rtnetlink_message.h"

namespace podgate::controller {
namespace {

using ipset::Family;

bool IsOn(const nlattr* attribute) {
  return mnl_attr_get_payload_len(attribute) >= 1 && mnl_attr_get_u8(attribute) != 0;
}

}  // namespace

const nlmsghdr* AskRoute(QuestionBuffer buffer, std::uint32_t sequence,
                         const ipset::Address& address, bool whole) {
  nlmsghdr* message = BeginQuestion(buffer, RTM_GETROUTE, sequence);
  auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
  header->rtm_family = address.family() == Family::kIPv4 ? AF_INET : AF_INET6;
  header->rtm_dst_len = static_cast<unsigned char>(ipset::BitsOf(address.family()));
  header->rtm_flags = whole ? RTM_F_FIB_MATCH : 0;
  mnl_attr_put(message, RTA_DST, address.bytes().size(), address.bytes().data());
  return message;
}

const nlmsghdr* AskLink(QuestionBuffer buffer, std::uint32_t sequence, int index) {
  nlmsghdr* message = BeginQuestion(buffer, RTM_GETLINK, sequence);
  auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  header->ifi_family = AF_UNSPEC;
  header->ifi_index = index;
  mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return message;
}

const nlmsghdr* TurnOnCalls(QuestionBuffer buffer, std::uint32_t sequence, int index,
                            Family family) {
  // Without NLM_F_CREATE: a link that has gone is an error. ifi_change 0: its flags stay.
  nlmsghdr* message = BeginQuestion(buffer, RTM_NEWLINK, sequence);
  auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  header->ifi_family = AF_UNSPEC;
  header->ifi_index = index;
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  // The kernel takes data only with the kind that it is for, and compares that with the link's.
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  mnl_attr_put_u8(
      message, family == Family::kIPv4 ? IFLA_BR_NF_CALL_IPTABLES : IFLA_BR_NF_CALL_IP6TABLES, 1);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
  return message;
}

std::optional<Route> DecodeRoute(const nlmsghdr* message) {
  const auto* header = HeaderOf<rtmsg>(message, RTM_NEWROUTE);
  if (header == nullptr) return std::nullopt;
  Route route;
  route.prefix_length = header->rtm_dst_len;
  VisitMessage<rtmsg>(message, [&route](int type, const nlattr* attribute) {
    if (type == RTA_OIF) route.device = NumberOf(attribute);
    if (type == RTA_GATEWAY || type == RTA_VIA) route.gateway = true;
  });
  switch (header->rtm_type) {
    case RTN_UNICAST:
      route.kind = Route::Kind::kDevice;
      break;
    case RTN_LOCAL:
    case RTN_BROADCAST:
    case RTN_ANYCAST:
      route.kind = Route::Kind::kLocal;
      break;
    default:
      route.problem = "the route rejects it";
  }
  return route;
}

std::optional<Link> DecodeLink(const nlmsghdr* message) {
  if (HeaderOf<ifinfomsg>(message, RTM_NEWLINK) == nullptr) return std::nullopt;
  Link link;
  VisitMessage<ifinfomsg>(message, [&link](int type, const nlattr* attribute) {
    if (type == IFLA_IFNAME) link.name = TextOf(attribute);
    if (type != IFLA_LINKINFO) return;
    VisitIn(attribute, [&link](int info_type, const nlattr* info) {
      if (info_type == IFLA_INFO_KIND) link.kind = TextOf(info);
      // Numbers in here mean something else for each kind.
      if (info_type != IFLA_INFO_DATA || link.kind != "bridge") return;
      VisitIn(info, [&link](int data_type, const nlattr* data) {
        if (data_type == IFLA_BR_NF_CALL_IPTABLES) link.call_iptables = IsOn(data);
        if (data_type == IFLA_BR_NF_CALL_IP6TABLES) link.call_ip6tables = IsOn(data);
      });
    });
  });
  return link;
}

}  // namespace podgate::controller
