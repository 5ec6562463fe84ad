// Which flows are worth a question, and the answers, over a ruleset such as the compiler makes.
#include "nft/conntrack/flow_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nft/conntrack/flow_scope.h"
#include "nft/model/interpret.h"
#include "unit/nft/conntrack/flows.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

using testing::ElementsAre;

Rule RuleOf(std::vector<Match> matches, Verdict verdict) {
  Rule rule;
  rule.matches = std::move(matches);
  rule.action = std::move(verdict);
  return rule;
}

// 10.0.0.2 and fd00::2 take tcp/80 from 10.0.0.1, 10.0.0.2 also all from 10.9.0.0/16; 10.0.0.3 may
// send nothing. The node's own input is policed for 10.0.0.3 as well.
Ruleset Rules() {
  Ruleset rules;
  const auto map = [&](const char* name, Field field, std::vector<const char*> addresses,
                       const char* chain) {
    Set& set = rules.sets[name];
    set.name = name;
    set.key = {field};
    set.verdict_map = true;
    for (const char* address : addresses)
      set.elements.push_back({AddressKey(At(address)), "", Verdict{Verdict::Kind::kGoto, chain}});
  };
  map("ingress4", Field::kIpv4Addr, {"10.0.0.2"}, "in");
  map("ingress6", Field::kIpv6Addr, {"fd00::2"}, "in");
  map("egress4", Field::kIpv4Addr, {"10.0.0.3"}, "deny");
  map("ports", Field::kInetService, {}, "deny");
  Set& peers = rules.sets["peers"];
  peers.name = "peers";
  peers.key = {Field::kIpv4Addr};
  peers.elements = {{AddressKey(At("10.0.0.1")), "", std::nullopt}};
  rules.chains["deny"] = {"deny", std::nullopt, {RuleOf({}, {Verdict::Kind::kDrop})}};
  rules.chains["in"] = {
      "in",
      std::nullopt,
      {RuleOf({MatchPort{kTcp, 80, 80}, MatchAddressSet{Side::kSource, Family::kIPv4, "peers"}},
              {}),
       RuleOf({MatchPrefix{Side::kSource, ipset::Prefix(At("10.9.0.0"), 16)}}, {}),
       RuleOf({}, {Verdict::Kind::kDrop})}};
  Chain& forward = rules.chains["forward"];
  forward = {"forward", BaseHook{Hook::kForward, -5}, {RuleOf({MatchCtState{}}, {})}};
  const auto dispatch = [](Chain* chain, Side side, Family family, const char* name) {
    Rule rule;
    rule.action = VmapAddress{side, family, name};
    chain->rules.push_back(rule);
  };
  dispatch(&forward, Side::kSource, Family::kIPv4, "egress4");
  dispatch(&forward, Side::kDestination, Family::kIPv4, "ingress4");
  dispatch(&forward, Side::kDestination, Family::kIPv6, "ingress6");
  Chain& host = rules.chains["host"];
  host = {"host", BaseHook{Hook::kInput, -5}, {RuleOf({MatchCtState{}}, {})}};
  dispatch(&host, Side::kSource, Family::kIPv4, "egress4");
  return rules;
}

FlowDecision Judge(const Ruleset& rules, const Flow& flow, Hook hook = Hook::kForward) {
  return FlowJudge(rules).Judge({flow, hook, std::nullopt});
}

TEST(FlowJudge, EstablishedOrNotThePolicyDecides) {
  const Ruleset rules = Rules();
  EXPECT_EQ(Judge(rules, PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80)), FlowDecision::kLives);
  EXPECT_EQ(Judge(rules, PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 81)), FlowDecision::kCut);
  EXPECT_EQ(Judge(rules, PlainFlow("10.0.0.1", "10.0.0.2", kUdp, 80)), FlowDecision::kCut);
  EXPECT_EQ(Judge(rules, PlainFlow("10.0.0.4", "10.0.0.2", kTcp, 80)), FlowDecision::kCut);
  EXPECT_EQ(Judge(rules, PlainFlow("10.9.0.4", "10.0.0.2", kSctp, 7)), FlowDecision::kLives);
  EXPECT_EQ(Judge(rules, PlainFlow("fd00::1", "fd00::2", kTcp, 80)), FlowDecision::kCut);
  EXPECT_EQ(Judge(rules, PlainFlow("10.0.0.3", "10.0.0.7", kTcp, 80)), FlowDecision::kCut);
}

