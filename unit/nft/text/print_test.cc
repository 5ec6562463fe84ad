#include "nft/text/print.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "nft/plan/diff.h"
#include "unit/nft/support/every_form.h"

namespace podgate::nft {
namespace {

// PODGATE_UPDATE_GOLDENS=1 writes the file anew.
void ExpectGolden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(PODGATE_UNIT_DIR) + "/text/goldens/" + name;
  if (std::getenv("PODGATE_UPDATE_GOLDENS") != nullptr) std::ofstream(path) << actual;
  std::ifstream file(path);
  ASSERT_TRUE(file) << "cannot read " << path;
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str());
}

TEST(PrintTest, EveryForm) { ExpectGolden("every_form.nft", Print(EveryForm())); }

TEST(PrintTest, FirstSteps) {
  ExpectGolden("every_form_steps.nft", Print(Diff(nullptr, EveryForm())));
}

TEST(PrintTest, EmptyRuleset) {
  Ruleset ruleset;
  ruleset.table = "t";
  EXPECT_EQ(Print(ruleset), "add table inet t\ndelete table inet t\ntable inet t {\n}\n");
}

TEST(PrintTest, KeepsLinesOfLargeSetsShort) {
  Ruleset ruleset;
  Set& set = ruleset.sets["large"];
  set.name = "large";
  set.key = {Field::kIpv4Addr};
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    set.elements.push_back({AddressKey(ipset::Address::FromIPv4(0x0a000000 + i)), "", {}});
  }
  std::istringstream text(Print(ruleset));
  for (std::string line; std::getline(text, line);) ASSERT_LT(line.size(), 120u) << line;
}

TEST(PrintTest, TextThatNftCannotQuote) {
  Rule rule;
  rule.action = Reject{};
  rule.comment = "a \"quoted\"\nword\x7f";
  rule.statements = {LogGroup{1, "p\"q\t", 0}};
  EXPECT_EQ(Print(rule),
            "log prefix \"p?q?\" group 1 reject with icmpx admin-prohibited "
            "comment \"a ?quoted??word?\"");
}

TEST(PrintTest, ARejectOfTcpAloneIsAReset) {
  const auto text = [](std::vector<Match> matches) {
    return Print(Rule{.matches = std::move(matches), .action = Reject{}});
  };
  EXPECT_EQ(text({}), "reject with icmpx admin-prohibited");
  EXPECT_EQ(text({MatchProtocol{kTcp}}), "meta l4proto tcp reject with tcp reset");
  EXPECT_EQ(text({MatchPort{kTcp, 80, 80}}), "tcp dport 80 reject with tcp reset");
  EXPECT_EQ(text({MatchProtocol{kUdp}}), "meta l4proto udp reject with icmpx admin-prohibited");
}

TEST(PrintTest, LeavesOutWhatTheNextMatchSaysAsWell) {
  Rule rule;
  rule.action = Verdict{};
  rule.matches = {MatchFamily{Family::kIPv4}, MatchFamily{Family::kIPv4},
                  MatchAddressSet{Side::kSource, Family::kIPv4, "s"}, MatchProtocol{kTcp},
                  MatchPort{kTcp, 1, 2}};
  EXPECT_EQ(Print(rule), "ip saddr @s tcp dport 1-2 accept");
  rule.matches = {MatchFamily{Family::kIPv4}, MatchProtocol{kTcp},
                  MatchAddressSet{Side::kSource, Family::kIPv4, "s"}};
  EXPECT_EQ(Print(rule), "meta nfproto ipv4 meta l4proto tcp ip saddr @s accept");
}

TEST(PrintTest, Keys) {
  using enum Field;
  const ipset::Address address = *ipset::Address::Parse("10.0.0.1");
  EXPECT_EQ(PrintKey(AddressKey(address), {kIpv4Addr}), "10.0.0.1");
  EXPECT_EQ(PrintKey(ServiceKey(8080), {kInetService}), "8080");
  EXPECT_EQ(PrintKey(ProtocolServiceKey(kIcmpv6, 0), {kInetProto, kInetService}), "icmpv6 . 0");
  EXPECT_EQ(
      PrintKey(AddressProtocolServiceKey(address, kTcp, 80), {kIpv4Addr, kInetProto, kInetService}),
      "10.0.0.1 . tcp . 80");
  EXPECT_EQ(PrintKey("ab", {kIpv4Addr}), "0x6162");
  EXPECT_EQ(PrintKey("ab", {}), "0x6162");
}

TEST(PrintTest, PrioritiesAsNftNamesThem) {
  const auto line = [](int priority) {
    Ruleset ruleset;
    ruleset.chains["c"] = Chain{"c", BaseHook{Hook::kForward, priority}, {}};
    const std::string text = Print(ruleset);
    const std::size_t at = text.find("priority ") + 9;
    return text.substr(at, text.find(';', at) - at);
  };
  EXPECT_EQ(line(0), "filter");
  EXPECT_EQ(line(-5), "filter - 5");
  EXPECT_EQ(line(10), "filter + 10");
  EXPECT_EQ(line(11), "11");
  EXPECT_EQ(line(-310), "raw - 10");
  EXPECT_EQ(line(-311), "-311");
  EXPECT_EQ(line(-2147483647), "-2147483647");
}

TEST(PrintTest, ForeignRulesAreComments) {
  Rule rule;
  rule.foreign = "[ queue ]\n[ accept ]";
  EXPECT_EQ(Print(rule), "# not one of Podgate's forms: [ queue ]?[ accept ]");
}

}  // namespace
}  // namespace podgate::nft
