#include "nft/plan/diff.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "nft/model/compare.h"
#include "nft/model/step.h"
#include "nft/text/print.h"
#include "unit/nft/fake/fake_kernel.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

ipset::Address Ip(const char* text) { return *ipset::Address::Parse(text); }

Element Member(const char* address) { return {AddressKey(Ip(address)), "", std::nullopt}; }

Element GoTo(const char* address, const std::string& chain) {
  return {AddressKey(Ip(address)), "", Verdict{Verdict::Kind::kGoto, chain}};
}

Rule Accept(Match match) { return {{std::move(match)}, {}, Verdict{}, ""}; }

// One isolated pod, one policy that lets two peers in.
Ruleset Small() {
  Ruleset ruleset;
  ruleset.comment = "test";
  ruleset.sets["peers4-a"] = {.name = "peers4-a",
                              .key = {Field::kIpv4Addr},
                              .size = 64,
                              .comment = "",
                              .elements = {Member("10.0.0.1"), Member("10.0.0.2")}};
  ruleset.sets["ingress4"] = {.name = "ingress4",
                              .key = {Field::kIpv4Addr},
                              .verdict_map = true,
                              .comment = "",
                              .elements = {GoTo("10.1.0.5", "in-10.1.0.5")}};
  ruleset.sets["ingress4-isolated"] = {.name = "ingress4-isolated",
                                       .key = {Field::kIpv4Addr},
                                       .comment = "",
                                       .elements = {Member("10.1.0.5")},
                                       .guard = true};
  ruleset.chains["in-10.1.0.5"] = {
      "in-10.1.0.5",
      std::nullopt,
      {Accept(MatchAddressSet{Side::kSource, Family::kIPv4, "peers4-a"})}};
  ruleset.chains["forward"] = {
      "forward",
      BaseHook{Hook::kForward, -5},
      {Rule{{}, {}, VmapAddress{Side::kDestination, Family::kIPv4, "ingress4"}, ""},
       Rule{{MatchAddressSet{Side::kDestination, Family::kIPv4, "ingress4-isolated"}},
            {},
            Verdict{Verdict::Kind::kDrop, ""},
            ""}}};
  return ruleset;
}

// The same with a second isolated pod.
Ruleset WithSecondPod() {
  Ruleset ruleset = Small();
  ruleset.sets["ingress4"].elements.push_back(GoTo("10.1.0.6", "in-10.1.0.6"));
  ruleset.sets["ingress4-isolated"].elements.push_back(Member("10.1.0.6"));
  ruleset.chains["in-10.1.0.6"] = {"in-10.1.0.6", std::nullopt, {Accept(MatchProtocol{kTcp})}};
  return ruleset;
}

Ruleset Held(Kernel* kernel) { return *kernel->Read("podgate").value(); }

std::string Steps(const Ruleset& from, const Ruleset& to) { return Print(Diff(&from, to)); }

TEST(DiffTest, NothingForEqualRulesets) {
  EXPECT_EQ(Steps(Small(), Small()), "");
  Ruleset guard_differs = Small();
  guard_differs.sets["peers4-a"].guard = true;
  EXPECT_EQ(Steps(Small(), guard_differs), "");
}

TEST(DiffTest, OneMemberIsOneElement) {
  Ruleset more = Small();
  more.sets["peers4-a"].elements.push_back(Member("10.0.0.3"));
  EXPECT_EQ(Steps(Small(), more),
            "# step 1 of 1: flip\nadd element inet podgate peers4-a { 10.0.0.3 }\n");
  EXPECT_EQ(Steps(more, Small()),
            "# step 1 of 1: flip\ndelete element inet podgate peers4-a { 10.0.0.3 }\n");
}