TEST(FlowJudge, OnlyTheInitiatorIsJudged) {
  const Ruleset rules = Rules();
  // The isolated ends began these themselves, or only answer.
  EXPECT_EQ(Judge(rules, PlainFlow("10.0.0.2", "10.0.0.4", kTcp, 80)), FlowDecision::kLives);
  EXPECT_EQ(Judge(rules, PlainFlow("10.0.0.4", "10.0.0.3", kTcp, 80)), FlowDecision::kLives);
}

TEST(FlowJudge, AConnectionOlderThanItsEntryIsJudgedByWhoBeganIt) {
  const Ruleset rules = Rules();
  const auto server_first = [](const char* client, const char* server, std::uint16_t port) {
    Flow flow = PlainFlow(client, server, kTcp, port);
    std::swap(flow.original, flow.reply);
    flow.picked_up = true;
    return flow;
  };
  EXPECT_EQ(Judge(rules, server_first("10.0.0.4", "10.0.0.2", 80)), FlowDecision::kCut);
  EXPECT_EQ(Judge(rules, server_first("10.0.0.1", "10.0.0.2", 80)), FlowDecision::kLives);
  EXPECT_EQ(Judge(rules, server_first("10.0.0.2", "10.0.0.4", 80)), FlowDecision::kLives);
  EXPECT_EQ(Judge(rules, server_first("10.0.0.3", "10.0.0.4", 80)), FlowDecision::kCut);
  const FlowFilter filter{JudgedAddresses(rules), {At("192.168.0.1")}};
  // A probe of the node, and what a pod asks of the node.
  EXPECT_FALSE(filter.Interesting(server_first("192.168.0.1", "10.0.0.2", 80)));
  EXPECT_TRUE(filter.Interesting(server_first("10.0.0.3", "192.168.0.1", 80)));
  EXPECT_EQ(filter.HookOf(server_first("10.0.0.3", "192.168.0.1", 80)), Hook::kInput);
  EXPECT_EQ(filter.HookOf(server_first("10.0.0.1", "10.0.0.2", 80)), Hook::kForward);
  FlowScope scope;
  scope.Add({At("10.0.0.2"), Side::kDestination});
  EXPECT_TRUE(scope.Contains(server_first("10.0.0.4", "10.0.0.2", 80)));
  EXPECT_FALSE(scope.Contains(server_first("10.0.0.2", "10.0.0.4", 80)));
}

TEST(FlowJudge, EchoesNeedAnEntryWithoutPorts) {
  const Ruleset rules = Rules();
  EXPECT_EQ(Judge(rules, EchoFlow("10.0.0.1", "10.0.0.2")), FlowDecision::kCut);
  EXPECT_EQ(Judge(rules, EchoFlow("10.9.0.1", "10.0.0.2")), FlowDecision::kLives);
}

TEST(FlowJudge, ServicesAreJudgedByThePodBehindThem) {
  Flow flow = PlainFlow("10.0.0.1", "10.96.0.1", kTcp, 443);
  flow.reply = {At("10.0.0.2"), At("192.168.0.1"), 80, 61000};
  EXPECT_EQ(Judge(Rules(), flow), FlowDecision::kLives);
  flow.reply.source_port = 81;
  EXPECT_EQ(Judge(Rules(), flow), FlowDecision::kCut);
}

TEST(FlowJudge, ARelatedFlowFollowsTheOneThatAnnouncedIt) {
  const Ruleset rules = Rules();
  const Flow data = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 30000);
  const Flow allowed = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  const Flow denied = PlainFlow("10.0.0.4", "10.0.0.2", kTcp, 80);
  const FlowJudge judge(rules);
  EXPECT_EQ(judge.Judge({data, Hook::kForward, FirstPacket(allowed)}), FlowDecision::kLives);
  EXPECT_EQ(judge.Judge({data, Hook::kForward, FirstPacket(denied)}), FlowDecision::kCut);
  EXPECT_EQ(judge.Judge({data, Hook::kForward, std::nullopt}), FlowDecision::kCut);
}

TEST(FlowJudge, ATombstoneGoesWhenItsFlowIsAllowedAgain) {
  const Ruleset rules = Rules();
  EXPECT_EQ(Judge(rules, TombstoneOf(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80))),
            FlowDecision::kRemoveTombstone);
  EXPECT_EQ(Judge(rules, TombstoneOf(PlainFlow("10.0.0.4", "10.0.0.2", kTcp, 80))),
            FlowDecision::kLives);
}

