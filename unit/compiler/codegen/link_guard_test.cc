#include "compiler/codegen/link_guard.h"

#include <gtest/gtest.h>

#include "nft/text/print.h"

namespace podgate::compiler {
namespace {

LinkOwner Web() {
  return {.index = 7,
          .device = "veth0a1b",
          .pod = {"shop", "web"},
          .uid = "1",
          .mac = {0x02, 0x42, 0x0a, 0xf4, 0x01, 0x05},
          .addresses = {*Address::Parse("10.244.1.5"), *Address::Parse("fd00::5")}};
}

TEST(LinkGuard, IsATableWithoutChainsForNobody) {
  const nft::Ruleset guard = LinkGuard("node-a", {});
  EXPECT_EQ(guard.family, nft::TableFamily::kNetdev);
  EXPECT_TRUE(guard.chains.empty());
  EXPECT_TRUE(guard.counters.contains("forged"));
}

TEST(LinkGuard, AsText) {
  EXPECT_EQ(nft::Print(LinkGuard("node-a", {Web()})), R"(add table netdev podgate
delete table netdev podgate
table netdev podgate {
	comment "NetworkPolicy of node node-a, kept up to date by Podgate"
	counter forged {
		packets 0 bytes 0
	}

	chain link-7 {
		type filter hook ingress device "veth0a1b" priority -500; policy accept;
		@ll,48,64 0x02420af401050800 @nh,96,32 0x0af40105 @nh,72,8 != 0x01 accept comment "shop/web from its own address"
		@ll,48,64 0x02420af401050800 @nh,72,8 0x01 goto link-7-icmp
		@ll,48,64 0x02420af4010586dd meta l4proto icmpv6 goto link-7-icmpv6
		@ll,48,64 0x02420af4010586dd @nh,64,128 0xfd000000000000000000000000000005 accept comment "shop/web from its own address"
		@ll,48,64 0x02420af401050806 @nh,0,48 0x000108000604 @nh,64,80 0x02420af401050af40105 accept comment "shop/web by its own ARP"
		@ll,48,64 0x02420af401050806 @nh,0,48 0x000108000604 @nh,64,80 0x02420af4010500000000 accept comment "shop/web by its own ARP"
		counter name "forged" drop
	}

	chain link-7-icmp {
		@th,0,8 0x05 counter name "forged" drop
		@th,0,8 0x03-0x04 @th,192,32 0x0af40105 goto link-7-own
		@th,0,8 0x03-0x04 counter name "forged" drop
		@th,0,8 0x0b-0x0c @th,192,32 0x0af40105 goto link-7-own
		@th,0,8 0x0b-0x0c counter name "forged" drop
		goto link-7-own
	}

	chain link-7-icmpv6 {
		@th,0,8 0x86 counter name "forged" drop
		@th,0,8 0x89 counter name "forged" drop
		@th,0,8 0x01-0x04 @th,256,128 0xfd000000000000000000000000000005 goto link-7-own
		@th,0,8 0x01-0x04 counter name "forged" drop
		@th,0,8 0x88 @th,64,128 0xfd000000000000000000000000000005 goto link-7-own
		@th,0,8 0x88 counter name "forged" drop
		@nh,64,128 0x00000000000000000000000000000000 @th,0,8 0x83-0x85 accept comment "shop/web before it has an address"
		@nh,64,128 0x00000000000000000000000000000000 @th,0,8 0x87 accept comment "shop/web before it has an address"
		@nh,64,128 0x00000000000000000000000000000000 @th,0,8 0x8f accept comment "shop/web before it has an address"
		goto link-7-own
	}

	chain link-7-own {
		@ll,48,64 0x02420af401050800 @nh,96,32 0x0af40105 accept comment "shop/web from its own address"
		@ll,48,64 0x02420af4010586dd @nh,64,128 0xfd000000000000000000000000000005 accept comment "shop/web from its own address"
		counter name "forged" drop
	}
}
)");
}

TEST(LinkGuard, EndsWithADropOfAllElse) {
  using Kind = nft::Verdict::Kind;
  for (const auto& [name, chain] : LinkGuard("node-a", {Web()}).chains) {
    const nft::Rule& last = chain.rules.back();
    EXPECT_TRUE(last.matches.empty()) << name;
    const auto verdict = std::get<nft::Verdict>(*last.action);
    EXPECT_TRUE(verdict == (nft::Verdict{Kind::kDrop, {}}) ||
                verdict == (nft::Verdict{Kind::kGoto, "link-7-own"}))
        << name;
  }
}

TEST(LinkGuard, WithoutAddressesNothingPasses) {
  LinkOwner owner = Web();
  owner.addresses.clear();
  EXPECT_EQ(LinkGuard("node-a", {owner}).chains.at("link-7").rules.size(), 1U);
}

TEST(LinkGuard, OfAnIpv6PodAcceptsNoArp) {
  LinkOwner owner = Web();
  owner.addresses = {*Address::Parse("fd00::5")};
  const std::string text = nft::Print(LinkGuard("node-a", {owner}));
  EXPECT_EQ(text.find("ARP"), std::string::npos) << text;
}

}  // namespace
}  // namespace podgate::compiler