TEST(DiffTest, OneRuleTouchesOneChain) {
  Ruleset more = Small();
  more.chains["in-10.1.0.5"].rules.push_back(Accept(MatchPort{kUdp, 53, 53}));
  EXPECT_EQ(Steps(Small(), more),
            "# step 1 of 1: flip\n"
            "flush chain inet podgate in-10.1.0.5\n"
            "add rule inet podgate in-10.1.0.5 ip saddr @peers4-a accept\n"
            "add rule inet podgate in-10.1.0.5 udp dport 53 accept\n");
}

TEST(DiffTest, NewPodLeadsToAnEmptyChainUntilTheFlipAndIsGuardedAfter) {
  EXPECT_EQ(Steps(Small(), WithSecondPod()),
            "# step 1 of 3: prepare\n"
            "add chain inet podgate in-10.1.0.6\n"
            "add element inet podgate ingress4 { 10.1.0.6 : goto in-10.1.0.6 }\n"
            "# step 2 of 3: flip\n"
            "flush chain inet podgate in-10.1.0.6\n"
            "add rule inet podgate in-10.1.0.6 meta l4proto tcp accept\n"
            "# step 3 of 3: sweep\n"
            "add element inet podgate ingress4-isolated { 10.1.0.6 }\n");
}

TEST(DiffTest, GonePodLosesItsGuardThenItsRulesThenItsChain) {
  EXPECT_EQ(Steps(WithSecondPod(), Small()),
            "# step 1 of 3: prepare\n"
            "delete element inet podgate ingress4-isolated { 10.1.0.6 }\n"
            "# step 2 of 3: flip\n"
            "flush chain inet podgate in-10.1.0.6\n"
            "# step 3 of 3: sweep\n"
            "delete element inet podgate ingress4 { 10.1.0.6 }\n"
            "delete chain inet podgate in-10.1.0.6\n");
}

// Rules have a generation, elements have none: what goes, goes before the rules change, what comes,
// comes after.
TEST(DiffTest, PeersThatGoAndComeWithRulesStandOnBothSidesOfThem) {
  Ruleset first = Small();
  first.chains["other"].name = "other";
  first.chains["other"].rules = {{.action = Verdict{}}};
  Ruleset other = first;
  other.sets["peers4-a"].elements = {Member("10.0.0.1"), Member("10.0.0.3")};
  other.chains["other"].rules.clear();
  EXPECT_EQ(Steps(first, other),
            "# step 1 of 3: flip\n"
            "delete element inet podgate peers4-a { 10.0.0.2 }\n"
            "# step 2 of 3: flip\n"
            "flush chain inet podgate other\n"
            "# step 3 of 3: flip\n"
            "add element inet podgate peers4-a { 10.0.0.3 }\n");
}

// The old rules may let a packet pass by the old elements, the new ones by the new elements.
TEST(DiffTest, PeersThatChangedRulesLookUpChangeByWayOfCopies) {
  Ruleset other = Small();
  other.sets["peers4-a"].elements = {Member("10.0.0.1"), Member("10.0.0.3")};
  std::vector<Rule>& rules = other.chains["in-10.1.0.5"].rules;
  rules.push_back({.action = Verdict{Verdict::Kind::kDrop, {}}});
  const Ruleset small = Small();
  const std::vector<Step> steps = Diff(&small, other);
  ASSERT_EQ(5u, steps.size()) << Print(steps);
  EXPECT_EQ(Print({steps[0]}),
            "# step 1 of 1: prepare\n"
            "add set inet podgate copy-1 { type ipv4_addr; size 64; }\n"
            "add element inet podgate copy-1 { 10.0.0.1, 10.0.0.3 }\n");
  EXPECT_EQ(2u, steps[1].operations.size());  // a flush, the rules
  EXPECT_NE(std::string::npos, Print({steps[1]}).find("@copy-1"));
  EXPECT_EQ(Print({steps[2]}),
            "# step 1 of 1: prepare\n"
            "delete element inet podgate peers4-a { 10.0.0.2 }\n"
            "add element inet podgate peers4-a { 10.0.0.3 }\n");
  EXPECT_EQ(2u, steps[3].operations.size());
  EXPECT_NE(std::string::npos, Print({steps[3]}).find("@peers4-a"));
  EXPECT_EQ(Print({steps[4]}), "# step 1 of 1: sweep\ndelete set inet podgate copy-1\n");

  // Nobody looks the set up when its last rules have gone: no copy is needed.
  rules.clear();
  EXPECT_EQ(Steps(Small(), other),
            "# step 1 of 2: flip\n"
            "flush chain inet podgate in-10.1.0.5\n"
            "# step 2 of 2: prepare\n"
            "delete element inet podgate peers4-a { 10.0.0.2 }\n"
            "add element inet podgate peers4-a { 10.0.0.3 }\n");
}