TEST(FlowJudge, AFlowToTheNodeIsJudgedByTheInputHook) {
  Ruleset rules = Rules();
  const Flow flow = PlainFlow("10.0.0.3", "192.168.0.1", kTcp, 80);
  EXPECT_EQ(Judge(rules, flow, Hook::kInput), FlowDecision::kCut);
  rules.chains.erase("host");
  EXPECT_EQ(Judge(rules, flow, Hook::kInput), FlowDecision::kLives);
}

TEST(FlowFilter, KnowsTheAddressesThatCanBeJudged) {
  EXPECT_THAT(JudgedAddresses(Rules()), ElementsAre(At("10.0.0.2"), At("10.0.0.3"), At("fd00::2")));
}

TEST(FlowFilter, PassesOverWhatNoPolicyCanDeny) {
  const FlowFilter filter{JudgedAddresses(Rules()), {At("10.0.0.255"), At("192.168.0.1")}};
  EXPECT_TRUE(filter.Interesting(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80)));
  EXPECT_TRUE(filter.Interesting(PlainFlow("10.0.0.2", "10.0.0.1", kTcp, 80)));
  EXPECT_FALSE(filter.Interesting(PlainFlow("10.0.0.1", "10.0.0.4", kTcp, 80)));
  // From the node itself: never through the forward hook.
  EXPECT_FALSE(filter.Interesting(PlainFlow("192.168.0.1", "10.0.0.2", kTcp, 80)));
  // The service's address is nobody's, the pod behind it counts; so does the client before SNAT.
  Flow service = PlainFlow("10.0.0.1", "10.96.0.1", kTcp, 80);
  EXPECT_FALSE(filter.Interesting(service));
  service.reply.source = At("10.0.0.2");
  service.reply.destination = At("192.168.0.1");
  EXPECT_TRUE(filter.Interesting(service));
  // To groups and broadcast addresses.
  EXPECT_FALSE(filter.Interesting(PlainFlow("10.0.0.3", "224.0.0.251", kUdp, 5353)));
  EXPECT_FALSE(filter.Interesting(PlainFlow("10.0.0.3", "255.255.255.255", kUdp, 67)));
  EXPECT_FALSE(filter.Interesting(PlainFlow("fd00::2", "ff02::fb", kUdp, 5353)));
  EXPECT_EQ(filter.HookOf(PlainFlow("10.0.0.3", "10.0.0.255", kUdp, 7)), Hook::kInput);
  EXPECT_EQ(filter.HookOf(PlainFlow("10.0.0.3", "10.0.0.7", kUdp, 7)), Hook::kForward);
}

TEST(FlowFilter, TombstonesAreOfInterestAlways) {
  const FlowFilter filter{{}, {At("192.168.0.1")}};
  EXPECT_TRUE(filter.Interesting(TombstoneOf(PlainFlow("10.0.0.1", "10.0.0.4", kTcp, 80))));
  EXPECT_EQ(filter.HookOf(TombstoneOf(PlainFlow("10.0.0.3", "192.168.0.1", kTcp, 80))),
            Hook::kInput);
}

// Verdicts without a trace are those of the interpreter with one.
TEST(Verdicts, AreThoseOfTheInterpreter) {
  const std::uint32_t seed = SeedOf(20260);
  SCOPED_TRACE(testing::Message() << "PODGATE_SEED=" << seed);
  RandomRuleset random(seed);
  int denied = 0;
  for (int round = 0; round < 60; ++round) {
    const Ruleset ruleset = random.Make();
    const Verdicts verdicts(ruleset);
    for (int i = 0; i < 50; ++i) {
      Packet packet;
      const bool v4 = random.Below(2) == 0;
      packet.source = At(v4 ? "10.0.0.1" : "fd00::1");
      packet.destination = At(v4 ? "10.0.0.2" : "fd00::2");
      constexpr std::uint8_t kProtocols[] = {kTcp, kUdp, kSctp, kIcmp, kIcmpv6, 47};
      packet.protocol = kProtocols[random.Below(6)];
      packet.destination_port = static_cast<std::uint16_t>(random.Below(3) * 40);
      packet.state = static_cast<Packet::State>(random.Below(4));
      const Hook hook = random.Below(2) == 0 ? Hook::kForward : Hook::kInput;
      const Interpretation outcome = Interpret(ruleset, hook, packet);
      EXPECT_EQ(verdicts.Accepts(hook, packet), outcome.accepted)
          << testing::PrintToString(outcome.trace);
      denied += outcome.accepted ? 0 : 1;
    }
  }
  EXPECT_GT(denied, 20);
}

}  // namespace
}  // namespace podgate::nft
