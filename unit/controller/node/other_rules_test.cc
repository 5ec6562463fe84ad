// Which chains of others are told of.
#include "controller/node/other_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>

#include <utility>

namespace podgate::controller {
namespace {

using nft::ListedChain;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint32_t kForward = NF_INET_FORWARD;

TEST(OtherRules, EnforcersAreNamedOnceEach) {
  const std::vector<ListedChain> chains{{NFPROTO_IPV4, "filter", "KUBE-ROUTER-FORWARD", {}, false},
                                        {NFPROTO_IPV4, "filter", "KUBE-NWPLCY-DEFAULT", {}, false},
                                        {NFPROTO_IPV6, "filter", "cali-FORWARD", {}, false},
                                        {NFPROTO_IPV4, "filter", "KUBE-SERVICES", {}, false},
                                        {NFPROTO_IPV4, "filter", "FLANNEL-FWD", {}, false},
                                        {NFPROTO_IPV4, "filter", "DOCKER-USER", {}, false}};
  EXPECT_THAT(
      OtherRules(chains, "podgate"),
      ElementsAre("chains of another policy enforcer (kube-router or k3s) are in this kernel, as "
                  "KUBE-ROUTER-FORWARD of table ip filter: what it denies is denied, whatever the "
                  "policies allow; remove them if it does not run here any more",
                  HasSubstr("(Calico) are in this kernel, as cali-FORWARD of table ip6 filter")));
}

TEST(OtherRules, ForwardChainsThatDropAndNoOthers) {
  const std::vector<ListedChain> chains{
      {NFPROTO_IPV4, "filter", "FORWARD", kForward, true},
      {NFPROTO_IPV4, "filter", "INPUT", NF_INET_LOCAL_IN, true},
      {NFPROTO_IPV6, "filter", "FORWARD", kForward, false},
      {NFPROTO_INET, "podgate", "forward", kForward, true},  // ours
      {NFPROTO_ARP, "filter", "FORWARD", kForward, true},
      {NFPROTO_BRIDGE, "podgate", "forward", kForward, true}};
  EXPECT_THAT(OtherRules(chains, "podgate"),
              ElementsAre("chain FORWARD of table ip filter drops forwarded packets that none of "
                          "its rules accepts (policy drop): pods may be unreachable though the "
                          "policies allow it",
                          HasSubstr("chain forward of table bridge podgate drops")));
}

TEST(OtherRules, AreBounded) {
  std::vector<ListedChain> chains;
  for (int i = 0; i < 1000; ++i)
    chains.push_back({NFPROTO_INET, std::to_string(i), "f", kForward, true});
  EXPECT_THAT(OtherRules(chains, "podgate"), SizeIs(kMostOtherRules));
}

TEST(OtherRulesWatch, TellsWhatIsNewAndWhenAllIsGone) {
  nft::Result<std::vector<ListedChain>> chains = std::vector<ListedChain>();
  std::string logged;
  Logger log(Logger::Format::kText, LogLevel::kInfo,
             [&](std::string_view line) { logged += line; });
  OtherRulesWatch watch([&] { return chains; }, "podgate", &log);
  watch.Look();
  EXPECT_EQ(logged, "");
  chains = std::vector<ListedChain>{{NFPROTO_IPV4, "filter", "FORWARD", kForward, true}};
  for (int i = 0; i < 2; ++i) watch.Look();
  EXPECT_THAT(watch.found(), SizeIs(1));
  EXPECT_THAT(std::exchange(logged, ""), HasSubstr("chain FORWARD of table ip filter"));
  chains = nft::Status(nft::Status::Code::kInterrupted, "again");
  watch.Look();
  EXPECT_THAT(watch.found(), SizeIs(1));
  EXPECT_EQ(logged, "") << "told once";
  chains = std::vector<ListedChain>();
  watch.Look();
  EXPECT_THAT(watch.found(), IsEmpty());
  EXPECT_THAT(logged, HasSubstr("no other rules in this kernel"));
}

}  // namespace
}  // namespace podgate::controller