TEST(DiffTest, OnePodThatMovesIsInBothSetsMeanwhile) {
  const auto with_peer = [](const char* first, const char* second) {
    Ruleset ruleset = Small();
    ruleset.sets["peers4-b"] = ruleset.sets["peers4-a"];
    ruleset.sets["peers4-b"].name = "peers4-b";
    ruleset.sets["peers4-a"].elements = {Member(first)};
    ruleset.sets["peers4-b"].elements = {Member(second)};
    return ruleset;
  };
  EXPECT_EQ(Steps(with_peer("10.0.0.1", "10.0.0.2"), with_peer("10.0.0.1", "10.0.0.1")),
            "# step 1 of 2: flip\n"
            "delete element inet podgate peers4-b { 10.0.0.2 }\n"
            "# step 2 of 2: flip\n"
            "add element inet podgate peers4-b { 10.0.0.1 }\n")
      << "two addresses: one may ask for the other";
  Ruleset before = with_peer("10.0.0.1", "10.0.0.2");
  Ruleset after = before;
  before.sets["peers4-a"].elements = {Member("10.0.0.1"), Member("10.0.0.9")};
  after.sets["peers4-b"].elements = {Member("10.0.0.2"), Member("10.0.0.9")};
  EXPECT_EQ(Steps(before, after),
            "# step 1 of 2: flip\n"
            "add element inet podgate peers4-b { 10.0.0.9 }\n"
            "# step 2 of 2: flip\n"
            "delete element inet podgate peers4-a { 10.0.0.9 }\n");
}

// Linux 5.10 and 6.1 look for loops as each jump is added, among the old rules and elements too.
TEST(DiffTest, InAStepWhatGoesGoesFirst) {
  Ruleset from = Small();
  from.chains["a"] = {"a", std::nullopt, {Rule{{}, {}, Verdict{Verdict::Kind::kJump, "z"}, ""}}};
  from.chains["z"] = {"z", std::nullopt, {Accept(MatchProtocol{kTcp})}};
  from.chains["forward"].rules.push_back({{}, {}, Verdict{Verdict::Kind::kJump, "a"}, ""});
  Ruleset to = from;
  std::swap(to.chains["a"].rules, to.chains["z"].rules);
  to.chains["z"].rules[0].action = Verdict{Verdict::Kind::kJump, "a"};
  to.chains["forward"].rules.back().action = Verdict{Verdict::Kind::kJump, "z"};
  to.sets["ingress4"].elements = {GoTo("10.1.0.7", "z")};
  EXPECT_EQ(Steps(from, to),
            "# step 1 of 1: flip\n"
            "flush chain inet podgate a\n"
            "flush chain inet podgate forward\n"
            "flush chain inet podgate z\n"
            "delete element inet podgate ingress4 { 10.1.0.5 }\n"
            "add element inet podgate ingress4 { 10.1.0.7 : goto z }\n"
            "add rule inet podgate a meta l4proto tcp accept\n"
            "add rule inet podgate forward ip daddr vmap @ingress4\n"
            "add rule inet podgate forward ip daddr @ingress4-isolated drop\n"
            "add rule inet podgate forward jump z\n"
            "add rule inet podgate z jump a\n");
}

