// Random clusters: the compiled ruleset is whole and nothing in it is superfluous. What it says
// about packets is compared with the reference evaluator in agreement_test.cc.
#include <gtest/gtest.h>

#include "compiler/compile.h"
#include "compiler/ir.h"
#include "unit/compiler/random_cluster.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

TEST(CompileRandom, EveryReferenceIsThereAndNothingIsLeftOver) {
  SCOPED_TRACE(unit::SeedNote());
  test::Random random(unit::Seed());
  for (int round = 0; round < 400; ++round) {
    const Cluster cluster = test::RandomCluster(&random);
    const nft::Ruleset ruleset = Compile(BuildIr(cluster, "n1"));
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
