// Random clusters: what the interpreter says of the compiled ruleset is what the reference
// evaluator says of the cluster, for every node that judges the flow.
#include <gtest/gtest.h>

#include <random>

#include "compiler/compile.h"
#include "compiler/evaluate.h"
#include "compiler/probe.h"
#include "nft/interpret.h"
#include "unit/compiler/random_cluster.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using Rulesets = std::map<std::string, nft::Ruleset>;

Rulesets CompileAll(const Cluster& cluster) {
  Rulesets rulesets;
  for (const auto& [key, pod] : cluster.pods)
    if (!rulesets.contains(pod.node))
      rulesets.emplace(pod.node, Compile(BuildIr(cluster, pod.node)));
  return rulesets;
}

// Each node that a packet crosses judges it in the forward hook.
bool Accepted(const Rulesets& rulesets, const nft::Packet& packet, std::string* trace) {
  bool accepted = true;
  for (const auto& [node, ruleset] : rulesets) {
    const nft::Outcome outcome = nft::Interpret(ruleset, nft::Hook::kForward, packet);
    accepted = accepted && outcome.accepted;
    *trace += "\n" + node + ":";
    for (const std::string& step : outcome.trace) *trace += "\n  " + step;
  }
  return accepted;
}

std::uint8_t NumberOf(FlowProtocol protocol, Family family) {
  switch (protocol) {
    case FlowProtocol::kTcp:
      return nft::kTcp;
    case FlowProtocol::kUdp:
      return nft::kUdp;
    case FlowProtocol::kSctp:
      return nft::kSctp;
    case FlowProtocol::kIcmp:
      return family == Family::kIPv4 ? nft::kIcmp : nft::kIcmpv6;
  }
  return 0;
}

TEST(CompileRandom, RulesetSaysWhatTheReferenceEvaluatorSays) {
  SCOPED_TRACE(unit::SeedNote());
  std::mt19937_64 random(unit::Seed());
  int judged = 0;
  int denied = 0;
  for (int round = 0; round < 400; ++round) {
    const Cluster cluster = test::RandomCluster(&random, round % 4 == 3 ? 40 : 6);
    const Rulesets rulesets = CompileAll(cluster);
    for (int i = 0; i < 100; ++i) {
      const std::optional<Flow> flow = test::RandomFlow(cluster, &random);
      if (!flow) continue;
      const Address from = std::get<Address>(flow->from);
      const Address to = std::get<Address>(flow->to);
      std::string error;
      const std::optional<FlowVerdict> expected = Evaluate(cluster, *flow, {}, &error);
      ASSERT_TRUE(expected) << error;
      nft::Packet packet{.source = from, .destination = to};
      packet.protocol = NumberOf(flow->protocol, from.family());
      packet.destination_port = flow->port;
      packet.icmp_type = from.family() == Family::kIPv4 ? 8 : 128;
      std::string trace;
      const bool accepted = Accepted(rulesets, packet, &trace);
      ++judged;
      denied += !accepted;
      ASSERT_EQ(accepted, expected->allowed)
          << "round " << round << ": " << ToString(flow->from) << " to " << ToString(flow->to)
          << " port " << flow->port << " protocol " << int{packet.protocol} << ": "
          << expected->reason << trace << "\n"
          << DumpText(BuildIr(cluster, "n0")) << DumpText(BuildIr(cluster, "n1"));
    }
  }
  // The clusters must be neither all open nor all shut for this to mean anything.
  EXPECT_GT(denied, judged / 10);
  EXPECT_GT(judged - denied, judged / 10);
}

TEST(CompileRandom, EveryReferenceIsThereAndNothingIsLeftOver) {
  SCOPED_TRACE(unit::SeedNote());
  std::mt19937_64 random(unit::Seed());
  for (int round = 0; round < 200; ++round) {
    const Cluster cluster = test::RandomCluster(&random, round % 4 == 3 ? 40 : 6);
    const nft::Ruleset ruleset = Compile(BuildIr(cluster, "n0"));
    std::set<std::string> sets, chains, counters;
    for (const auto& [name, chain] : ruleset.chains) {
      EXPECT_EQ(name, chain.name);
      if (chain.base) chains.insert(name);
      for (const nft::Rule& rule : chain.rules) {
        nft::CollectReferences(rule, &sets, &chains, &counters);
        EXPECT_LE(rule.comment.size(), nft::kMaxCommentBytes);
      }
    }
    std::set<std::string> there;
    for (const auto& [name, set] : ruleset.sets) {
      EXPECT_EQ(name, set.name);
      EXPECT_LE(set.comment.size(), nft::kMaxCommentBytes);
      EXPECT_TRUE(std::is_sorted(set.elements.begin(), set.elements.end()));
      if (!set.interval) {
        EXPECT_GE(set.size, set.elements.size());
      }
      for (const nft::Element& element : set.elements) {
        EXPECT_EQ(element.verdict.has_value(), set.verdict_map);
        if (element.verdict) chains.insert(element.verdict->chain);
      }
      there.insert(name);
    }
    EXPECT_EQ(sets, there);
    there.clear();
    for (const auto& [name, chain] : ruleset.chains) there.insert(name);
    // These stand even when nobody needs them.
    for (const char* always : {"ingress-deny", "egress-deny"}) chains.insert(always);
    EXPECT_EQ(chains, there);
    counters.insert({"denied-ingress", "denied-egress"});
    EXPECT_EQ(counters, ruleset.counters);
    for (const std::string& name : there) EXPECT_LE(name.size(), nft::kMaxNameBytes);
  }
}

}  // namespace
}  // namespace podgate::compiler