TEST(DiffTest, FirstStartMakesTheTable) {
  EXPECT_EQ(Print(Diff(nullptr, Small())),
            "# step 1 of 3: prepare\n"
            "add table inet podgate { comment \"test\"; }\n"
            "add chain inet podgate in-10.1.0.5\n"
            "add map inet podgate ingress4 { type ipv4_addr : verdict; }\n"
            "add set inet podgate ingress4-isolated { type ipv4_addr; }\n"
            "add set inet podgate peers4-a { type ipv4_addr; size 64; }\n"
            "add element inet podgate ingress4 { 10.1.0.5 : goto in-10.1.0.5 }\n"
            "add element inet podgate peers4-a { 10.0.0.1, 10.0.0.2 }\n"
            "add rule inet podgate in-10.1.0.5 ip saddr @peers4-a accept\n"
            "# step 2 of 3: flip\n"
            "add chain inet podgate forward { type filter hook forward priority filter - 5; "
            "policy accept; }\n"
            "add rule inet podgate forward ip daddr vmap @ingress4\n"
            "add rule inet podgate forward ip daddr @ingress4-isolated drop\n"
            "# step 3 of 3: sweep\n"
            "add element inet podgate ingress4-isolated { 10.1.0.5 }\n");
}

TEST(DiffTest, ReplacedIntervalSetIsFilledBeforeItsRuleAndRemovedAfter) {
  const auto with_block = [](const std::string& name, const char* first, const char* last) {
    Ruleset ruleset = Small();
    ruleset.sets[name] = {.name = name,
                          .key = {Field::kIpv4Addr},
                          .interval = true,
                          .comment = "",
                          .elements = {{AddressKey(Ip(first)), AddressKey(Ip(last)), {}}}};
    ruleset.chains["in-10.1.0.5"].rules = {
        Accept(MatchAddressSet{Side::kSource, Family::kIPv4, name})};
    return ruleset;
  };
  EXPECT_EQ(Steps(with_block("blocks4-x", "10.0.0.0", "10.255.255.255"),
                  with_block("blocks4-y", "10.0.0.0", "10.0.0.9")),
            "# step 1 of 3: prepare\n"
            "add set inet podgate blocks4-y { type ipv4_addr; flags interval; }\n"
            "add element inet podgate blocks4-y { 10.0.0.0-10.0.0.9 }\n"
            "# step 2 of 3: flip\n"
            "flush chain inet podgate in-10.1.0.5\n"
            "add rule inet podgate in-10.1.0.5 ip saddr @blocks4-y accept\n"
            "# step 3 of 3: sweep\n"
            "delete set inet podgate blocks4-x\n");
}

// A foreign change that the compiler's own names make impossible.
TEST(DiffTest, ChangedVerdictIsNeverChangedInPlace) {
  Ruleset foreign = Small();
  foreign.sets["ingress4"].elements[0].verdict = Verdict{};
  const std::vector<Step> steps = Diff(&foreign, Small());
  for (const Step& step : steps) {
    for (const Operation& operation : step.operations) {
      const auto* add = std::get_if<AddElements>(&operation);
      const auto* remove = std::get_if<DeleteElements>(&operation);
      // The live map is emptied only when no rule uses it any more, and filled before one does.
      if (add != nullptr && add->set == "ingress4") {
        EXPECT_EQ(step.phase, Phase::kPrepare);
      }
      if (remove != nullptr && remove->set == "ingress4") {
        EXPECT_EQ(step.phase, Phase::kSweep);
      }
    }
  }
  EXPECT_EQ(steps.size(), 6u) << Print(steps);
}

TEST(DiffTest, AnotherTableCommentReplacesTheTableInOneStep) {
  Ruleset other = Small();
  other.comment = "older";
  const std::vector<Step> steps = Diff(&other, Small());
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<DeleteTable>(steps[0].operations[0]));
}

