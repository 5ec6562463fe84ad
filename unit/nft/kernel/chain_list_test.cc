// Everybody's chains, from the kernel.
#include "nft/kernel/chain_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>

#include "unit/nft/kernel/real_kernel.h"

namespace podgate::nft {
namespace {

class ChainListTest : public RealKernelTest {};

TEST_F(ChainListTest, TellsTheChainsOfAllFamilies) {
  auto lister = ChainLister::Open();
  ASSERT_TRUE(lister.ok()) << lister.status().message();
  EXPECT_THAT(lister.value()->List().value(), testing::IsEmpty());
  ASSERT_EQ(LoadWithNft("table ip filter {\n"
                        "  chain KUBE-ROUTER-FORWARD { }\n"
                        "  chain FORWARD { type filter hook forward priority 0; policy drop; }\n"
                        "}\n"
                        "table bridge b {\n  chain in { type filter hook input priority 0; }\n}\n"),
            "");
  const auto chains = lister.value()->List();
  ASSERT_TRUE(chains.ok()) << chains.status().message();
  EXPECT_THAT(chains.value(),
              testing::UnorderedElementsAre(
                  ListedChain{NFPROTO_IPV4, "filter", "KUBE-ROUTER-FORWARD", {}, false},
                  ListedChain{NFPROTO_IPV4, "filter", "FORWARD", NF_INET_FORWARD, true},
                  ListedChain{NFPROTO_BRIDGE, "b", "in", NF_INET_LOCAL_IN, false}));
}

}  // namespace
}  // namespace podgate::nft
