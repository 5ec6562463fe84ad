// The real kernel: random changes, errors and what they say, foreign changes found and repaired,
// size.
#include "nft/kernel/netlink.h"

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include "nft/model/compare.h"
#include "nft/model/step.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/nft/fake/fake_kernel.h"
#include "unit/nft/kernel/real_kernel.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

using Code = Status::Code;

const std::vector<Field> kIpv4 = {Field::kIpv4Addr};

Element Member(const char* address) {
  return {AddressKey(*ipset::Address::Parse(address)), "", std::nullopt};
}

Set HashSet(const std::string& name, std::uint32_t size = 0) {
  Set set;
  set.name = name;
  set.key = kIpv4;
  set.size = size;
  return set;
}

// A table with a used set, a used counter, a used chain and a base chain.
Ruleset Base() {
  Ruleset ruleset;
  ruleset.comment = "test";
  ruleset.counters = {"denied"};
  ruleset.sets["peers4-x"] = HashSet("peers4-x", 64);
  ruleset.sets["peers4-x"].elements = {Member("10.0.0.1"), Member("10.0.0.2")};
  Set& map = ruleset.sets["ingress4"] = HashSet("ingress4");
  map.verdict_map = true;
  map.elements = {Member("10.1.0.5")};
  map.elements[0].verdict = Verdict{Verdict::Kind::kGoto, "in-10.1.0.5"};
  ruleset.chains["in-10.1.0.5"] = {
      "in-10.1.0.5",
      std::nullopt,
      {Rule{{MatchAddressSet{Side::kSource, Family::kIPv4, "peers4-x"}}, {}, Verdict{}, "allow"},
       Rule{{}, {CountBy{"denied"}}, Reject{}, ""}}};
  ruleset.chains["forward"] = {
      "forward",
      BaseHook{Hook::kForward, -5},
      {Rule{{MatchCtState{}}, {}, Verdict{}, ""},
       Rule{{}, {}, VmapAddress{Side::kDestination, Family::kIPv4, "ingress4"}, ""}}};
  return ruleset;
}

class NetlinkTest : public RealKernelTest {
 protected:
  void SetUp() override {
    RealKernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const Status status = Bring(Base());
    ASSERT_TRUE(status.ok()) << status.message();
  }
  Status Commit(std::vector<Operation> operations) {
    return kernel()->Commit(Step{Phase::kFlip, "podgate", std::move(operations)});
  }
  void ExpectRefused(std::vector<Operation> operations, Code code, const std::string& message) {
    const Status status = Commit(std::move(operations));
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
    EXPECT_EQ(DifferenceText(ReadBack(), Base()), "same") << "a refused step changed something";
  }
  void ExpectHolds(bool expected, const Ruleset& ruleset) {
    const auto holds = kernel()->Holds(ruleset);
    ASSERT_TRUE(holds.ok()) << holds.status().message();
    EXPECT_EQ(holds.value(), expected) << DifferenceText(ReadBack(), ruleset);
  }
  void ExpectRepaired(const std::string& nft_command) {
    ASSERT_EQ(RunNft(nft_command), "") << nft_command;
    const auto tampered = kernel()->Read("podgate");
    ASSERT_TRUE(tampered.ok()) << tampered.status().message();
    const bool noticed = !tampered.value() || !SameForKernel(*tampered.value(), Base());
    EXPECT_TRUE(noticed) << nft_command;
    ExpectHolds(false, Base());
    const Status status = Bring(Base());
    EXPECT_TRUE(status.ok()) << nft_command << ": " << status.message();
    EXPECT_EQ(DifferenceText(ReadBack(), Base()), "same") << nft_command;
    ExpectHolds(true, Base());
  }
};

TEST_F(NetlinkTest, NoTable) {
  const auto read = kernel()->Read("nothing-there");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_FALSE(read.value().has_value());
  Ruleset other;
  other.table = "nothing-there";
  ExpectHolds(false, other);
}

TEST_F(NetlinkTest, GenerationRisesByOneForEachCommit) {
  const auto before = kernel()->Generation();
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE(Commit({AddElements{"peers4-x", kIpv4, false, {Member("10.0.0.9")}}}).ok());
  const auto after = kernel()->Generation();
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after.value(), before.value() + 1);
}

