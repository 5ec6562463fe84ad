// What rulesets are made of: frame, dispatch, the two forms of class chains, sets, names. Whole
// rulesets as text are the goldens' matter; whether they judge rightly is compile_random_test.cc's.
#include "compiler/codegen/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "compiler/codegen/block_plan.h"
#include "compiler/codegen/class_chain.h"
#include "compiler/codegen/lookup_sets.h"
#include "compiler/codegen/rule_origin.h"
#include "compiler/codegen/set_definitions.h"
#include "compiler/ir/build_ir.h"
#include "unit/compiler/reference/ask.h"
#include "unit/compiler/support/world.h"

namespace podgate::compiler {
namespace {

using test::Block;
using test::KeyOf;
using test::Named;
using test::NamespacesOf;
using test::PodsOf;
using test::Port;
using test::Range;
using test::RuleOf;
using test::Select;
using test::Whole;
using test::World;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::MatchesRegex;
using testing::SizeIs;
using testing::StartsWith;

nft::Ruleset CompileNode(const Cluster& cluster, const CompileOptions& options = {}) {
  return Compile(BuildIr(cluster, "n1"), options);
}

template <typename T>
std::vector<std::string> Names(const std::map<std::string, T>& objects,
                               std::string_view prefix = "") {
  std::vector<std::string> names;
  for (const auto& [name, object] : objects)
    if (name.starts_with(prefix)) names.push_back(name);
  return names;
}

World OneWebPod(std::initializer_list<const char*> addresses = {"10.1.0.1"}) {
  World w;
  w.AddNamespace("shop");
  w.AddPod("shop/web", "n1", {{"app", "web"}}, addresses);
  w.AddPod("shop/db", "n2", {{"app", "db"}}, {"10.2.0.1", "fd00::2"});
  return w;
}

const nft::Chain& OnlyChain(const nft::Ruleset& ruleset, std::string_view prefix) {
  const std::vector<std::string> names = Names(ruleset.chains, prefix);
  EXPECT_THAT(names, SizeIs(1)) << prefix;
  static const nft::Chain kNone;
  return names.empty() ? kNone : ruleset.chains.at(names.front());
}

TEST(Compile, TheFrameAlwaysStands) {
  const nft::Ruleset ruleset = CompileNode(Cluster{});
  EXPECT_EQ(ruleset.table, "podgate");
  EXPECT_THAT(Names(ruleset.chains),
              ElementsAre("egress", "egress-deny", "forward", "ingress", "ingress-deny"));
  EXPECT_THAT(Names(ruleset.sets),
              ElementsAre("egress4", "egress4-isolated", "egress6", "egress6-isolated", "ingress4",
                          "ingress4-isolated", "ingress6", "ingress6-isolated"));
  EXPECT_THAT(ruleset.counters, ElementsAre("denied-egress", "denied-ingress"));
  EXPECT_EQ(ruleset.chains.at("forward").base, (nft::BaseHook{nft::Hook::kForward, -5}));
  for (const auto& [name, set] : ruleset.sets) {
    EXPECT_EQ(set.guard, name.ends_with("-isolated")) << name;
    EXPECT_EQ(set.verdict_map, !set.guard) << name;
    EXPECT_EQ(set.size, 4096u) << name;
  }
}

TEST(Compile, TheInputHookIsPolicedOnRequestOnly) {
  const nft::Ruleset ruleset = CompileNode(Cluster{}, {.pod_to_node_enforce = true});
  const nft::Chain& host = ruleset.chains.at("host");
  EXPECT_EQ(host.base, (nft::BaseHook{nft::Hook::kInput, -5}));
  // As forward, but without the step to ingress: the node is no pod.
  std::vector<nft::Rule> rules = ruleset.chains.at("forward").rules;
  rules.pop_back();
  EXPECT_EQ(host.rules, rules);
}

TEST(Compile, TheOutputHookIsPolicedForIpvsOnly) {
  const nft::Ruleset ruleset = CompileNode(Cluster{}, {.ipvs = true});
  const nft::Chain& ipvs = ruleset.chains.at("ipvs");
  EXPECT_EQ(ipvs.base, (nft::BaseHook{nft::Hook::kOutput, -5}));
  // As forward, but for what this node sends itself.
  std::vector<nft::Rule> rules = ruleset.chains.at("forward").rules;
  rules.insert(rules.begin() + 2, {.matches = {nft::MatchLocalSocket{}},
                                   .action = nft::Verdict{},
                                   .comment = "sent by this node"});
  EXPECT_EQ(ipvs.rules, rules);
}

TEST(Compile, WithoutTheDropLogPacketsAreDeniedAllTheSame) {
  const nft::Ruleset ruleset = CompileNode(Cluster{}, {.log_denied = false});
  const std::vector<nft::Rule>& drop = ruleset.chains.at("ingress-deny").rules;
  ASSERT_THAT(drop, SizeIs(1));
  EXPECT_EQ(drop[0].statements, (std::vector<nft::Statement>{nft::CountBy{"denied-ingress"}}));
  EXPECT_EQ(drop[0].action, nft::Action(nft::Verdict{nft::Verdict::Kind::kDrop, ""}));
}

TEST(Compile, DenyLogsThenCountsThenDropsOrRejects) {
  nft::Ruleset ruleset = CompileNode(Cluster{}, {.log_group = 7});
  const std::vector<nft::Rule>& drop = ruleset.chains.at("ingress-deny").rules;
  ASSERT_THAT(drop, SizeIs(2));
  EXPECT_EQ(drop[0].statements,
            (std::vector<nft::Statement>{nft::LimitRate{10, 5},
                                         nft::LogGroup{7, "podgate-ingress ", 128}}));
  EXPECT_EQ(drop[0].action, std::nullopt);
  EXPECT_EQ(drop[1].statements, (std::vector<nft::Statement>{nft::CountBy{"denied-ingress"}}));
  EXPECT_EQ(drop[1].action, nft::Action(nft::Verdict{nft::Verdict::Kind::kDrop, ""}));
  ruleset = CompileNode(Cluster{}, {.reject = true});
  const std::vector<nft::Rule>& reject = ruleset.chains.at("egress-deny").rules;
  ASSERT_THAT(reject, SizeIs(3));
  for (const std::size_t i : {1, 2}) {
    EXPECT_EQ(reject[i].statements, (std::vector<nft::Statement>{nft::CountBy{"denied-egress"}}));
    EXPECT_EQ(reject[i].action, nft::Action(nft::Reject{}));
  }
  EXPECT_EQ(reject[1].matches, std::vector<nft::Match>{nft::MatchProtocol{nft::kTcp}});
  EXPECT_TRUE(reject[2].matches.empty());
}

TEST(Compile, EachAddressOfAnIsolatedPodHasAChain) {
  World w = OneWebPod({"10.1.0.1", "fd00::1"});
  w.Ingress("shop/deny", {}, {});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_THAT(Names(ruleset.chains, "in"), ElementsAre("in-10.1.0.1", "in-class-shop/deny",
                                                       "in6-fd00--1", "ingress", "ingress-deny"));
  const nft::Chain& chain = ruleset.chains.at("in6-fd00--1");
  ASSERT_THAT(chain.rules, SizeIs(2));
  EXPECT_EQ(chain.rules[0].matches,
            (std::vector<nft::Match>{
                nft::MatchPrefix{nft::Side::kSource, ipset::Prefix(test::At("fd00::1"), 128)}}));
  EXPECT_EQ(chain.rules[0].comment, "shop/web itself");
  EXPECT_EQ(chain.rules[1].action,
            nft::Action(nft::Verdict{nft::Verdict::Kind::kGoto, "in-class-shop/deny"}));
  EXPECT_THAT(ruleset.sets.at("ingress4").elements, SizeIs(1));
  EXPECT_THAT(ruleset.sets.at("ingress6").elements, SizeIs(1));
  EXPECT_THAT(ruleset.sets.at("ingress6-isolated").elements, SizeIs(1));
  EXPECT_THAT(ruleset.sets.at("egress4").elements, IsEmpty());
}

TEST(Compile, OnlyFamiliesOfLocalPodsAreCompared) {
  World w = OneWebPod();
  w.Ingress("shop/p", {}, {RuleOf({PodsOf({}), Block("::/0"), Block("10.0.0.0/8")}, {})});
  nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_THAT(Names(ruleset.sets, "peers"), SizeIs(1));
  EXPECT_THAT(ruleset.chains.at("in-class-shop/p").rules, SizeIs(3));
  w.AddPod("shop/six", "n1", {}, {"fd00::6"});
  ruleset = CompileNode(w.cluster);
  EXPECT_THAT(Names(ruleset.sets, "peers"), SizeIs(2));
  EXPECT_THAT(ruleset.chains.at("in-class-shop/p").rules, SizeIs(5));
}

TEST(Compile, AReadableChainFollowsThePolicies) {
  World w = OneWebPod();
  w.Ingress(
      "shop/a", {},
      {RuleOf({PodsOf(Select({{"app", "db"}}))}, {Port(80)}), RuleOf({}, {Whole(Protocol::kUdp)})});
  w.Ingress("shop/b", {}, {RuleOf({Block("0.0.0.0/0")}, {})});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  const nft::Chain& chain = OnlyChain(ruleset, "in-class-");
  EXPECT_THAT(chain.name, MatchesRegex("in-class-shop/a-and-1-more_[0-9a-f]{32}"));
  ASSERT_THAT(chain.rules, SizeIs(4));
  ASSERT_THAT(chain.rules[0].matches, SizeIs(2));
  EXPECT_EQ(chain.rules[0].matches[0], nft::Match(nft::MatchPort{nft::kTcp, 80, 80}));
  EXPECT_THAT(std::get<nft::MatchAddressSet>(chain.rules[0].matches[1]).set,
              MatchesRegex("peers4-app-db-in-shop_[0-9a-f]{32}"));
  EXPECT_EQ(chain.rules[1].matches, (std::vector<nft::Match>{nft::MatchProtocol{nft::kUdp}}));
  EXPECT_EQ(chain.rules[2].matches, (std::vector<nft::Match>{nft::MatchFamily{Family::kIPv4}}));
  EXPECT_EQ(chain.rules[3].action,
            nft::Action(nft::Verdict{nft::Verdict::Kind::kGoto, "ingress-deny"}));
  std::vector<std::string> comments;
  for (const nft::Rule& rule : chain.rules) comments.push_back(rule.comment);
  EXPECT_THAT(comments,
              ElementsAre("shop/a ingress[0]", "shop/a ingress[1]", "shop/b ingress[0]", ""));
  EXPECT_THAT(ruleset.counters,
              IsSupersetOf({"shop/a-ingress-0", "shop/a-ingress-1", "shop/b-ingress-0"}));
}

// nft reads a counter's name only if it does not begin with a digit.
TEST(Compile, CountersOfNamespacesThatBeginWithADigit) {
  EXPECT_EQ(CounterName(Direction::kIngress, {KeyOf("shop/api"), 0}), "shop/api-ingress-0");
  EXPECT_EQ(CounterName(Direction::kEgress, {KeyOf("3rd/api"), 12}), "_3rd/api-egress-12");
}

TEST(Compile, AllowedEgressReturnsToTheBaseChain) {
  World w = OneWebPod();
  w.Egress("shop/p", {}, {RuleOf({}, {Port(80)})});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_EQ(ruleset.chains.at("eg-class-shop/p").rules[0].action,
            nft::Action(nft::Verdict{nft::Verdict::Kind::kReturn, ""}));
}

TEST(Compile, EqualPairsOfSeveralPoliciesAreOneRuleThatNamesAll) {
  World w = OneWebPod();
  for (const char* key : {"shop/a", "shop/b"})
    w.Ingress(key, {}, {RuleOf({PodsOf({})}, {Port(80)})});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  const nft::Chain& chain = OnlyChain(ruleset, "in-class-");
  ASSERT_THAT(chain.rules, SizeIs(2));
  EXPECT_EQ(chain.rules[0].comment, "shop/a ingress[0], shop/b ingress[0]");
}

TEST(Compile, PeerSetsAreSharedByClassesAndDirections) {
  World w = OneWebPod();
  w.AddPod("shop/other", "n1", {{"app", "other"}}, {"10.1.0.2"});
  w.Ingress("shop/a", Select({{"app", "web"}}), {RuleOf({PodsOf({})}, {Port(80)})});
  w.Ingress("shop/b", Select({{"app", "other"}}), {RuleOf({PodsOf({})}, {})});
  w.Egress("shop/c", {}, {RuleOf({PodsOf({})}, {})});
  EXPECT_THAT(Names(CompileNode(w.cluster).sets, "peers"), SizeIs(1));
}

TEST(Compile, SetsOutgrowTheirSizeUnderAnotherName) {
  EXPECT_EQ(SizeFor(0), 1024u);
  EXPECT_EQ(SizeFor(512), 1024u);
  EXPECT_EQ(SizeFor(513), 16384u);
  EXPECT_EQ(SizeFor(100'000), 262144u);
  EXPECT_EQ(SizeFor(513, 1024), 16384u);
  EXPECT_EQ(SizeFor(512, 16384), 16384u);
  EXPECT_EQ(SizeFor(65, 16384), 16384u);
  EXPECT_EQ(SizeFor(64, 16384), 1024u);
  EXPECT_EQ(SizeFor(64, 262144), 1024u);
  EXPECT_EQ(SizeFor(8192, 262144), 262144u);
  EXPECT_EQ(SizeFor(0, 0), 1024u);
  EXPECT_EQ(SizeSuffix(1024), "");
  EXPECT_EQ(SizeSuffix(16384), "-16384");
  World w = OneWebPod();
  w.Ingress("shop/p", {}, {RuleOf({PodsOf({})}, {})});
  const std::string small = Names(CompileNode(w.cluster).sets, "peers").front();
  for (int i = 0; i < 600; ++i) {
    const std::string address = fmt::format("10.3.{}.{}", i / 250, i % 250 + 1);
    w.AddPod(fmt::format("shop/p{}", i), "n2", {}, {address.c_str()});
  }
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_THAT(Names(ruleset.sets, "peers"), ElementsAre(small + "-16384"));
  EXPECT_EQ(ruleset.sets.at(small + "-16384").size, 16384u);
}

TEST(Compile, BlocksAreComparedInlineWhileTheyAreFew) {
  World w = OneWebPod();
  // 0.0.0.0/0 without one /16 is 16 prefixes, without one /17 17.
  w.Ingress("shop/p", {}, {RuleOf({Block("0.0.0.0/0", {"10.1.0.0/16"})}, {})});
  nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_THAT(ruleset.chains.at("in-class-shop/p").rules, SizeIs(17));
  EXPECT_THAT(Names(ruleset.sets, "blocks"), IsEmpty());
  w.Ingress("shop/p", {}, {RuleOf({Block("0.0.0.0/0", {"10.1.0.0/17"})}, {})});
  ruleset = CompileNode(w.cluster);
  EXPECT_THAT(ruleset.chains.at("in-class-shop/p").rules, SizeIs(2));
  ASSERT_THAT(Names(ruleset.sets, "blocks"), SizeIs(1));
  const nft::Set& set = ruleset.sets.at(Names(ruleset.sets, "blocks").front());
  EXPECT_TRUE(set.interval);
  EXPECT_THAT(set.elements, SizeIs(2));
}

TEST(Compile, ManyInlineBlocksTogetherBecomeSetsTheLargestFirst) {
  World w = OneWebPod();
  w.Ingress("shop/p", {},
            {RuleOf({Block("0.0.0.0/0", {"10.1.0.0/16"}),  // 16 prefixes
                     Block("0.0.0.0/0", {"10.0.0.0/8"}),   // 8
                     Block("192.168.0.0/16")},             // 1
                    {})});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_THAT(ruleset.chains.at("in-class-shop/p").rules, SizeIs(1 + 8 + 1 + 1));
  EXPECT_THAT(Names(ruleset.sets, "blocks"), SizeIs(1));
}

TEST(Compile, NamedPortsOfEgressAreSetsOfWhoHasThem) {
  World w = OneWebPod();
  w.cluster.pods[KeyOf("shop/db")].ports = {{"sql", Protocol::kTcp, 5432},
                                            {"sql", Protocol::kUdp, 1}};
  w.AddPod("shop/cache", "n2", {}, {"10.2.0.9"}).ports = {{"sql", Protocol::kTcp, 6379}};
  w.Egress("shop/p", Select({{"app", "web"}}),
           {RuleOf({PodsOf(Select({{"app", "db"}}))}, {Named("sql")}),
            RuleOf({Block("10.2.0.8/29")}, {Named("sql")}), RuleOf({}, {Named("sql")})});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  std::map<std::string, std::vector<nft::Key>> sets;
  for (const std::string& name : Names(ruleset.sets, "ports4-"))
    for (const nft::Element& element : ruleset.sets.at(name).elements)
      sets[ruleset.sets.at(name).comment].push_back(element.key);
  const nft::Key db = nft::AddressProtocolServiceKey(test::At("10.2.0.1"), nft::kTcp, 5432);
  const nft::Key cache = nft::AddressProtocolServiceKey(test::At("10.2.0.9"), nft::kTcp, 6379);
  EXPECT_EQ(sets, (std::map<std::string, std::vector<nft::Key>>{
                      {"TCP sql of pods app=db in namespace shop", {db}},
                      {"TCP sql of pods in 10.2.0.8/29", {cache}},
                      {"TCP sql of any pod", {db, cache}}}));
}

// Nine pairs: one more than reads like the policies.
TEST(Compile, TheBoundedFormDispatchesPortsToGroups) {
  World w = OneWebPod();
  w.Ingress("shop/p", {},
            {RuleOf({PodsOf({})}, {Port(80), Port(81), Range(100, 200), Port(53, Protocol::kUdp)}),
             RuleOf({Block("10.0.0.0/8")}, {Port(80), Range(150, 160)}),
             RuleOf({Block("192.168.0.0/16")}, {Whole(Protocol::kTcp)}),
             RuleOf({Block("172.16.0.0/12")}, {}),
             RuleOf({Block("172.16.0.0/13")}, {Port(53, Protocol::kUdp)})});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  const nft::Chain& chain = ruleset.chains.at("in-class-shop/p");
  ASSERT_THAT(chain.rules, SizeIs(4));
  const auto& ports = ruleset.sets.at(std::get<nft::VmapService>(*chain.rules[0].action).map);
  const auto& ranges = ruleset.sets.at(std::get<nft::VmapPort>(*chain.rules[1].action).map);
  EXPECT_EQ(chain.rules[2].matches, (std::vector<nft::Match>{nft::MatchProtocol{nft::kTcp}}));
  const auto group = [&](const nft::Verdict& verdict) -> const nft::Chain& {
    EXPECT_EQ(verdict.kind, nft::Verdict::Kind::kGoto);
    return ruleset.chains.at(verdict.chain);
  };
  const auto verdict_of = [](const nft::Set& set, const nft::Key& key) {
    for (const nft::Element& element : set.elements)
      if (element.key == key) return *element.verdict;
    ADD_FAILURE() << set.name << " lacks a key";
    return nft::Verdict{};
  };
  // 80, 81, 53/udp and the 11 ports 150-160, which two rules cover.
  EXPECT_THAT(ports.elements, SizeIs(14));
  EXPECT_THAT(ranges.elements, SizeIs(2));
  EXPECT_TRUE(ranges.interval);
  const auto comment = [&](const nft::Verdict& v) { return group(v).rules[0].comment; };
  const auto tcp = [&](std::uint16_t port) {
    return verdict_of(ports, nft::ProtocolServiceKey(nft::kTcp, port));
  };
  EXPECT_EQ(comment(tcp(80)),
            "shop/p ingress[0], shop/p ingress[1], shop/p ingress[2], shop/p ingress[3]");
  EXPECT_EQ(comment(tcp(81)), "shop/p ingress[0], shop/p ingress[2], shop/p ingress[3]");
  // Ports that the same rules cover share a group.
  EXPECT_EQ(tcp(150), tcp(80));
  EXPECT_EQ(verdict_of(ranges, nft::ServiceKey(161)), tcp(81));
  EXPECT_EQ(comment(verdict_of(ports, nft::ProtocolServiceKey(nft::kUdp, 53))),
            "shop/p ingress[0], shop/p ingress[3], shop/p ingress[4]");
  EXPECT_EQ(comment(std::get<nft::Verdict>(*chain.rules[2].action)),
            "shop/p ingress[2], shop/p ingress[3]");
  EXPECT_EQ(comment(std::get<nft::Verdict>(*chain.rules[3].action)), "shop/p ingress[3]");
  EXPECT_EQ(group(tcp(80)).rules.back().action,
            nft::Action(nft::Verdict{nft::Verdict::Kind::kGoto, "ingress-deny"}));
}

// Rules that the worst packet meets from the class's chain on.
std::size_t Depth(const nft::Ruleset& ruleset, const std::string& name) {
  const nft::Chain& chain = ruleset.chains.at(name);
  std::set<std::string> next;
  for (const nft::Rule& rule : chain.rules) {
    std::set<std::string> sets, counters;
    nft::CollectReferences(rule, &sets, &next, &counters);
    for (const std::string& set : sets)
      for (const nft::Element& element : ruleset.sets.at(set).elements)
        if (element.verdict) next.insert(element.verdict->chain);
  }
  std::size_t deepest = 0;
  for (const std::string& target : next) deepest = std::max(deepest, Depth(ruleset, target));
  return chain.rules.size() + deepest;
}

TEST(Compile, APacketMeetsAFewRulesHoweverManyPoliciesThereAre) {
  for (const int policies : {1, 2, 4, 8, 9, 20, 50, 100, 200}) {
    World w = OneWebPod({"10.1.0.1", "fd00::1"});
    for (int i = 0; i < policies; ++i) {
      const std::string app = fmt::format("a{}", i);
      const std::string cidr = fmt::format("10.{}.0.0/16", i);
      const auto number = static_cast<std::uint16_t>(1000 + i);
      const auto start = static_cast<std::uint16_t>(2000 + i * 50);
      std::vector<PolicyRule> rules = {
          RuleOf({PodsOf(Select({{"app", app.c_str()}})), Block(cidr)},
                 {Port(80), Port(number), Range(start, static_cast<std::uint16_t>(start + 120))}),
          RuleOf({NamespacesOf(Select({{"team", app.c_str()}}))},
                 {Named("http"), Whole(Protocol::kUdp)})};
      w.Ingress(fmt::format("shop/in{}", i), {}, rules);
      w.Egress(fmt::format("shop/out{}", i), {}, rules);
    }
    const nft::Ruleset ruleset = CompileNode(w.cluster);
    for (const char* prefix : {"in-class-", "eg-class-"})
      // Class chain, group, deny: at most 10 + 20 + 2; the readable form has at most 24 + 2.
      EXPECT_LE(Depth(ruleset, OnlyChain(ruleset, prefix).name), 32u) << policies << " policies";
  }
}

TEST(Compile, NamesStayUniqueWhenTheyAreCut) {
  World w;
  const std::string long_name(253, 'p');
  const std::string ns(63, 'n');
  w.AddNamespace(ns);
  for (const char* last : {"a", "b"}) {
    const std::string name = long_name.substr(1) + last;
    w.AddPod(ns + "/" + name, "n1", {{"app", last}}, {last[0] == 'a' ? "10.0.0.1" : "10.0.0.2"});
    w.Ingress(ns + "/" + name, Select({{"app", last}}), {RuleOf({PodsOf({})}, {Port(80)})});
  }
  w.Ingress(ns + "/" + long_name, {}, {RuleOf({PodsOf({})}, {Port(80)}), RuleOf({}, {Port(81)})});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_THAT(Names(ruleset.chains, "in-class-"), SizeIs(2));
  EXPECT_THAT(ruleset.counters, SizeIs(2 + 3));
  for (const std::string& name : ruleset.counters) EXPECT_LE(name.size(), nft::kMaxNameBytes);
  for (const auto& [name, chain] : ruleset.chains) {
    EXPECT_LE(name.size(), nft::kMaxNameBytes);
    for (const nft::Rule& rule : chain.rules) EXPECT_LE(rule.comment.size(), nft::kMaxCommentBytes);
  }
  // A plain name of 253 bytes: what tells its rules apart is kept in the comment.
  World one;
  one.AddNamespace(ns);
  one.AddPod(ns + "/x", "n1", {}, {"10.0.0.1"});
  one.Ingress(ns + "/" + long_name, {}, {RuleOf({}, {Port(1)}), RuleOf({}, {Port(2)})});
  const nft::Ruleset of_one = CompileNode(one.cluster);
  const nft::Chain& chain = OnlyChain(of_one, "in-class-");
  EXPECT_EQ(chain.name.size(), nft::kMaxNameBytes);
  EXPECT_THAT(chain.rules[1].comment, AllOf(SizeIs(nft::kMaxCommentBytes), StartsWith(ns + "/ppp"),
                                            HasSubstr("... ingress[1]")));
}

// A policy may list thousands of peers and thousands of ports; their product must never be written
// out.
TEST(Compile, ALargePolicyCostsItsSizeNotItsProduct) {
  World w = OneWebPod();
  PolicyRule rule;
  for (int i = 0; i < 20'000; ++i) {
    rule.peers.push_back(Block(fmt::format("10.{}.{}.0/24", i / 250, i % 250)));
    rule.ports.push_back(Port(static_cast<std::uint16_t>(2 * i + 1)));
    rule.ports.push_back(Named(fmt::format("n{}", i).c_str()));
  }
  w.Ingress("shop/p", {}, {rule});
  w.Egress("shop/q", {}, {rule});
  const nft::Ruleset ruleset = CompileNode(w.cluster);
  EXPECT_THAT(Names(ruleset.chains, "in-group-"), SizeIs(1));
  const auto& map =
      std::get<nft::VmapService>(*ruleset.chains.at("in-class-shop/p").rules[0].action);
  EXPECT_THAT(ruleset.sets.at(map.map).elements, SizeIs(20'000));
}

// Nested ranges: n of them are cut into 2 n - 1 pieces with n * n rules together.
TEST(Compile, AClassOfTooManyPortPiecesAllowsNothing) {
  for (const std::uint16_t count : {200, 256}) {
    World w = OneWebPod();
    std::vector<PolicyRule> rules;
    for (std::uint16_t i = 0; i < count; ++i)
      rules.push_back(RuleOf(
          {Block(fmt::format("10.{}.{}.0/24", i / 250, i % 250))},
          {Range(static_cast<std::uint16_t>(i + 1), static_cast<std::uint16_t>(60000 - i))}));
    w.Ingress("shop/p", {}, {rules.begin(), rules.begin() + 100});
    w.Ingress("shop/q", {}, {rules.begin() + 100, rules.end()});
    w.Ingress("shop/r", {}, {RuleOf({PodsOf({})}, {})});
    const bool fits = std::size_t{count} * count + 2 * count - 1 <= kMaxPortPieces;
    EXPECT_EQ(fits, count == 200);
    const FlowAnswer verdict = test::Ask(w.cluster, "shop/db shop/web:7/udp");
    EXPECT_EQ(verdict.allowed, fits) << verdict.reason;
    const nft::Ruleset ruleset = CompileNode(w.cluster);
    const auto chain =
        std::find_if(ruleset.chains.begin(), ruleset.chains.end(),
                     [](const auto& c) { return c.first.starts_with("in-class-shop/p"); });
    ASSERT_NE(chain, ruleset.chains.end());
    ASSERT_EQ(chain->second.rules.size() == 1, !fits);
    if (fits) continue;
    EXPECT_EQ(chain->second.rules[0].action,
              nft::Action(nft::Verdict{nft::Verdict::Kind::kGoto, "ingress-deny"}));
    EXPECT_THAT(chain->second.rules[0].comment, StartsWith("nothing allowed: more than 65536"));
    EXPECT_THAT(verdict.reason, testing::HasSubstr("more than 65536 port pieces times rules"));
  }
}

// What is counted: selectors with the namespaces that they select pods of, each once, of rules that
// allow some port.
TEST(Compile, OnlyDifferentSelectorsOfRulesThatAllowSomethingCount) {
  const auto others = [](std::size_t i) {
    return LabelSelector{{{"app", Requirement::Operator::kNotIn, {fmt::format("app-{}", i)}}}};
  };
  for (const bool one_more : {false, true}) {
    World w = OneWebPod();
    std::vector<PolicyPeer> peers;
    for (std::size_t i = 0; i < kMaxPodTerms - 1; ++i) peers.push_back(PodsOf(others(i)));
    w.Ingress("shop/p", {}, {RuleOf(peers, {Port(80)})});
    // The same again, and one of all namespaces.
    peers.back().namespaces = LabelSelector{};
    w.Ingress("shop/q", {}, {RuleOf(peers, {Port(81)})});
    PolicyPort nobodys;
    w.Ingress(
        "shop/r", {},
        {RuleOf({PodsOf(others(kMaxPodTerms))}, {Named(one_more ? "http" : "nobody-has-it")})});
    w.cluster.pods.at({"shop", "web"}).ports = {{"http", Protocol::kTcp, 8080}};
    const FlowAnswer verdict = test::Ask(w.cluster, "shop/db shop/web:80/tcp");
    EXPECT_EQ(verdict.allowed, !one_more) << verdict.reason;
    const nft::Ruleset ruleset = CompileNode(w.cluster);
    const auto chain =
        std::find_if(ruleset.chains.begin(), ruleset.chains.end(),
                     [](const auto& c) { return c.first.starts_with("in-class-shop/p"); });
    ASSERT_NE(chain, ruleset.chains.end());
    EXPECT_EQ(chain->second.rules.size() > 1, !one_more);
  }
}

// There is room for so many, and each has the same name.
class FewSets : public LookupSets {
 public:
  FewSets(std::size_t most, nft::Ruleset* out) : LookupSets(out), most_(most) {}
  bool full() const override { return made_ >= most_; }
  std::string Pods(const std::set<PodTerm>&, Family) override {
    ++made_;
    return "peers";
  }
  std::string NamedPorts(const std::vector<NamedPortUse>&, Family) override { return "named"; }

 private:
  std::size_t most_;
  std::size_t made_ = 0;
};

TEST(Compile, NothingMoreIsMadeOfAClassOnceItsSetsHaveNoRoom) {
  World w = OneWebPod();
  std::vector<PolicyRule> rules;
  for (std::uint16_t i = 1; i <= 100; ++i)
    rules.push_back(RuleOf({PodsOf(Select({{"app", fmt::format("a{}", i).c_str()}}))}, {Port(i)}));
  w.Ingress("shop/p", {}, rules);
  const NodeIr ir = BuildIr(w.cluster, "n1");
  ASSERT_THAT(ir.classes, SizeIs(1));
  for (const std::size_t most : {std::size_t{5}, std::size_t{100}}) {
    nft::Ruleset made;
    FewSets sets(most, &made);
    CompileClass(ir.classes[0], &sets);
    EXPECT_THAT(Names(made.chains, "in-group"), SizeIs(most));
  }
}

// Each selector is tried on every identity of the cluster, so a class may not have any number.
TEST(Compile, AClassOfTooManySelectorsAllowsNothing) {
  for (const std::size_t count : {kMaxPodTerms, kMaxPodTerms + 1}) {
    World w = OneWebPod();
    std::vector<PolicyRule> rules;
    for (std::size_t i = 0; i < count; ++i) {
      const LabelSelector others{
          {{"app", Requirement::Operator::kNotIn, {fmt::format("app-{}", i)}}}};
      rules.push_back(RuleOf({PodsOf(others)}, {Port(80)}));
    }
    w.Ingress("shop/p", {}, rules);
    w.Ingress("shop/q", {}, {RuleOf({Block("10.0.0.0/8")}, {Port(81)})});
    const nft::Ruleset ruleset = CompileNode(w.cluster);
    const auto chain =
        std::find_if(ruleset.chains.begin(), ruleset.chains.end(),
                     [](const auto& c) { return c.first.starts_with("in-class-shop/p"); });
    ASSERT_NE(chain, ruleset.chains.end());
    const FlowAnswer verdict = test::Ask(w.cluster, "shop/db shop/web:80/tcp");
    EXPECT_EQ(verdict.allowed, count == kMaxPodTerms) << verdict.reason;
    if (count == kMaxPodTerms) {
      EXPECT_THAT(chain->second.rules.back().comment, Not(StartsWith("nothing allowed")));
      EXPECT_GT(chain->second.rules.size(), 1u);
      continue;
    }
    ASSERT_THAT(chain->second.rules, SizeIs(1));
    EXPECT_EQ(chain->second.rules[0].action,
              nft::Action(nft::Verdict{nft::Verdict::Kind::kGoto, "ingress-deny"}));
    EXPECT_THAT(chain->second.rules[0].comment, StartsWith("nothing allowed: more than 2000"));
    EXPECT_THAT(verdict.reason, testing::HasSubstr("more than 2000 different pod selectors"));
    EXPECT_THAT(Names(ruleset.sets, "peers"), IsEmpty());
  }
}

}  // namespace
}  // namespace podgate::compiler