// What a reader marks as foreign goes away, whatever it is.
TEST(DiffTest, ForeignObjectsAreReplaced) {
  Ruleset foreign = Small();
  foreign.foreign = "dormant";
  foreign.sets["peers4-a"].foreign = "a set with a timeout";
  foreign.sets["theirs"].name = "theirs";
  foreign.sets["theirs"].foreign = "a map of marks";
  foreign.chains["forward"].foreign = "policy drop";
  Rule rule;
  rule.foreign = "[ queue ]";
  foreign.chains["in-10.1.0.5"].rules.insert(foreign.chains["in-10.1.0.5"].rules.begin(), rule);
  const std::string text = Steps(foreign, Small());
  EXPECT_NE(text.find("add table inet podgate"), std::string::npos) << text;
  EXPECT_NE(text.find("delete set inet podgate theirs"), std::string::npos) << text;
  EXPECT_NE(text.find("delete set inet podgate peers4-a"), std::string::npos) << text;
  EXPECT_NE(text.find("delete chain inet podgate forward"), std::string::npos) << text;
  EXPECT_NE(text.find("flush chain inet podgate in-10.1.0.5"), std::string::npos) << text;
}

TEST(DiffTest, RandomPairsConvergeAndAreNeverRefused) {
  const std::uint32_t seed = SeedOf(7);
  RandomRuleset random(seed);
  for (int i = 0; i < 3000; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", pair " << i);
    const Ruleset from = random.Make();
    const Ruleset to = random.Below(4) == 0 ? random.Make() : random.Change(from);
    FakeKernel kernel;
    kernel.checks_jumps_at_once = true;  // which refuses more
    Status status = CommitAll(&kernel, Diff(nullptr, from));
    ASSERT_TRUE(status.ok()) << status.message();
    const Ruleset before = Held(&kernel);
    const std::vector<Step> steps = Diff(&before, to);
    status = CommitAll(&kernel, steps);
    ASSERT_TRUE(status.ok()) << status.message() << "\n" << Print(steps);
    const Ruleset after = Held(&kernel);
    ASSERT_TRUE(SameForKernel(after, to)) << Print(steps);
    ASSERT_TRUE(Diff(&after, to).empty());
    ASSERT_LE(steps.size(), 10u);  // twice five, by an intermediate ruleset
  }
}

// The rules of the commit discipline that hold for any pair.
TEST(DiffTest, RandomPairsKeepTheCommitDiscipline) {
  const std::uint32_t seed = SeedOf(8);
  RandomRuleset random(seed);
  for (int i = 0; i < 1000; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", pair " << i);
    const Ruleset from = random.Make();
    Ruleset to = random.Change(from);
    to.comment = from.comment;  // else the table is replaced as a whole
    const std::vector<Step> steps = Diff(&from, to);
    for (const Step& step : steps) {
      std::set<std::string> made;
      std::set<std::pair<std::string, Key>> touched;
      for (const Operation& operation : step.operations) {
        if (const auto* set = std::get_if<AddSet>(&operation)) made.insert(set->set.name);
        const auto touch = [&](const auto& elements) {
          for (const Element& element : elements.elements) {
            EXPECT_TRUE(touched.insert({elements.set, element.key}).second)
                << "the same key twice in one step\n"
                << Print(steps);
          }
        };
        if (const auto* add = std::get_if<AddElements>(&operation)) {
          touch(*add);
          EXPECT_TRUE(!add->interval || made.count(add->set) != 0) << Print(steps);
        }
        if (const auto* remove = std::get_if<DeleteElements>(&operation)) {
          touch(*remove);
          EXPECT_TRUE(!remove->interval || step.phase == Phase::kSweep) << Print(steps);
        }
        // An interval set is never made and used in one step by a chain that packets reach.
        const auto* rules = std::get_if<SetRules>(&operation);
        if (rules == nullptr || step.phase == Phase::kPrepare) continue;
        std::set<std::string> sets;
        std::set<std::string> chains;
        std::set<std::string> counters;
        for (const Rule& rule : rules->rules) CollectReferences(rule, &sets, &chains, &counters);
        for (const std::string& name : sets) EXPECT_EQ(made.count(name), 0u) << Print(steps);
      }
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace podgate::nft