TEST_F(NetlinkTest, OtherTablesStayAsTheyAre) {
  ASSERT_EQ(RunNft("add table inet other"), "");
  ASSERT_EQ(RunNft("add chain inet other c"), "");
  ASSERT_EQ(RunNft("add rule inet other c ip ttl 1 drop"), "");
  ASSERT_EQ(RunNft("add table ip podgate"), "");  // same name, another family
  ASSERT_EQ(RunNft("add chain ip podgate c"), "");
  EXPECT_EQ(DifferenceText(ReadBack(), Base()), "same");
  ASSERT_TRUE(Commit({DeleteTable{}}).ok());
  EXPECT_NE(ListWithNft("other").find("ip ttl 1 drop"), std::string::npos);
  EXPECT_NE(RunNft("list table ip podgate").find("chain c"), std::string::npos);
}

TEST_F(NetlinkTest, ErrorsNameTheObject) {
  const bool blames_sets = BlamesMissingSets();
  EnterNewNamespace();
  ASSERT_TRUE(Bring(Base()).ok());
  const auto elements = [](const std::string& set, std::vector<Element> members) {
    return AddElements{set, kIpv4, false, std::move(members)};
  };
  ExpectRefused({elements("nosuch", {Member("10.0.0.9")})}, Code::kNotFound,
                blames_sets ? "set nosuch: it, or" : "set nosuch: element 10.0.0.9: it, or");
  ExpectRefused({elements("peers4-x", {Member("10.0.0.7"), Member("10.0.0.2")})}, Code::kInvalid,
                "set peers4-x: element 10.0.0.2: already exists");
  ExpectRefused({DeleteElements{"peers4-x", kIpv4, false, {Member("10.0.0.1"), Member("9.9.9.9")}}},
                Code::kNotFound, "set peers4-x: element 9.9.9.9");
  ExpectRefused({AddCounter{"denied"}}, Code::kInvalid, "counter denied: already exists");
  ExpectRefused({DeleteCounter{"denied"}}, Code::kBusy, "counter denied: still in use");
  ExpectRefused({DeleteCounter{"nosuch"}}, Code::kNotFound, "counter nosuch");
  ExpectRefused({AddSet{HashSet("peers4-x")}}, Code::kInvalid, "set peers4-x: already exists");
  ExpectRefused({DeleteSet{"peers4-x"}}, Code::kBusy, "set peers4-x: still in use");
  ExpectRefused({AddChain{"forward", std::nullopt}}, Code::kInvalid, "chain forward");
  ExpectRefused({DeleteChain{"in-10.1.0.5"}}, Code::kBusy, "chain in-10.1.0.5: still in use");
  ExpectRefused({DeleteChain{"nosuch"}}, Code::kNotFound, "chain nosuch");
  ExpectRefused({SetRules{"nosuch", {}}}, Code::kNotFound, "chain nosuch");
  const Rule lookup{{MatchAddressSet{Side::kSource, Family::kIPv4, "nosuch"}}, {}, Verdict{}, ""};
  ExpectRefused({SetRules{"in-10.1.0.5", {Rule{{}, {}, Verdict{}, ""}, lookup}}}, Code::kNotFound,
                "chain in-10.1.0.5: rule 2 (ip saddr @nosuch accept)");
  const Rule back{{}, {}, Verdict{Verdict::Kind::kJump, "in-10.1.0.5"}, ""};
  ExpectRefused({SetRules{"in-10.1.0.5", {back}}}, Code::kInvalid, "loop");
  Set full = HashSet("full", 1);
  ExpectRefused({AddSet{full}, elements("full", {Member("10.0.0.1"), Member("10.0.0.2")})},
                Code::kFull, "set full: element 10.0.0.2: the set is full");
}

