// How pods hang on the node: the decision, and the kernel's own answers byte by byte.
#include "controller/node/attachment.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <string>
#include <vector>

#include "controller/node/route_codec.h"
#include "unit/controller/node/netlink_bytes.h"

namespace podgate::controller {
namespace {

using How = Attachment::How;
using ipset::Address;
using ipset::Family;

Route Over(int device, int length) { return {Route::Kind::kDevice, device, false, length, {}}; }
Link Device(const std::string& name, const std::string& kind) { return {name, kind, false, false}; }

How HowOf(const Route& route, const Link& link) { return Judge(route, &link, Family::kIPv4).how; }

TEST(Attachment, LinksOfAPodsOwn) {
  EXPECT_EQ(HowOf(Over(5, 32), Device("cali1", "veth")), How::kRouted);
  EXPECT_EQ(HowOf(Over(5, 32), Device("tun0", "tun")), How::kRouted);
  EXPECT_EQ(HowOf(Over(5, 32), Device("lxc1", "netkit")), How::kRouted);
  const Link veth = Device("veth1", "veth");
  EXPECT_EQ(Judge(Over(5, 128), &veth, Family::kIPv6).how, How::kRouted);
  EXPECT_EQ(Judge(Over(5, 64), &veth, Family::kIPv6).how, How::kElsewhere);
  EXPECT_EQ(HowOf(Over(5, 24), veth), How::kElsewhere);
  const Link bridge{"cni0", "bridge", true, false};
  const Attachment bridged = Judge(Over(5, 24), &bridge, Family::kIPv4);
  EXPECT_EQ(bridged.how, How::kBridged);
  EXPECT_EQ(bridged.bridge, 5);
}

TEST(Attachment, Elsewhere) {
  for (const char* kind : {"", "macvlan", "ipvlan", "macvtap", "vlan", "bond", "vxlan", "dummy",
                           "openvswitch", "made-up"})
    EXPECT_EQ(HowOf(Over(5, 24), Device("x", kind)), How::kElsewhere) << kind;
  // Whatever the device: it is not the pod's own.
  for (const char* kind : {"veth", "bridge", "tun"}) {
    EXPECT_EQ(HowOf(Over(5, 0), Device("x", kind)), How::kElsewhere) << kind;
    Route behind = Over(5, 32);
    behind.gateway = true;
    EXPECT_EQ(HowOf(behind, Device("x", kind)), How::kElsewhere) << kind;
  }
  EXPECT_EQ(HowOf(Over(0, 24), Device("x", "veth")), How::kElsewhere);
  EXPECT_EQ(Judge(Over(5, 24), nullptr, Family::kIPv4).how, How::kElsewhere);
  EXPECT_EQ(HowOf({Route::Kind::kLocal, 1, false, 32, {}}, Device("lo", "")), How::kElsewhere);
}

TEST(Attachment, SaysWhy) {
  const Link eth0 = Device("eth0", "");
  EXPECT_EQ(Judge(Over(5, 24), &eth0, Family::kIPv4).reason,
            "is reached through eth0 (a physical device), which is not a link of the pod alone");
  EXPECT_EQ(Judge({Route::Kind::kNone, 0, false, 0, "unreachable"}, nullptr, Family::kIPv4).reason,
            "cannot be reached (unreachable)");
}

// ---- bytes

Bytes RouteBytes(unsigned char type, unsigned char length) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_type = type;
  header.rtm_dst_len = length;
  return Bytes().Header(RTM_NEWROUTE, &header, sizeof header);
}

TEST(RouteCodec, Routes) {
  const auto own = DecodeRoute(RouteBytes(RTN_UNICAST, 24).Number(RTA_OIF, 7).Message());
  ASSERT_TRUE(own);
  EXPECT_EQ(own->kind, Route::Kind::kDevice);
  EXPECT_EQ(own->device, 7);
  EXPECT_EQ(own->prefix_length, 24);
  EXPECT_FALSE(own->gateway);
  EXPECT_TRUE(DecodeRoute(RouteBytes(RTN_UNICAST, 0).Number(RTA_GATEWAY, 1).Message())->gateway);
  EXPECT_TRUE(DecodeRoute(RouteBytes(RTN_UNICAST, 0).Number(RTA_VIA, 1).Message())->gateway);
  EXPECT_EQ(DecodeRoute(RouteBytes(RTN_UNICAST, 16).Number(RTA_MULTIPATH, 1).Message())->device, 0);
  EXPECT_EQ(DecodeRoute(RouteBytes(RTN_LOCAL, 32).Message())->kind, Route::Kind::kLocal);
  EXPECT_EQ(DecodeRoute(RouteBytes(RTN_BLACKHOLE, 32).Message())->kind, Route::Kind::kNone);
}

Bytes LinkBytes(const std::string& kind) {
  const ifinfomsg header{};
  const char on = 1;
  const char off = 0;
  return Bytes()
      .Header(RTM_NEWLINK, &header, sizeof header)
      .Text(IFLA_IFNAME, "cni0")
      .Nested(IFLA_LINKINFO,
              Bytes()
                  .Text(IFLA_INFO_KIND, kind)
                  .Nested(IFLA_INFO_DATA, Bytes()
                                              .Attribute(IFLA_BR_NF_CALL_IPTABLES, &off, 1)
                                              .Attribute(IFLA_BR_NF_CALL_IP6TABLES, &on, 1)));
}

TEST(RouteCodec, Links) {
  const auto bridge = DecodeLink(LinkBytes("bridge").Message());
  ASSERT_TRUE(bridge);
  EXPECT_EQ(bridge->name, "cni0");
  EXPECT_EQ(bridge->kind, "bridge");
  EXPECT_FALSE(bridge->call_iptables);
  EXPECT_TRUE(bridge->call_ip6tables);
  // The same numbers mean something else there.
  EXPECT_FALSE(DecodeLink(LinkBytes("vxlan").Message())->call_ip6tables);
}

TEST(RouteCodec, CutShortOrOfAnotherKind) {
  Bytes link = LinkBytes("bridge");
  for (std::size_t size = sizeof(nlmsghdr); size < link.size(); ++size) {
    const auto decoded = DecodeLink(link.Message(size));
    EXPECT_EQ(decoded.has_value(), size >= sizeof(nlmsghdr) + sizeof(ifinfomsg));
    // The last attribute counts when its byte is there, whatever became of its padding.
    EXPECT_TRUE(!decoded || !decoded->call_ip6tables || size > link.size() - 4) << size;
  }
  Bytes route = RouteBytes(RTN_UNICAST, 24).Number(RTA_OIF, 7);
  for (std::size_t size = sizeof(nlmsghdr); size < route.size(); ++size) {
    const auto decoded = DecodeRoute(route.Message(size));
    EXPECT_TRUE(!decoded || decoded->device == 0) << size;
  }
  EXPECT_FALSE(DecodeRoute(link.Message()));
  EXPECT_FALSE(DecodeLink(route.Message()));
}

TEST(RouteCodec, Questions) {
  char buffer[kQuestionBytes];
  const nlmsghdr* whole = AskRoute(QuestionBuffer(buffer), 9, *Address::Parse("10.244.1.5"), true);
  EXPECT_EQ(whole->nlmsg_type, RTM_GETROUTE);
  EXPECT_EQ(whole->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  EXPECT_EQ(whole->nlmsg_seq, 9U);
  ASSERT_EQ(whole->nlmsg_len, sizeof(nlmsghdr) + sizeof(rtmsg) + 8);
  const auto* header = reinterpret_cast<const rtmsg*>(buffer + sizeof(nlmsghdr));
  EXPECT_EQ(header->rtm_family, AF_INET);
  EXPECT_EQ(header->rtm_dst_len, 32);
  EXPECT_EQ(header->rtm_flags, static_cast<unsigned>(RTM_F_FIB_MATCH));
  EXPECT_EQ(std::memcmp(buffer + whole->nlmsg_len - 8, "\x08\x00\x01\x00\x0a\xf4\x01\x05", 8), 0);
  const nlmsghdr* v6 = AskRoute(QuestionBuffer(buffer), 1, *Address::Parse("fd00::1"), false);
  EXPECT_EQ(v6->nlmsg_len, sizeof(nlmsghdr) + sizeof(rtmsg) + 20);
  EXPECT_EQ(header->rtm_dst_len, 128);
  EXPECT_EQ(header->rtm_flags, 0U);
  const nlmsghdr* link = AskLink(QuestionBuffer(buffer), 1, 7);
  EXPECT_EQ(link->nlmsg_type, RTM_GETLINK);
  EXPECT_EQ(reinterpret_cast<const ifinfomsg*>(buffer + sizeof(nlmsghdr))->ifi_index, 7);
}

// All of it, byte by byte: what is not in here stays as it is.
TEST(RouteCodec, TurnsOnOneSwitchOfOneBridge) {
  for (const auto& [family, type] : {std::pair{Family::kIPv4, IFLA_BR_NF_CALL_IPTABLES},
                                     std::pair{Family::kIPv6, IFLA_BR_NF_CALL_IP6TABLES}}) {
    char buffer[kQuestionBytes];
    const nlmsghdr* request = TurnOnCalls(QuestionBuffer(buffer), 9, 7, family);
    EXPECT_EQ(request->nlmsg_type, RTM_NEWLINK);
    EXPECT_EQ(request->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);  // neither made nor replaced
    EXPECT_EQ(request->nlmsg_seq, 9U);
    ifinfomsg header{};
    header.ifi_index = 7;
    const char on = 1;
    Bytes expected;
    expected.Header(RTM_NEWLINK, &header, sizeof header)
        .Nested(IFLA_LINKINFO | NLA_F_NESTED,
                Bytes()
                    .Text(IFLA_INFO_KIND, "bridge")
                    .Nested(IFLA_INFO_DATA | NLA_F_NESTED, Bytes().Attribute(type, &on, 1)));
    ASSERT_EQ(request->nlmsg_len, expected.size());
    const auto* bytes = reinterpret_cast<const char*>(expected.Message());
    EXPECT_EQ(std::memcmp(buffer + sizeof(nlmsghdr), bytes + sizeof(nlmsghdr),
                          expected.size() - sizeof(nlmsghdr)),
              0);
  }
}

}  // namespace
}  // namespace podgate::controller
