// Which flows a change may deny.
#include "nft/conntrack/flow_scope.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/nft/conntrack/flows.h"

namespace podgate::nft {
namespace {

Element Leads(const std::string& address, const std::string& chain) {
  return {AddressKey(At(address.c_str())), "", Verdict{Verdict::Kind::kGoto, chain}};
}
Element Member(const std::string& address) {
  return {AddressKey(At(address.c_str())), "", std::nullopt};
}

// Pods 10.0.0.1 to 10.0.0.N, each with a chain that leads to that of their class, which takes
// packets from the set `peers`, from the blocks in `blocks`, and otherwise asks the map `ports`.
Ruleset Isolating(int pods, const std::vector<std::string>& peers) {
  Ruleset rules;
  Set& map = rules.sets["ingress4"];
  map = {.name = "ingress4", .key = {Field::kIpv4Addr}, .verdict_map = true};
  Chain& own = rules.chains["in-pod"];
  own = {"in-pod", std::nullopt, {}};
  own.rules.push_back({.action = Verdict{Verdict::Kind::kGoto, "class"}});
  for (int pod = 1; pod <= pods; ++pod)
    map.elements.push_back(Leads(fmt::format("10.0.0.{}", pod), "in-pod"));
  Set& set = rules.sets["peers"];
  set = {.name = "peers", .key = {Field::kIpv4Addr}};
  for (const std::string& peer : peers) set.elements.push_back(Member(peer));
  Set& blocks = rules.sets["blocks"];
  blocks = {.name = "blocks", .key = {Field::kIpv4Addr}, .interval = true};
  blocks.elements = {{AddressKey(At("10.9.0.0")), AddressKey(At("10.9.0.255")), std::nullopt}};
  Set& ports = rules.sets["ports"];
  ports = {
      .name = "ports",
      .key = {Field::kInetProto, Field::kInetService},
      .verdict_map = true,
      .elements = {{ProtocolServiceKey(kTcp, 80), "", Verdict{Verdict::Kind::kGoto, "group"}}}};
  rules.chains["group"] = {"group", std::nullopt, {{.action = Verdict{}}}};
  rules.chains["class"] = {
      "class",
      std::nullopt,
      {{.matches = {MatchAddressSet{Side::kSource, Family::kIPv4, "peers"}}, .action = Verdict{}},
       {.matches = {MatchAddressSet{Side::kSource, Family::kIPv4, "blocks"}}, .action = Verdict{}},
       {.action = VmapService{"ports"}},
       {.action = Verdict{Verdict::Kind::kDrop, ""}}}};
  rules.chains["forward"] = {
      "forward",
      BaseHook{Hook::kForward, -5},
      {{.action = VmapAddress{Side::kDestination, Family::kIPv4, "ingress4"}}}};
  return rules;
}

FlowScope Scope(const Ruleset& before, const Ruleset& after) {
  return ScopeOf(Between(before, after), after);
}
FlowScope Ends(Side side, const std::vector<const char*>& addresses) {
  FlowScope scope;
  for (const char* address : addresses) scope.Add({At(address), side});
  return scope;
}

TEST(FlowScope, WhatOnlyAllowsMoreDeniesNothing) {
  const Ruleset before = Isolating(2, {"10.1.0.1"});
  EXPECT_TRUE(Scope(before, before).empty());
  EXPECT_TRUE(Scope(before, Isolating(2, {"10.1.0.1", "10.1.0.2"})).empty());
  Ruleset after = before;
  after.chains["more"] = {"more", std::nullopt, before.chains.at("class").rules};
  after.sets["more"] = before.sets.at("peers");
  after.sets["more"].name = "more";
  EXPECT_TRUE(Scope(before, after).empty()) << "nothing leads there";
}

TEST(FlowScope, WhoIsNoLongerAPeerNamesItself) {
  const Ruleset before = Isolating(9, {"10.1.0.1", "10.1.0.2"});
  EXPECT_EQ(Scope(before, Isolating(9, {"10.1.0.1"})), Ends(Side::kSource, {"10.1.0.2"}));
}

TEST(FlowScope, ManyPeersAreThoseOfThePodsThatTheyWerePeersOf) {
  std::vector<std::string> peers;
  for (int i = 1; i <= 9; ++i) peers.push_back(fmt::format("10.1.0.{}", i));
  EXPECT_EQ(Scope(Isolating(2, peers), Isolating(2, {})),
            Ends(Side::kDestination, {"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(Scope(Isolating(9, peers), Isolating(9, {})), FlowScope::All());
}

TEST(FlowScope, AnAddressThatIsIsolatedOrNoLongerIsNamesItself) {
  EXPECT_EQ(Scope(Isolating(2, {}), Isolating(3, {})), Ends(Side::kDestination, {"10.0.0.3"}));
  EXPECT_EQ(Scope(Isolating(3, {}), Isolating(2, {})), Ends(Side::kDestination, {"10.0.0.3"}));
  EXPECT_EQ(Scope(Isolating(3, {}), Isolating(9, {})), FlowScope::All());
}

TEST(FlowScope, AChangedChainConcernsThePodsThatItIsOf) {
  for (const char* changed : {"class", "in-pod", "group"}) {
    Ruleset after = Isolating(2, {});
    after.chains[changed].rules.pop_back();
    EXPECT_EQ(Scope(Isolating(2, {}), after), Ends(Side::kDestination, {"10.0.0.1", "10.0.0.2"}))
        << changed;
    after = Isolating(9, {});
    after.chains[changed].rules.pop_back();
    EXPECT_EQ(Scope(Isolating(9, {}), after), FlowScope::All()) << changed;
  }
  Ruleset after = Isolating(2, {});
  after.chains["forward"].rules.push_back({.action = Verdict{}});
  EXPECT_EQ(Scope(Isolating(2, {}), after), FlowScope::All());
}

TEST(FlowScope, WhatIsNotAnAddressConcernsThePodsThatAskForIt) {
  const FlowScope pods = Ends(Side::kDestination, {"10.0.0.1", "10.0.0.2"});
  Ruleset after = Isolating(2, {});
  after.sets["blocks"].elements.clear();
  EXPECT_EQ(Scope(Isolating(2, {}), after), pods);
  after = Isolating(2, {});
  after.sets["ports"].elements.push_back(
      {ProtocolServiceKey(kTcp, 81), "", Verdict{Verdict::Kind::kGoto, "group"}});
  EXPECT_EQ(Scope(Isolating(2, {}), after), pods);
}

TEST(FlowScope, ANamedPortThatIsGoneNamesItsPod) {
  Ruleset before = Isolating(9, {});
  before.sets["named"] = {
      .name = "named",
      .key = {Field::kIpv4Addr, Field::kInetProto, Field::kInetService},
      .elements = {{AddressProtocolServiceKey(At("10.5.0.1"), kTcp, 80), "", std::nullopt}}};
  before.chains["class"].rules.insert(
      before.chains["class"].rules.begin(),
      {.matches = {MatchServiceSet{Family::kIPv4, "named"}}, .action = Verdict{}});
  Ruleset after = before;
  after.sets["named"].elements.clear();
  EXPECT_EQ(Scope(before, after), Ends(Side::kDestination, {"10.5.0.1"}));
}

TEST(FlowScope, HoldsFlowsByTheSideOfTheirFirstPacketAfterDnat) {
  Flow flow = PlainFlow("10.1.0.1", "10.96.0.1", kTcp, 80);
  flow.reply.source = At("10.0.0.2");
  EXPECT_TRUE(Ends(Side::kSource, {"10.1.0.1"}).Contains(flow));
  EXPECT_TRUE(Ends(Side::kDestination, {"10.0.0.2"}).Contains(flow));
  EXPECT_FALSE(Ends(Side::kSource, {"10.0.0.2"}).Contains(flow));
  EXPECT_FALSE(Ends(Side::kDestination, {"10.1.0.1", "10.96.0.1"}).Contains(flow));
  EXPECT_TRUE(FlowScope::All().Contains(flow));
  EXPECT_FALSE(FlowScope().Contains(flow));
}

}  // namespace
}  // namespace podgate::nft