TEST_F(NetlinkTest, CountsFurtherErrors) {
  const Status status = Commit({DeleteChain{"nosuch1"}, DeleteChain{"nosuch2"}});
  EXPECT_NE(status.message().find("chain nosuch1"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("and 1 more error"), std::string::npos) << status.message();
}

TEST_F(NetlinkTest, WorksAfterARefusal) {
  EXPECT_FALSE(Commit({DeleteChain{"nosuch"}}).ok());
  EXPECT_TRUE(Commit({AddChain{"after", std::nullopt}}).ok());
}

TEST_F(NetlinkTest, ForeignChangesAreSeenAndRepaired) {
  for (const char* command : {
           "insert rule inet podgate forward accept",
           "add rule inet podgate in-10.1.0.5 ip ttl 1 drop",
           "add rule inet podgate in-10.1.0.5 tcp dport { 1, 2 } accept",
           "add rule inet podgate in-10.1.0.5 ip saddr != @peers4-x accept",
           "add rule inet podgate in-10.1.0.5 counter accept",
           "add rule inet podgate in-10.1.0.5 meta mark set 1",
           "add rule inet podgate in-10.1.0.5 ct state new accept",
           "add rule inet podgate in-10.1.0.5 tcp sport 80 accept",
           "add rule inet podgate in-10.1.0.5 ip saddr \\& 255.0.0.255 == 10.0.0.1 accept",
           "add rule inet podgate in-10.1.0.5 limit rate over 10/second drop",
           "add rule inet podgate in-10.1.0.5 log level debug",
           "add rule inet podgate in-10.1.0.5 reject with icmpx port-unreachable",
           "add rule inet podgate in-10.1.0.5 continue",
           "flush chain inet podgate in-10.1.0.5",
           "flush ruleset",
           "add element inet podgate peers4-x { 10.0.0.77 }",
           "add element inet podgate peers4-x { 10.0.0.77 comment \\\"mine\\\" }",
           "delete element inet podgate peers4-x { 10.0.0.1 }",
           "flush set inet podgate peers4-x",
           "add element inet podgate ingress4 { 10.1.0.6 : accept }",
           "add chain inet podgate theirs '{ type filter hook forward priority -100; policy drop; "
           "}'",
           "add chain inet podgate theirs '{ type nat hook postrouting priority 100; }'",
           "add chain inet podgate theirs",
           "chain inet podgate forward '{ policy drop; }'",
           "add set inet podgate theirs '{ type ipv4_addr; flags timeout; timeout 1h; }'",
           "add set inet podgate theirs '{ type ifname; }'",
           "add set inet podgate theirs '{ type ipv4_addr; counter; }'",
           "add set inet podgate theirs '{ type ipv4_addr . inet_service; flags interval; }'",
           "add map inet podgate theirs '{ type ipv4_addr : mark; }'",
           "add counter inet podgate theirs",
           "'add table inet podgate { flags dormant; }'",
       }) {
    ExpectRepaired(command);
  }
}

// Several commands, after which our names mean something else.
TEST_F(NetlinkTest, RecreatedObjectsAreRepaired) {
  const auto script = [&](const std::string& text) {
    ASSERT_EQ(LoadWithNft(text), "") << text;
    const Ruleset tampered = ReadBack();
    EXPECT_FALSE(SameForKernel(tampered, Base())) << text;
    ExpectHolds(false, Base());
    const Status status = Bring(Base());
    EXPECT_TRUE(status.ok()) << text << status.message();
    EXPECT_EQ(DifferenceText(ReadBack(), Base()), "same") << text;
  };
  script(
      "delete chain inet podgate forward\n"
      "add chain inet podgate forward { type filter hook input priority 7; policy drop; }\n");
  script("delete chain inet podgate forward\nadd chain inet podgate forward\n");
  script(
      "delete chain inet podgate forward\n"
      "add chain inet podgate forward { type nat hook postrouting priority 9; }\n");
  script(
      "delete element inet podgate ingress4 { 10.1.0.5 }\n"
      "add element inet podgate ingress4 { 10.1.0.5 : accept }\n");
  script(
      "flush chain inet podgate in-10.1.0.5\ndelete set inet podgate peers4-x\n"
      "add set inet podgate peers4-x { type ipv6_addr; flags interval, timeout; }\n"
      "add element inet podgate peers4-x { fd00::/8 }\n");
  script(
      "flush chain inet podgate forward\ndelete map inet podgate ingress4\n"
      "add map inet podgate ingress4 { type ipv4_addr : mark; }\n");
  script(
      "delete table inet podgate\nadd table inet podgate { comment \"theirs\"; }\n"
      "add chain inet podgate forward { type filter hook forward priority 0; }\n");
  script(
      "flush chain inet podgate forward\ndelete map inet podgate ingress4\n"
      "delete chain inet podgate in-10.1.0.5\n"
      "add chain inet podgate in-10.1.0.5 { type filter hook input priority 0; }\n"
      "add map inet podgate ingress4 { type ipv4_addr : verdict; }\n");
}

TEST_F(NetlinkTest, RandomChanges) {
  const std::uint32_t seed = SeedOf(11);
  RandomRuleset random(seed);
  for (int i = 0; i < 150; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", pair " << i);
    EnterNewNamespace();
    const Ruleset from = random.Make();
    const Ruleset to = random.Change(from);
    Status status = Bring(from);
    ASSERT_TRUE(status.ok()) << status.message();
    status = Bring(to);
    ASSERT_TRUE(status.ok()) << status.message() << "\n" << Print(Diff(&from, to));
    ASSERT_EQ(DifferenceText(ReadBack(), to), "same") << Print(Diff(&from, to));
    ExpectHolds(true, to);
    ExpectHolds(SameForKernel(from, to), from);
  }
}

