// Routes and links of the real kernel, in a network namespace of the test's own.
#include "controller/node/node_links.h"

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "controller/node/node_addresses.h"
#include "unit/controller/node/own_namespace.h"

namespace podgate::controller {
namespace {

class NodeLinksTest : public OwnNamespaceTest {
 protected:
  static Route To(NodeLinks* links, const char* address) {
    return links->RouteTo(*ipset::Address::Parse(address));
  }
};

TEST_F(NodeLinksTest, RoutesAndLinks) {
  const auto links = OpenNodeLinks();
  EXPECT_EQ(To(links.get(), "127.0.0.1").kind, Route::Kind::kLocal);
  EXPECT_EQ(To(links.get(), "::1").kind, Route::Kind::kLocal);
  for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
    const Route none = To(links.get(), address);
    EXPECT_EQ(none.kind, Route::Kind::kNone);
    EXPECT_NE(none.problem.find("unreachable"), std::string::npos) << none.problem;
  }
  // After refusals the next question is answered all the same.
  const auto lo = links->LinkOf(1);
  ASSERT_TRUE(lo.ok()) << lo.status().message();
  EXPECT_EQ(lo.value().name, "lo");
  EXPECT_EQ(lo.value().kind, "");
  EXPECT_FALSE(links->LinkOf(4711).ok());
}

// Two bridges: the one that is asked for gets the one switch, and the sysctls stay.
TEST_F(NodeLinksTest, TurnsOnABridgesOwnSwitch) {
  const int any = socket(AF_INET, SOCK_DGRAM, 0);
  for (const char* name : {"cni0", "virbr0"}) {
    if (ioctl(any, SIOCBRADDBR, name) == 0) continue;
    const std::string problem = std::string("cannot make a bridge: ") + std::strerror(errno);
    close(any);
    if (std::getenv("CI") != nullptr) FAIL() << problem;
    GTEST_SKIP() << problem;
  }
  close(any);
  const int bridge = static_cast<int>(if_nametoindex("cni0"));
  const int other = static_cast<int>(if_nametoindex("virbr0"));
  const auto links = OpenNodeLinks();
  const auto before = links->Filter(ipset::Family::kIPv6);
  const nft::Status set = links->TurnFilterOn(bridge, ipset::Family::kIPv6);
  ASSERT_TRUE(set.ok()) << set.message();
  EXPECT_TRUE(links->LinkOf(bridge).value().call_ip6tables);
  EXPECT_FALSE(links->LinkOf(bridge).value().call_iptables);
  EXPECT_FALSE(links->LinkOf(other).value().call_ip6tables);
  EXPECT_EQ(links->Filter(ipset::Family::kIPv6).state, before.state);
  EXPECT_FALSE(links->TurnFilterOn(4711, ipset::Family::kIPv4).ok());
  EXPECT_FALSE(links->TurnFilterOn(1, ipset::Family::kIPv4).ok());  // lo is no bridge
}

TEST_F(NodeLinksTest, KnowsTheNodesAddresses) {
  const auto addresses = ReadNodeAddresses();
  ASSERT_TRUE(addresses.ok()) << addresses.status().message();
  EXPECT_EQ(addresses.value(),
            (nft::Addresses{*ipset::Address::Parse("127.0.0.1"), *ipset::Address::Parse("::1")}));
}

}  // namespace
}  // namespace podgate::controller
