// Random clusters: the compiled ruleset is whole and nothing in it is superfluous. What it says
// about packets is compared with the reference evaluator in agreement_test.cc.
#include <gtest/gtest.h>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "unit/compiler/support/random_cluster.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

// Takes one object of another cluster over, or takes one away, or both.
template <typename T>
void Exchange(T* objects, const T& others, test::Random* random) {
  if (!objects->empty() && random->Percent(50))
    objects->erase(std::next(objects->begin(), random->Below(static_cast<int>(objects->size()))));
  if (!others.empty() && random->Percent(70)) {
    const auto it = std::next(others.begin(), random->Below(static_cast<int>(others.size())));
    objects->insert_or_assign(it->first, it->second);
  }
}

// A change as a watch could bring it.
void Mutate(Cluster* cluster, test::Random* random) {
  const Cluster other = test::RandomCluster(random);
  switch (random->Below(4)) {
    case 0:
      Exchange(&cluster->namespaces, other.namespaces, random);
      break;
    case 1:
      Exchange(&cluster->policies, other.policies, random);
      break;
    default:
      Exchange(&cluster->pods, other.pods, random);
      break;
  }
}

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

// What the commit discipline rests on: whatever changes in the cluster, a name that stays means the
// same set of the same form, no key of a map changes its verdict, and interval sets and port maps
// never change at all.
TEST(CompileRandom, NamesThatStayKeepTheirMeaning) {
  SCOPED_TRACE(unit::SeedNote());
  test::Random random(unit::Seed());
  int kept = 0;
  for (int round = 0; round < 100; ++round) {
    Cluster cluster = test::RandomCluster(&random);
    nft::Ruleset before = Compile(BuildIr(cluster, "n1"));
    for (int change = 0; change < 20; ++change) {
      Mutate(&cluster, &random);
      nft::Ruleset after = Compile(BuildIr(cluster, "n1"));
      for (const auto& [name, old] : before.sets) {
        const auto it = after.sets.find(name);
        if (it == after.sets.end()) continue;
        ++kept;
        nft::Set form = old;
        form.elements = it->second.elements;
        EXPECT_EQ(form, it->second) << name;
        const bool by_content = name.find("-ports-") != std::string::npos || old.interval;
        if (by_content) {
          EXPECT_EQ(old.elements, it->second.elements) << name;
        }
        if (!old.verdict_map) continue;
        std::map<nft::Key, nft::Verdict> verdicts;
        for (const nft::Element& element : old.elements) verdicts[element.key] = *element.verdict;
        for (const nft::Element& element : it->second.elements)
          if (const auto v = verdicts.find(element.key); v != verdicts.end()) {
            EXPECT_EQ(v->second, *element.verdict) << name;
          }
      }
      before = std::move(after);
    }
  }
  EXPECT_GT(kept, 1000);
}

}  // namespace
}  // namespace podgate::compiler
