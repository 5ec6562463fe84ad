#include "nft/model/ruleset.h"

#include <gtest/gtest.h>

#include "nft/model/canonical.h"

namespace podgate::nft {
namespace {

using namespace std::string_literals;

TEST(RulesetTest, KeysAreLaidOutAsTheKernelHasThem) {
  const ipset::Address v4 = *ipset::Address::Parse("10.1.2.3");
  const ipset::Address v6 = *ipset::Address::Parse("fd00::1");
  EXPECT_EQ(Bytes(AddressKey(v4)), "\x0a\x01\x02\x03"s);
  EXPECT_EQ(Bytes(AddressKey(v6)), "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"s);
  EXPECT_EQ(Bytes(ServiceKey(0x1f90)), "\x1f\x90"s);
  EXPECT_EQ(Bytes(ServiceKey(80)), "\0\x50"s);
  EXPECT_EQ(Bytes(ProtocolServiceKey(kTcp, 80)), "\x06\0\0\0\0\x50\0\0"s);
  EXPECT_EQ(Bytes(AddressProtocolServiceKey(v4, kSctp, 0xffff)),
            "\x0a\x01\x02\x03\x84\0\0\0\xff\xff\0\0"s);
  EXPECT_EQ(AddressProtocolServiceKey(v6, kUdp, 53).size(), 24u);
}

TEST(RulesetTest, KeyBytesAreThoseOfTheKeys) {
  using enum Field;
  EXPECT_EQ(KeyBytes({kIpv4Addr}), 4u);
  EXPECT_EQ(KeyBytes({kIpv6Addr}), 16u);
  EXPECT_EQ(KeyBytes({kInetProto}), 1u);
  EXPECT_EQ(KeyBytes({kInetService}), 2u);
  EXPECT_EQ(KeyBytes({kInetProto, kInetService}), 8u);
  EXPECT_EQ(KeyBytes({kIpv4Addr, kInetProto, kInetService}), 12u);
}

TEST(RulesetTest, CollectsAllReferences) {
  std::set<std::string> sets;
  std::set<std::string> chains;
  std::set<std::string> counters;
  const auto collect = [&](const Rule& rule) {
    CollectReferences(rule, &sets, &chains, &counters);
  };
  Rule rule;
  rule.matches = {MatchAddressSet{Side::kSource, Family::kIPv4, "a"},
                  MatchServiceSet{Family::kIPv6, "b"}, MatchProtocol{kTcp}};
  rule.statements = {CountBy{"count"}, LimitRate{1, 1}, LogGroup{1, "p", 0}};
  rule.action = Verdict{Verdict::Kind::kGoto, "chain"};
  collect(rule);
  collect(Rule{{}, {}, VmapAddress{Side::kSource, Family::kIPv4, "m1"}, ""});
  collect(Rule{{}, {}, VmapService{"m2"}, ""});
  collect(Rule{{}, {}, VmapPort{kTcp, "m3"}, ""});
  collect(Rule{{}, {}, Reject{}, ""});
  collect(Rule{{}, {}, Verdict{}, ""});
  collect(Rule{});
  EXPECT_EQ(sets, (std::set<std::string>{"a", "b", "m1", "m2", "m3"}));
  EXPECT_EQ(chains, (std::set<std::string>{"chain"}));
  EXPECT_EQ(counters, (std::set<std::string>{"count"}));
}

TEST(RulesetTest, CanonicalRulesAreTheSameForTheKernel) {
  const Match set = MatchAddressSet{Side::kSource, Family::kIPv4, "s"};
  const Rule plain{{set}, {}, Verdict{}, "c"};
  EXPECT_TRUE(SameRule(Rule{{MatchFamily{Family::kIPv4}, set}, {}, Verdict{}, "c"}, plain));
  EXPECT_FALSE(SameRule(Rule{{set, MatchFamily{Family::kIPv4}}, {}, Verdict{}, "c"}, plain));
  EXPECT_FALSE(SameRule(Rule{{MatchFamily{Family::kIPv6}, set}, {}, Verdict{}, "c"}, plain));
  EXPECT_FALSE(SameRule(Rule{{set}, {}, Verdict{}, "d"}, plain));
  EXPECT_TRUE(SameRule(Rule{{}, {}, Verdict{}, "a\nb"}, Rule{{}, {}, Verdict{}, "a?b"}));
  Rule foreign = plain;
  foreign.foreign = "x";
  EXPECT_FALSE(SameRule(foreign, plain));
}

}  // namespace
}  // namespace podgate::nft