// A dump that commits overtake is taken again: never a picture of a moment that was not.
TEST_F(NetlinkTest, ReadsOneMomentWhileOthersCommit) {
  // Rules and elements that have nothing to do with each other, so that no set needs a copy.
  Ruleset base = Base();
  base.chains["other"] = {"other", std::nullopt, base.chains["in-10.1.0.5"].rules};
  base.chains["other"].rules.erase(base.chains["other"].rules.begin());
  ASSERT_TRUE(Bring(base).ok());
  Ruleset odd = base;
  odd.sets["peers4-x"].elements = {Member("10.0.0.7")};
  odd.chains["other"].rules.pop_back();
  auto opened = OpenNetlink();
  ASSERT_TRUE(opened.ok());
  const std::unique_ptr<Kernel> other = std::move(opened).value();
  // All in one batch, so that there are only two moments to see.
  const auto at_once = [](const std::vector<Step>& steps) {
    Step all = steps.front();
    for (std::size_t i = 1; i < steps.size(); ++i) {
      all.operations.insert(all.operations.end(), steps[i].operations.begin(),
                            steps[i].operations.end());
    }
    return std::vector<Step>{all};
  };
  const std::vector<Step> there = at_once(Diff(&base, odd));
  const std::vector<Step> back = at_once(Diff(&odd, base));
  std::atomic<bool> stop = false;
  std::atomic<int> commits = 0;
  std::thread writer([&] {
    while (!stop) {
      for (const auto* steps : {&there, &back}) {
        if (!CommitAll(other.get(), *steps).ok()) return;
        ++commits;
        std::this_thread::sleep_for(std::chrono::microseconds(300));
      }
    }
  });
  int seen_odd = 0;
  int reads = 0;
  // A busy machine may not let the writer run for a while: then more reads, up to a bound.
  for (; reads < 200 || (commits <= 10 && reads < 100'000); ++reads) {
    const auto read = kernel()->Read("podgate");
    if (!read.ok()) {  // starved: said so, and nothing wrong returned
      EXPECT_EQ(read.status().code(), Code::kInterrupted) << read.status().message();
      continue;
    }
    const auto holds = kernel()->Holds(base);
    EXPECT_TRUE(holds.ok() || holds.status().code() == Code::kInterrupted);
    const bool is_odd = SameForKernel(*read.value(), odd);
    seen_odd += is_odd ? 1 : 0;
    EXPECT_TRUE(is_odd || SameForKernel(*read.value(), base)) << Print(*read.value());
  }
  stop = true;
  writer.join();
  EXPECT_GT(commits, 10);
  std::cout << commits << " commits beside " << reads << " reads, " << seen_odd
            << " of the other ruleset\n";
}

// The text of the steps is what `run --dry-run` shows: it must do the same.
TEST_F(NetlinkTest, PrintedStepsDoWhatTheyShow) {
  const std::uint32_t seed = SeedOf(12);
  RandomRuleset random(seed);
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", pair " << i);
    EnterNewNamespace();
    const Ruleset from = random.Make();
    const Ruleset to = random.Change(from);
    ASSERT_EQ(LoadWithNft(Print(from)), "");
    for (const Step& step : Diff(&from, to)) {
      const std::string text = Print(std::vector<Step>{step});
      ASSERT_EQ(LoadWithNft(text), "") << text;
    }
    ASSERT_EQ(DifferenceText(ReadBack(), to), "same");
  }
}

