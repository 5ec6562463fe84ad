// The interpreter against what the kernel is known to do: order, breaks, verdicts, look-ups.

#include "nft/model/interpret.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace podgate::nft {
namespace {

using ipset::Address;
using ipset::Prefix;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Verdict::Kind;

Address At(const char* text) { return Address::Parse(text).value(); }

Packet Tcp(const char* source, const char* destination, std::uint16_t port) {
  Packet packet;
  packet.source = At(source);
  packet.destination = At(destination);
  packet.destination_port = port;
  return packet;
}

Rule RuleOf(std::vector<Match> matches, std::optional<Action> action, std::string comment = "") {
  Rule rule;
  rule.matches = std::move(matches);
  rule.action = std::move(action);
  rule.comment = std::move(comment);
  return rule;
}
Rule Do(Kind kind, std::string chain = "") { return RuleOf({}, Verdict{kind, std::move(chain)}); }

class InterpretTest : public testing::Test {
 protected:
  Chain& Base(const std::string& name, int priority = -5, Hook hook = Hook::kForward) {
    Chain& chain = Chain_(name);
    chain.base = BaseHook{hook, priority};
    return chain;
  }
  Chain& Chain_(const std::string& name) {
    Chain& chain = ruleset_.chains[name];
    chain.name = name;
    return chain;
  }
  Set& SetOf(const std::string& name, std::vector<Field> key) {
    Set& set = ruleset_.sets[name];
    set.name = name;
    set.key = std::move(key);
    return set;
  }
  Interpretation Run(const Packet& packet, Hook hook = Hook::kForward) const {
    return Interpret(ruleset_, hook, packet);
  }

