// What the reader makes of the real kernel's answers. Namespaces at the other ends of links are
// played in e2e/labs/api/cases_addresses.py.
#include "controller/node/namespace_reader.h"

#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>

#include "controller/node/rtnetlink_message.h"
#include "nft/kernel/netlink_client.h"
#include "unit/controller/node/own_namespace.h"

namespace podgate::controller {
namespace {

TEST(NamespaceReader, ThisNamespace) {
  const auto reader = OpenNamespaceReader();
  const auto links = reader->Links();
  ASSERT_TRUE(links.ok()) << links.status().message();
  const auto lo = std::find_if(links.value().begin(), links.value().end(),
                               [](const NodeLink& link) { return link.name == "lo"; });
  ASSERT_NE(lo, links.value().end());
  EXPECT_EQ(lo->peer_netns, -1);
  EXPECT_EQ(reader->WayTo(*ipset::Address::Parse("127.0.0.1")).kind, Way::Kind::kNode);
  // A number that the kernel has no namespace for.
  const auto held = reader->AddressesIn(123456789);
  ASSERT_FALSE(held.ok());
  EXPECT_EQ(held.status().code(), nft::Status::Code::kInvalid);
  // The next question is answered all the same.
  EXPECT_TRUE(reader->Links().ok());
  EXPECT_GE(reader->event_descriptor(), 0);
  reader->DiscardEvents();
}

class NamespaceReaderTest : public OwnNamespaceTest {
 protected:
  // A route to the address alone, or a rule for it, of this type.
  static void Route(const char* address, unsigned char type) {
    rtmsg header{};
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    Make(RTM_NEWROUTE, header, address, RTPROT_STATIC, type, RTA_DST);
  }
  static void Rule(const char* address, unsigned char type) {
    Make(RTM_NEWRULE, rtmsg{}, address, RTPROT_UNSPEC, type, FRA_DST);
  }
  static Way::Kind KindOf(const char* address) {
    return OpenNamespaceReader()->WayTo(*ipset::Address::Parse(address)).kind;
  }

 private:
  // (fib_rule_hdr has the same places.)
  static void Make(std::uint16_t what, rtmsg header, const char* address, unsigned char protocol,
                   unsigned char type, std::uint16_t attribute) {
    const ipset::Address to = *ipset::Address::Parse(address);
    header.rtm_family = to.family() == ipset::Family::kIPv4 ? AF_INET : AF_INET6;
    header.rtm_dst_len = static_cast<unsigned char>(ipset::BitsOf(to.family()));
    header.rtm_protocol = protocol;
    header.rtm_type = type;
    const auto client = nft::NetlinkClient::Open(NETLINK_ROUTE);
    ASSERT_TRUE(client.ok());
    std::array<char, kQuestionBytes> buffer;
    nlmsghdr* message = BeginQuestion(buffer, what, client.value()->next_sequence());
    message->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    std::memcpy(mnl_nlmsg_put_extra_header(message, sizeof header), &header, sizeof header);
    mnl_attr_put(message, attribute, to.bytes().size(), to.bytes().data());
    const nft::Status made = client.value()->Ask(message, [](const nlmsghdr*) { return true; });
    ASSERT_TRUE(made.ok()) << made.message();
  }
};

// Each is answered with an error of its own.
TEST_F(NamespaceReaderTest, RoutesAndRulesThatRejectLeadNowhere) {
  EXPECT_EQ(KindOf("192.0.2.1"), Way::Kind::kNowhere);
  EXPECT_EQ(KindOf("2001:db8::1"), Way::Kind::kNowhere);
  for (const unsigned char type : {RTN_PROHIBIT, RTN_UNREACHABLE, RTN_BLACKHOLE}) {
    const std::string v4 = "192.0.2." + std::to_string(type);
    const std::string v6 = "2001:db8::" + std::to_string(type);
    Route(v4.c_str(), type);
    Route(v6.c_str(), type);
    EXPECT_EQ(KindOf(v4.c_str()), Way::Kind::kNowhere) << v4;
    EXPECT_EQ(KindOf(v6.c_str()), Way::Kind::kNowhere) << v6;
  }
  for (const unsigned char type : {FR_ACT_PROHIBIT, FR_ACT_UNREACHABLE, FR_ACT_BLACKHOLE}) {
    const std::string v4 = "198.51.100." + std::to_string(type);
    const std::string v6 = "2001:db8:1::" + std::to_string(type);
    Rule(v4.c_str(), type);
    Rule(v6.c_str(), type);
    EXPECT_EQ(KindOf(v4.c_str()), Way::Kind::kNowhere) << v4;
    EXPECT_EQ(KindOf(v6.c_str()), Way::Kind::kNowhere) << v6;
  }
}

}  // namespace
}  // namespace podgate::controller
