// Links and addresses as rtnetlink tells them: the kernel's own answers byte by byte.
#include "controller/node/namespace_codec.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>

#include "unit/controller/node/netlink_bytes.h"

namespace podgate::controller {
namespace {

using ipset::Address;

Bytes LinkBytes(int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  return Bytes()
      .Header(RTM_NEWLINK, &header, sizeof header)
      .Text(IFLA_IFNAME, "veth1")
      .Number(IFLA_MASTER, 4)
      .Number(IFLA_LINK_NETNSID, 7)
      .Number(IFLA_LINK, 9)
      .Attribute(IFLA_ADDRESS, "\x02\x42\x0a\xf4\x01\x05", 6)
      .Number(IFLA_TARGET_NETNSID, 3)
      .Nested(IFLA_LINKINFO, Bytes().Text(IFLA_INFO_KIND, "veth"));
}

Bytes AddressBytes(unsigned char family, unsigned char flags = 0) {
  ifaddrmsg header{};
  header.ifa_family = family;
  header.ifa_flags = flags;
  return Bytes().Header(RTM_NEWADDR, &header, sizeof header);
}

struct Raw {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;
};
Raw Of(const char* text) {
  Raw raw;
  const bool six = std::string(text).find(':') != std::string::npos;
  EXPECT_EQ(inet_pton(six ? AF_INET6 : AF_INET, text, raw.bytes.data()), 1);
  raw.size = six ? 16 : 4;
  return raw;
}
Bytes& With(Bytes& bytes, int type, const char* address) {
  const Raw raw = Of(address);
  return bytes.Attribute(type, raw.bytes.data(), raw.size);
}

TEST(NamespaceCodec, Links) {
  const auto link = DecodeNodeLink(LinkBytes(12).Message());
  ASSERT_TRUE(link);
  EXPECT_EQ(link->index, 12);
  EXPECT_EQ(link->name, "veth1");
  EXPECT_EQ(link->kind, "veth");
  EXPECT_EQ(link->master, 4);
  EXPECT_EQ(link->peer_netns, 7);
  EXPECT_EQ(link->peer, 9);
  EXPECT_EQ(link->netns, 3);
  EXPECT_EQ(link->mac, (compiler::MacAddress{0x02, 0x42, 0x0a, 0xf4, 0x01, 0x05}));
  ifinfomsg header{};
  header.ifi_index = 1;
  const auto lo = DecodeNodeLink(
      Bytes().Header(RTM_NEWLINK, &header, sizeof header).Text(IFLA_IFNAME, "lo").Message());
  ASSERT_TRUE(lo);
  EXPECT_EQ(lo->peer_netns, -1);
  EXPECT_EQ(lo->netns, kOwnNetns);
  EXPECT_FALSE(lo->mac);
  EXPECT_EQ(lo->kind, "");
  EXPECT_FALSE(DecodeNodeLink(LinkBytes(0).Message()));
  EXPECT_FALSE(DecodeNodeLink(AddressBytes(AF_INET).Message()));
  // A number of another size is none.
  const char byte = 3;
  header.ifi_index = 5;
  EXPECT_EQ(DecodeNodeLink(Bytes()
                               .Header(RTM_NEWLINK, &header, sizeof header)
                               .Attribute(IFLA_LINK_NETNSID, &byte, 1)
                               .Message())
                ->peer_netns,
            -1);
}

TEST(NamespaceCodec, Addresses) {
  Bytes peer = AddressBytes(AF_INET);
  With(With(peer, IFA_ADDRESS, "10.0.0.2"), IFA_LOCAL, "10.0.0.1").Number(IFA_TARGET_NETNSID, 7);
  const auto held = DecodeAddress(peer.Message());
  ASSERT_TRUE(held);
  EXPECT_EQ(held->address, *Address::Parse("10.0.0.1"));
  EXPECT_EQ(held->netns, 7);
  EXPECT_FALSE(held->broadcast);

  Bytes own = AddressBytes(AF_INET);
  With(With(own, IFA_ADDRESS, "10.0.0.1"), IFA_BROADCAST, "10.0.0.255");
  EXPECT_EQ(DecodeAddress(own.Message())->netns, kOwnNetns);
  EXPECT_EQ(DecodeAddress(own.Message())->broadcast, Address::Parse("10.0.0.255"));

  Bytes six = AddressBytes(AF_INET6, IFA_F_DADFAILED);
  With(six, IFA_ADDRESS, "fe80::1");
  EXPECT_EQ(DecodeAddress(six.Message())->address, *Address::Parse("fe80::1"));
  EXPECT_TRUE(DecodeAddress(six.Message())->duplicate);
  // The same bit means something else there.
  Bytes four = AddressBytes(AF_INET, IFA_F_DADFAILED);
  With(four, IFA_LOCAL, "10.0.0.1");
  EXPECT_FALSE(DecodeAddress(four.Message())->duplicate);
}

TEST(NamespaceCodec, OddAddresses) {
  EXPECT_FALSE(DecodeAddress(AddressBytes(AF_INET).Message()));
  EXPECT_FALSE(DecodeAddress(LinkBytes(1).Message()));
  Bytes wrong_size = AddressBytes(AF_INET6);
  With(wrong_size, IFA_LOCAL, "10.0.0.1");
  EXPECT_FALSE(DecodeAddress(wrong_size.Message()));
  Bytes other_family = AddressBytes(AF_PACKET);
  With(other_family, IFA_LOCAL, "10.0.0.1");
  EXPECT_FALSE(DecodeAddress(other_family.Message()));
}

TEST(NamespaceCodec, CutShort) {
  Bytes link = LinkBytes(12);
  for (std::size_t size = sizeof(nlmsghdr); size < link.size(); ++size) {
    const auto decoded = DecodeNodeLink(link.Message(size));
    EXPECT_EQ(decoded.has_value(), size >= sizeof(nlmsghdr) + sizeof(ifinfomsg)) << size;
  }
  Bytes address = AddressBytes(AF_INET6);
  With(address, IFA_ADDRESS, "fd00::1");
  for (std::size_t size = sizeof(nlmsghdr); size < address.size(); ++size)
    EXPECT_FALSE(DecodeAddress(address.Message(size))) << size;
}

// A namespace is asked for by its number, and not at all for this one's.
TEST(NamespaceCodec, Questions) {
  std::array<char, kQuestionBytes> buffer;
  const nlmsghdr* own = AskAddresses(QuestionBuffer(buffer), 5, kOwnNetns);
  EXPECT_EQ(own->nlmsg_len, NLMSG_LENGTH(sizeof(ifaddrmsg)));
  EXPECT_EQ(own->nlmsg_seq, 5U);
  const nlmsghdr* other = AskAddresses(QuestionBuffer(buffer), 6, 0);
  EXPECT_EQ(other->nlmsg_len, NLMSG_LENGTH(sizeof(ifaddrmsg)) + 8);
}

}  // namespace
}  // namespace podgate::controller