  Ruleset ruleset_;
  const Packet packet_ = Tcp("10.0.0.1", "10.0.0.2", 80);
};

TEST_F(InterpretTest, EmptyRulesetAndEmptyBaseChainAccept) {
  EXPECT_TRUE(Run(packet_).accepted);
  Base("forward");
  const Interpretation outcome = Run(packet_);
  EXPECT_TRUE(outcome.accepted);
  EXPECT_THAT(outcome.trace, IsEmpty());
}

TEST_F(InterpretTest, OnlyChainsOfTheHookAreAsked) {
  Base("host", -5, Hook::kInput).rules = {Do(Kind::kDrop)};
  Chain_("loose").rules = {Do(Kind::kDrop)};
  EXPECT_TRUE(Run(packet_, Hook::kForward).accepted);
  EXPECT_FALSE(Run(packet_, Hook::kInput).accepted);
}

TEST_F(InterpretTest, AcceptEndsOneBaseChainAndDropEndsAll) {
  Base("a", 0).rules = {Do(Kind::kAccept)};
  Base("b", -10).rules = {Do(Kind::kAccept), Do(Kind::kDrop)};
  Base("c", 5).rules = {Do(Kind::kDrop)};
  Base("d", 6).rules = {Do(Kind::kAccept)};
  const Interpretation outcome = Run(packet_);
  EXPECT_FALSE(outcome.accepted);
  EXPECT_THAT(outcome.trace, ElementsAre("b#1", "a#1", "c#1"));
}

TEST_F(InterpretTest, JumpComesBackToTheNextRule) {
  Base("forward").rules = {Do(Kind::kJump, "sub"), Do(Kind::kDrop)};
  Chain_("sub").rules = {Do(Kind::kReturn), Do(Kind::kAccept)};
  const Interpretation outcome = Run(packet_);
  EXPECT_FALSE(outcome.accepted);
  EXPECT_THAT(outcome.trace, ElementsAre("forward#1", "sub#1", "forward#2"));
}

TEST_F(InterpretTest, EndOfAJumpedChainIsAReturn) {
  Base("forward").rules = {Do(Kind::kJump, "sub"), Do(Kind::kDrop)};
  Chain_("sub");
  EXPECT_FALSE(Run(packet_).accepted);
}

TEST_F(InterpretTest, GotoDoesNotComeBackToItsOwnChain) {
  Base("forward").rules = {Do(Kind::kGoto, "sub"), Do(Kind::kDrop)};
  Chain_("sub");
  EXPECT_TRUE(Run(packet_).accepted)
      << "the end of a chain entered by goto from a base chain is its policy";

  Base("forward").rules = {Do(Kind::kJump, "middle"), Do(Kind::kDrop)};
  Chain_("middle").rules = {Do(Kind::kGoto, "sub"), Do(Kind::kAccept)};
  const Interpretation outcome = Run(packet_);
  EXPECT_FALSE(outcome.accepted) << "returns to whoever jumped";
  EXPECT_THAT(outcome.trace, ElementsAre("forward#1", "middle#1", "forward#2"));
}

TEST_F(InterpretTest, ReturnInABaseChainIsItsPolicy) {
  Base("forward").rules = {Do(Kind::kReturn), Do(Kind::kDrop)};
  EXPECT_TRUE(Run(packet_).accepted);
}

TEST_F(InterpretTest, RejectIsADrop) {
  Base("forward").rules = {RuleOf({}, Reject{}, "refused")};
  const Interpretation outcome = Run(packet_);
  EXPECT_FALSE(outcome.accepted);
  EXPECT_THAT(outcome.trace, ElementsAre("forward#1 refused"));
}

TEST_F(InterpretTest, StatementsAloneGoOn) {
  Rule count;
  count.statements = {CountBy{"c"}, LimitRate{1, 1}, LogGroup{100, "x", 0}};
  Base("forward").rules = {count, Do(Kind::kDrop)};
  EXPECT_THAT(Run(packet_).trace, ElementsAre("forward#1", "forward#2"));
}

TEST_F(InterpretTest, AllMatchesMustHold) {
  const MatchPort port{kTcp, 80, 80};
  const MatchPrefix other{Side::kSource, *Prefix::Parse("10.0.0.9/32")};
  Base("forward").rules = {RuleOf({port, other}, Verdict{Kind::kDrop, ""}),
                           RuleOf({other, port}, Verdict{Kind::kDrop, ""})};
  EXPECT_TRUE(Run(packet_).accepted);
  EXPECT_THAT(Run(packet_).trace, IsEmpty());
}

TEST_F(InterpretTest, MissingChainDropsAndMissingSetMisses) {
  Base("forward").rules = {
      RuleOf({MatchAddressSet{Side::kSource, Family::kIPv4, "gone"}}, Verdict{Kind::kAccept, ""}),
      Do(Kind::kJump, "nowhere")};
  const Interpretation outcome = Run(packet_);
  EXPECT_FALSE(outcome.accepted);
  EXPECT_THAT(outcome.trace, ElementsAre("forward#2", "chain nowhere is not there: dropped",
                                         "set gone is not there: look-ups miss"));
}

TEST_F(InterpretTest, LoopsAndDeepJumpsEnd) {
  Base("forward").rules = {Do(Kind::kGoto, "a")};
  Chain_("a").rules = {Do(Kind::kGoto, "b")};
  Chain_("b").rules = {Do(Kind::kGoto, "a")};
  Interpretation outcome = Run(packet_);
  EXPECT_FALSE(outcome.accepted);
  EXPECT_THAT(outcome.trace.back(), HasSubstr("loop"));

  // 16 jumps fit on the kernel's stack, the 17th does not.
  for (const int depth : {16, 17}) {
    for (int i = 0; i < depth; ++i) {
      Chain_(fmt::format("c{}", i)).rules = {Do(Kind::kJump, fmt::format("c{}", i + 1))};
    }
    Chain_(fmt::format("c{}", depth)).rules = {Do(Kind::kAccept)};
    Base("forward").rules = {Do(Kind::kGoto, "c0")};
    EXPECT_EQ(Run(packet_).accepted, depth == 16) << depth;
  }
}

TEST_F(InterpretTest, ForeignRulesArePassedOverAndNamed) {
  Rule foreign;
  foreign.foreign = "meta mark set 1";
  Base("forward").rules = {foreign};
  const Interpretation outcome = Run(packet_);
  EXPECT_TRUE(outcome.accepted);
  EXPECT_THAT(outcome.trace,
              ElementsAre("forward#1 is not ours and is passed over: meta mark set 1"));
}

// ---- single matches: one rule that drops when the match holds
// ------------------------------------------

struct MatchCase {
  const char* name;
  Match match;
  Packet packet;
  bool holds;
};

Packet With(Packet packet, std::uint8_t protocol) {
  packet.protocol = protocol;
  return packet;
}
Packet With(Packet packet, Packet::State state) {
  packet.state = state;
  return packet;
}
Packet Icmp6(std::uint8_t type, std::uint8_t hop_limit) {
  Packet packet = With(Tcp("fe80::1", "fe80::2", 0), kIcmpv6);
  packet.icmp_type = type;
  packet.hop_limit = hop_limit;
  return packet;
}

TEST_F(InterpretTest, Matches) {
  const Packet v4 = packet_;
  const Packet v6 = Tcp("fd00::1", "fd00::2", 80);
  const MatchPrefix source{Side::kSource, *Prefix::Parse("10.0.0.0/31")};
  const MatchPrefix destination{Side::kDestination, *Prefix::Parse("10.0.0.0/31")};
  const MatchPrefix low6{Side::kSource, *Prefix::Parse("::/1")};
  const MatchCase cases[] = {
      {"new is not established", MatchCtState{}, v4, false},
      {"invalid is not established", MatchCtState{}, With(v4, Packet::State::kInvalid), false},
      {"established", MatchCtState{}, With(v4, Packet::State::kEstablished), true},
      {"related", MatchCtState{}, With(v4, Packet::State::kRelated), true},
      {"related not asked for", MatchCtState{true, false}, With(v4, Packet::State::kRelated),
       false},
      {"established not asked for", MatchCtState{false, true},
       With(v4, Packet::State::kEstablished), false},
      {"family v4", MatchFamily{Family::kIPv4}, v4, true},
      {"family v6 of v4", MatchFamily{Family::kIPv6}, v4, false},
      {"family v6", MatchFamily{Family::kIPv6}, v6, true},
      {"protocol", MatchProtocol{kTcp}, v4, true},
      {"other protocol", MatchProtocol{kUdp}, v4, false},
      {"protocol icmp", MatchProtocol{kIcmp}, With(v4, kIcmp), true},
      {"port", MatchPort{kTcp, 80, 80}, v4, true},
      {"port of another protocol", MatchPort{kUdp, 80, 80}, v4, false},
      {"range, first", MatchPort{kTcp, 80, 90}, v4, true},
      {"range, last", MatchPort{kTcp, 70, 80}, v4, true},
      {"below", MatchPort{kTcp, 81, 90}, v4, false},
      {"above", MatchPort{kTcp, 70, 79}, v4, false},
      {"all ports", MatchPort{kTcp, 0, 65535}, v4, true},
      {"icmp has no ports", MatchPort{kIcmp, 0, 65535}, With(v4, kIcmp), false},
      {"source prefix", source, v4, true},
      {"destination prefix", destination, v4, false},
      {"v6 prefix", low6, Tcp("1::1", "2::2", 80), true},
      {"v6 prefix of another half", low6, Tcp("fd00::1", "2::2", 80), false},
      {"v6 prefix and a v4 packet", low6, v4, false},
      {"router solicitation", MatchNeighbourDiscovery{}, Icmp6(133, 255), true},
      {"redirect", MatchNeighbourDiscovery{}, Icmp6(137, 255), true},
      {"not on link", MatchNeighbourDiscovery{}, Icmp6(135, 254), false},
      {"below discovery", MatchNeighbourDiscovery{}, Icmp6(132, 255), false},
      {"above discovery", MatchNeighbourDiscovery{}, Icmp6(138, 255), false},
      {"echo", MatchNeighbourDiscovery{}, Icmp6(128, 255), false},
      {"tcp is no discovery", MatchNeighbourDiscovery{}, v6, false},
  };
  for (const MatchCase& c : cases) {
    Base("forward").rules = {RuleOf({c.match}, Verdict{Kind::kDrop, ""})};
    EXPECT_EQ(!Run(c.packet).accepted, c.holds) << c.name;
  }
}

TEST_F(InterpretTest, HashSets) {
  SetOf("v4", {Field::kIpv4Addr}).elements = {{AddressKey(At("10.0.0.1")), "", {}},
                                              {AddressKey(At("10.0.0.3")), "", {}}};
  SetOf("v6", {Field::kIpv6Addr}).elements = {{AddressKey(At("fd00::1")), "", {}}};
  SetOf("named", {Field::kIpv4Addr, Field::kInetProto, Field::kInetService}).elements = {
      {AddressProtocolServiceKey(At("10.0.0.2"), kTcp, 80), "", {}}};
  const Match v4 = MatchAddressSet{Side::kSource, Family::kIPv4, "v4"};
  const Match v4_destination = MatchAddressSet{Side::kDestination, Family::kIPv4, "v4"};
  const Match v6 = MatchAddressSet{Side::kSource, Family::kIPv6, "v6"};
  const Match named = MatchServiceSet{Family::kIPv4, "named"};
  const MatchCase cases[] = {
      {"hit", v4, packet_, true},
      {"between", v4, Tcp("10.0.0.2", "10.0.0.2", 80), false},
      {"before all", v4, Tcp("9.0.0.2", "10.0.0.2", 80), false},
      {"after all", v4, Tcp("11.0.0.2", "10.0.0.2", 80), false},
      {"destination", v4_destination, packet_, false},
      {"v6 hit", v6, Tcp("fd00::1", "fd00::2", 80), true},
      {"v6 rule, v4 packet", v6, packet_, false},
      {"v4 rule, v6 packet", v4, Tcp("fd00::1", "fd00::2", 80), false},
      {"named port", named, packet_, true},
      {"named port, other number", named, Tcp("10.0.0.1", "10.0.0.2", 81), false},
      {"named port, other protocol", named, With(packet_, kUdp), false},
      {"named port, icmp", named, With(packet_, kIcmp), false},
  };
  for (const MatchCase& c : cases) {
    Base("forward").rules = {RuleOf({c.match}, Verdict{Kind::kDrop, ""})};
    EXPECT_EQ(!Run(c.packet).accepted, c.holds) << c.name;
  }
}

TEST_F(InterpretTest, IntervalSetsHoldBothEnds) {
  Set& set = SetOf("blocks", {Field::kIpv4Addr});
  set.interval = true;
  set.elements = {{AddressKey(At("0.0.0.0")), AddressKey(At("0.0.0.5")), {}},
                  {AddressKey(At("10.0.0.0")), AddressKey(At("10.0.0.255")), {}},
                  {AddressKey(At("255.255.255.255")), AddressKey(At("255.255.255.255")), {}}};
  Base("forward").rules = {
      RuleOf({MatchAddressSet{Side::kSource, Family::kIPv4, "blocks"}}, Reject{})};
  const std::pair<const char*, bool> cases[] = {
      {"0.0.0.0", true},        {"0.0.0.5", true},          {"0.0.0.6", false},
      {"9.255.255.255", false}, {"10.0.0.0", true},         {"10.0.0.255", true},
      {"10.0.1.0", false},      {"255.255.255.254", false}, {"255.255.255.255", true},
  };
  for (const auto& [address, inside] : cases) {
    EXPECT_EQ(!Run(Tcp(address, "10.0.0.2", 80)).accepted, inside) << address;
  }
}

TEST_F(InterpretTest, VerdictMaps) {
  Set& by_address = SetOf("by-address", {Field::kIpv4Addr});
  by_address.verdict_map = true;
  by_address.elements = {{AddressKey(At("10.0.0.1")), "", Verdict{Kind::kJump, "pod"}}};
  Set& by_service = SetOf("by-service", {Field::kInetProto, Field::kInetService});
  by_service.verdict_map = true;
  by_service.elements = {{ProtocolServiceKey(kTcp, 80), "", Verdict{Kind::kReturn, ""}},
                         {ProtocolServiceKey(kUdp, 80), "", Verdict{Kind::kDrop, ""}}};
  Set& by_port = SetOf("by-port", {Field::kInetService});
  by_port.verdict_map = by_port.interval = true;
  by_port.elements = {{ServiceKey(255), ServiceKey(256), Verdict{Kind::kDrop, ""}}};

  Base("forward").rules = {RuleOf({}, VmapAddress{Side::kSource, Family::kIPv4, "by-address"}),
                           Do(Kind::kAccept)};
  Chain_("pod").rules = {RuleOf({}, VmapPort{kTcp, "by-port"}),
                         RuleOf({}, VmapService{"by-service"}), Do(Kind::kDrop)};

  EXPECT_THAT(Run(packet_).trace, ElementsAre("forward#1", "pod#2", "forward#2"));
  EXPECT_TRUE(Run(packet_).accepted);
  EXPECT_THAT(Run(Tcp("10.0.0.9", "10.0.0.2", 80)).trace, ElementsAre("forward#2"))
      << "a miss goes on";
  EXPECT_THAT(Run(Tcp("fd00::1", "fd00::2", 80)).trace, ElementsAre("forward#2"));
  EXPECT_THAT(Run(With(packet_, kUdp)).trace, ElementsAre("forward#1", "pod#2"));
  EXPECT_FALSE(Run(With(packet_, kUdp)).accepted);
  EXPECT_THAT(Run(With(packet_, kIcmp)).trace, ElementsAre("forward#1", "pod#3"))
      << "no ports, no look-up";
  EXPECT_THAT(Run(Tcp("10.0.0.1", "10.0.0.2", 255)).trace, ElementsAre("forward#1", "pod#1"));
  EXPECT_THAT(Run(Tcp("10.0.0.1", "10.0.0.2", 256)).trace, ElementsAre("forward#1", "pod#1"));
  EXPECT_THAT(Run(Tcp("10.0.0.1", "10.0.0.2", 254)).trace, ElementsAre("forward#1", "pod#3"));
  EXPECT_THAT(Run(Tcp("10.0.0.1", "10.0.0.2", 257)).trace, ElementsAre("forward#1", "pod#3"));
  EXPECT_THAT(Run(With(Tcp("10.0.0.1", "10.0.0.2", 255), kUdp)).trace,
              ElementsAre("forward#1", "pod#3"));
}

TEST_F(InterpretTest, LookUpsCanBeAnsweredFromOutside) {
  const Match match = MatchAddressSet{Side::kSource, Family::kIPv4, "s"};
  Base("forward").rules = {RuleOf({match}, Reject{}), RuleOf({match}, Reject{})};
  const Element element{AddressKey(At("10.0.0.1")), "", {}};
  for (const int hit : {0, 1, 2}) {
    int asked = 0;
    const Interpretation outcome =
        Interpret(ruleset_, Hook::kForward, packet_, [&](const std::string& set, const Key& key) {
          EXPECT_EQ(set, "s");
          EXPECT_EQ(key, element.key);
          return asked++ == hit ? &element : nullptr;
        });
    EXPECT_EQ(outcome.accepted, hit == 2);
    EXPECT_EQ(asked, std::min(hit + 1, 2));
  }
}

}  // namespace
}  // namespace podgate::nft
