// What the agent does on kernels that lack a part, and as IPVS comes and goes.
#include "controller/node/kernel_parts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/controller/agent/loop_world.h"

namespace podgate::controller {
namespace {

using nft::KernelPart;

struct PartsWorld : LoopWorld {
  explicit PartsWorld(std::set<KernelPart> missing, bool reject = false)
      : parts(
            &kernel, reject, [this] { return conntrack; }, &clock, &log, &events),
        ipvs([this] { return ipvs_there; }, &clock, &log),
        agent({"n1", {.reject = reject}, false}, &kernel, &clock, &log,
              {.monitor = &monitor,
               .board = &board,
               .events = &events,
               .kernel_parts = &parts,
               .ipvs = &ipvs}) {
    kernel.missing = std::move(missing);
    std::vector<Message> all;
    all.push_back(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})));
    all.push_back(Upsert(Kind::kNetworkPolicy, WebPolicy()));
    for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
      all.push_back(Listed(kind));
    agent.Handle(std::move(all));
    agent.Tick();
  }
  bool Denies(nft::Hook hook = nft::Hook::kForward, bool local_socket = false) {
    nft::Packet packet;
    packet.source = *ipset::Address::Parse("10.9.9.9");
    packet.destination = *ipset::Address::Parse("10.0.0.1");
    packet.destination_port = 80;
    packet.local_socket = local_socket;
    return !nft::Interpret(Table(), hook, packet).accepted;
  }
  bool Logs() {
    const auto table = Table();
    const auto found = table.chains.find("ingress-deny");
    return found != table.chains.end() && found->second.rules.size() == 2;
  }
  void Later(Clock::Duration duration) {
    clock.Advance(duration);
    agent.Tick();
  }

  nft::Status conntrack;
  bool ipvs_there = false;
  KernelParts parts;
  IpvsWatch ipvs;
  AgentStatsBoard board{clock.Now()};
  Loop agent;
};

TEST(KernelPartsOfTheAgent, NothingIsSaidOfACompleteKernel) {
  PartsWorld world({});
  EXPECT_TRUE(world.Denies());
  EXPECT_TRUE(world.Logs());
  EXPECT_EQ(world.Logged("kernel lacks a part"), 0U);
  EXPECT_TRUE(world.events.told.empty());
}

TEST(KernelPartsOfTheAgent, WhatOnlyLoggingNeedsStopsNothingElse) {
  for (const KernelPart part : {KernelPart::kLimit, KernelPart::kLog}) {
    PartsWorld world({part});
    EXPECT_TRUE(world.agent.applier().settled());
    EXPECT_TRUE(world.Denies());
    EXPECT_FALSE(world.Logs());
    EXPECT_EQ(world.Logged("cannot apply the ruleset"), 0U);
    EXPECT_EQ(world.Logged("kernel lacks a part that the agent needs"), 1U);
    ASSERT_EQ(world.board.Read().missing_optional_parts.size(), 1U);
    EXPECT_NE(world.board.Read().missing_optional_parts[0].find("not logged; load the module"),
              std::string::npos);
    ASSERT_EQ(world.events.told.size(), 1U);
    EXPECT_EQ(world.events.told[0].reason, "KernelPartMissing");
    EXPECT_TRUE(world.events.told[0].note.starts_with("On this node the kernel has no nft_l"));

    world.kernel.missing.clear();  // somebody loads the module
    world.Later(KernelParts::kLookAgain);
    EXPECT_TRUE(world.Logs());
    EXPECT_TRUE(world.Denies());
    EXPECT_EQ(world.Logged("kernel has all parts"), 1U);
    EXPECT_TRUE(world.board.Read().missing_optional_parts.empty());
    EXPECT_EQ(world.Logged("kernel lacks a part that the agent needs"), 1U);
  }
}

TEST(KernelPartsOfTheAgent, WhatTheRulesNeedIsNamed) {
  PartsWorld world({KernelPart::kConntrack, KernelPart::kReference});
  EXPECT_FALSE(world.agent.applier().settled());
  const LoopStats stats = world.board.Read();
  ASSERT_EQ(stats.missing_parts.size(), 2U);
  EXPECT_EQ(stats.missing_parts[0],
            "the kernel has no nf_conntrack and nft_ct (CONFIG_NF_CONNTRACK and CONFIG_NFT_CT), so "
            "the agent cannot enforce policies; load the module (nf_conntrack and nft_ct), which "
            "some systems keep in a package of its own");
  EXPECT_EQ(world.Logged("kernel lacks a part that the agent needs"), 2U);
  ASSERT_EQ(world.events.told.size(), 1U);
  EXPECT_NE(world.events.told[0].note.find("nft_objref"), std::string::npos);
  world.kernel.missing.clear();
  for (int i = 0; i < 40; ++i) world.Later(std::chrono::seconds(1));
  EXPECT_TRUE(world.agent.applier().settled());
  EXPECT_TRUE(world.Denies());
  EXPECT_TRUE(world.board.Read().missing_parts.empty());
}

TEST(KernelPartsOfTheAgent, RejectIsAskedForOnlyWhenItIsChosen) {
  EXPECT_TRUE(PartsWorld({KernelPart::kReject}).agent.applier().settled());
  PartsWorld world({KernelPart::kReject}, true);
  EXPECT_FALSE(world.agent.applier().settled());
  ASSERT_EQ(world.board.Read().missing_parts.size(), 1U);
  EXPECT_NE(world.board.Read().missing_parts[0].find("--deny=reject"), std::string::npos);
}

TEST(KernelPartsOfTheAgent, FlowsThatCannotBeCutAreTold) {
  PartsWorld world({KernelPart::kLimit});
  world.conntrack = nft::Status(nft::Status::Code::kUnsupported, "no module");
  world.Later(KernelParts::kLookAgain);
  const LoopStats stats = world.board.Read();
  ASSERT_EQ(stats.missing_optional_parts.size(), 2U);
  EXPECT_NE(stats.missing_optional_parts[1].find("nf_conntrack_netlink"), std::string::npos);
}

TEST(IpvsOfTheAgent, TheOutputHookIsPolicedWhileItIsThere) {
  PartsWorld world({});
  EXPECT_FALSE(world.Denies(nft::Hook::kOutput));
  world.ipvs_there = true;
  world.Later(IpvsWatch::kLookEvery);
  EXPECT_TRUE(world.Denies(nft::Hook::kOutput));
  EXPECT_FALSE(world.Denies(nft::Hook::kOutput, true));  // a process of the node
  EXPECT_TRUE(world.Denies());
  world.ipvs_there = false;
  world.Later(IpvsWatch::kLookEvery);
  EXPECT_FALSE(world.Denies(nft::Hook::kOutput));
  EXPECT_TRUE(world.Denies());
  EXPECT_EQ(world.Table().chains.count("ipvs"), 0U);
}

}  // namespace
}  // namespace podgate::controller