TEST_F(NetlinkTest, HundredThousandElementsInOneBatch) {
  Ruleset large = Base();
  Set& set = large.sets["peers4-x"];
  set.size = 1u << 18;
  set.elements.clear();
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    set.elements.push_back({AddressKey(ipset::Address::FromIPv4(0x0a000000 + i)), "", {}});
  }
  EnterNewNamespace();
  using Clock = std::chrono::steady_clock;
  const auto milliseconds = [](Clock::time_point from) {
    return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
  };
  auto start = Clock::now();
  const Status status = CommitAll(kernel(), Diff(nullptr, large));
  ASSERT_TRUE(status.ok()) << status.message();
  std::cout << "100,000 elements committed in " << milliseconds(start) << " ms\n";
  start = Clock::now();
  const Ruleset read = ReadBack();
  std::cout << "read back in " << milliseconds(start) << " ms\n";
  start = Clock::now();
  EXPECT_TRUE(Diff(&read, large).empty());
  std::cout << "compared in " << milliseconds(start) << " ms\n";
  start = Clock::now();
  ExpectHolds(true, large);
  std::cout << "compared with what the kernel holds in " << milliseconds(start) << " ms\n";
}

// The names that the compiler makes, keywords of nft as parts of them included.
TEST_F(NetlinkTest, NftTakesTheCompilersNamesUnquoted) {
  Ruleset ruleset;
  ruleset.comment = "test";
  for (const char* name : {"in-10.244.1.5", "eg-10.244.1.5", "in6-fd00-1--5", "eg6-2001-db8--1",
                           "in-class-default/allow-web", "eg-class-kube-system/dns.v1",
                           "in-class-7f3a", "ingress-deny", "egress-deny", "forward", "host",
                           "input", "drop-1", "accept.2", "tcp-80", "ip-1", "set/1"}) {
    ruleset.chains[name] = Chain{name, std::nullopt, {}};
  }
  for (const char* name : {"peers4-7f3a", "peers6-a.b/c", "ingress4-isolated", "egress6-isolated",
                           "blocks4-00ff", "ports-1", "nport4-x"}) {
    ruleset.sets[name] = HashSet(name);
    ruleset.sets[name].elements = {Member("10.0.0.1")};
  }
  for (const char* name :
       {"ingress", "ingress4", "egress4", "dispatch-in-class-default/allow-web"}) {
    Set& map = ruleset.sets[name] = HashSet(name);
    map.verdict_map = true;
    Element element = Member("10.0.0.1");
    element.verdict = Verdict{Verdict::Kind::kGoto, "in-class-default/allow-web"};
    map.elements = {element};
    element.key.back() = 2;
    element.verdict = Verdict{Verdict::Kind::kJump, "in6-fd00-1--5"};
    map.elements.push_back(element);
  }
  ruleset.counters = {"in-default/allow-web-0", "denied", "c.1"};
  Chain& base = ruleset.chains["forward"];
  base.base = BaseHook{Hook::kForward, -5};
  for (const auto& [name, chain] : ruleset.chains) {
    if (name != "forward") base.rules.push_back({{}, {}, Verdict{Verdict::Kind::kJump, name}, ""});
  }
  for (const auto& [name, set] : ruleset.sets) {
    Rule rule{{}, {CountBy{"in-default/allow-web-0"}}, Verdict{}, "policy default/allow-web"};
    if (set.verdict_map) {
      rule.action = VmapAddress{Side::kSource, Family::kIPv4, name};
    } else {
      rule.matches = {MatchAddressSet{Side::kSource, Family::kIPv4, name}};
    }
    base.rules.push_back(std::move(rule));
  }
  ASSERT_EQ(LoadWithNft(Print(ruleset)), "") << Print(ruleset);
  EXPECT_EQ(DifferenceText(ReadBack(), ruleset), "same");
}

}  // namespace
}  // namespace podgate::nft
