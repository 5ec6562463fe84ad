// What a packet can meet while a change is committed (design §5, "commit discipline"): whatever mix
// of old and new answers its look-ups get, its verdict must be the one before the change or the one
// after it.
//
// Of each step a packet keeps the rules that it entered with; its look-ups see the sets as they are
// at that moment: the first few before the commit, the rest after it. Every such moment is tried,
// for each step, for one event and for several at once.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <variant>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "compiler/reference/path.h"
#include "nft/model/compare.h"
#include "nft/model/interpret.h"
#include "nft/plan/diff.h"
#include "nft/plan/rebuild.h"
#include "nft/text/print.h"
#include "unit/compiler/support/manifest.h"
#include "unit/compiler/support/random_cluster.h"
#include "unit/nft/fake/fake_kernel.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using namespace test;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kChanges = 200;  // sanitized code is some ten times slower
#else
constexpr std::uint64_t kChanges = 2'000;
#endif

const nft::Element* FindIn(const nft::Ruleset& ruleset, const std::string& name,
                           const nft::Key& key) {
  const auto found = ruleset.sets.find(name);
  return found == ruleset.sets.end() ? nullptr : nft::Find(found->second, key);
}

// The verdicts that a packet can get while `before` becomes `after` in one transaction.
// `rules` are those before it, with the chains that it makes, empty as they are for a packet of
// before.
std::set<bool> VerdictsDuring(const nft::Ruleset& before, const nft::Ruleset& rules,
                              const nft::Ruleset& after, nft::Hook hook,
                              const nft::Packet& packet) {
  std::set<bool> verdicts;
  verdicts.insert(nft::Interpret(after, hook, packet).accepted);
  int look_ups = 0;
  for (int old = 0; old <= look_ups; ++old) {  // the first `old` look-ups come before the commit
    int asked = 0;
    const nft::Interpretation outcome =
        nft::Interpret(rules, hook, packet, [&](const std::string& set, const nft::Key& key) {
          return FindIn(asked++ < old ? before : after, set, key);
        });
    verdicts.insert(outcome.accepted);
    look_ups = std::max(look_ups, asked);
  }
  return verdicts;
}

struct Found {
  std::uint64_t packets = 0;
  std::uint64_t steps = 0;
  std::uint64_t aside = 0;    // changes for which sets were copied
  std::uint64_t changed = 0;  // packets whose verdict the change changes
};

using Steps = std::vector<nft::Step>;
using Plan = std::function<Steps(Steps)>;

Steps AsPlanned(Steps steps) { return steps; }

constexpr std::string_view kThirdVerdict = "a third verdict: ";

// Empty, or what goes wrong.
std::string Check(const nft::Ruleset& from, const nft::Ruleset& to,
                  const std::vector<nft::Packet>& packets, Found* found,
                  const Plan& plan = AsPlanned) {
  nft::FakeKernel kernel;
  nft::Status status = nft::CommitAll(&kernel, nft::Diff(nullptr, from));
  if (!status.ok()) return "first ruleset refused: " + status.message();
  const nft::Ruleset start = *kernel.Read(from.table).value();
  nft::Ruleset before = start;
  const Steps steps = plan(nft::Diff(&start, to));
  found->aside += nft::Print(steps).find("copy-") != std::string::npos;
  for (const nft::Step& step : steps) {
    status = kernel.Commit(step);
    if (!status.ok()) return "step refused: " + status.message() + "\n" + nft::Print({step});
    const nft::Ruleset after = *kernel.Read(from.table).value();
    ++found->steps;
    nft::Ruleset rules = before;
    for (const auto& [name, chain] : after.chains) {
      if (!chain.base) rules.chains.try_emplace(name, nft::Chain{name, std::nullopt, {}, ""});
    }
    for (const nft::Hook hook : nft::kHooks) {
      for (const nft::Packet& packet : packets) {
        const bool old_verdict = nft::Interpret(from, hook, packet).accepted;
        const bool new_verdict = nft::Interpret(to, hook, packet).accepted;
        ++found->packets;
        found->changed += old_verdict != new_verdict;
        if (old_verdict != new_verdict) continue;  // either is right
        if (VerdictsDuring(before, rules, after, hook, packet) == std::set<bool>{old_verdict})
          continue;
        return fmt::format(
            "{}{} -> {} protocol {} port {} is {} before and after, and not always in between:\n{}",
            kThirdVerdict, packet.source.ToString(), packet.destination.ToString(), packet.protocol,
            packet.destination_port, old_verdict ? "accepted" : "dropped", nft::Print(steps));
      }
    }
    before = after;
  }
  return nft::SameForKernel(before, to) ? "" : "the steps do not lead to the wanted ruleset";
}

std::vector<nft::Packet> PacketsOf(const Cluster& old_cluster, const Cluster& new_cluster,
                                   Random* random) {
  std::vector<nft::Packet> packets;
  for (int i = 0; i < 40; ++i) {
    const Cluster& cluster = i % 2 == 0 ? old_cluster : new_cluster;
    std::string error;
    const std::optional<Path> path = PathOf(cluster, RandomFlow(cluster, random), &error);
    if (path && path->packet && !path->hops.empty()) packets.push_back(*path->packet);
  }
  return packets;
}

TEST(Transition, NoPacketMeetsAThirdVerdict) {
  const std::uint64_t changes = FromEnvironment("PODGATE_CHANGES", kChanges);
  Found found;
  for (std::uint64_t i = 0; i < changes; ++i) {
    const std::uint64_t seed = unit::Seed() + i;
    Random random(seed);
    const Cluster old_cluster = RandomCluster(&random);
    Cluster new_cluster = old_cluster;
    for (int events = 1 + random.Share({50, 20, 20, 10}); events > 0; --events)
      RandomChange(&new_cluster, &random);
    CompileOptions options;
    options.pod_to_node_enforce = random.Percent(30);
    options.ipvs = random.Percent(30);
    const std::vector<nft::Packet> packets = PacketsOf(old_cluster, new_cluster, &random);
    for (const char* node : {"n1", "n2"}) {
      const std::string wrong =
          Check(Compile(BuildIr(old_cluster, node), options),
                Compile(BuildIr(new_cluster, node), options), packets, &found);
      ASSERT_EQ(wrong, "") << "PODGATE_SEED=" << seed
                           << " PODGATE_CHANGES=1 repeats this change on " << node << "\nbefore:\n"
                           << Manifests(old_cluster) << "\nafter:\n"
                           << Manifests(new_cluster);
    }
  }
  fmt::print("{} changes, {} steps, {} packets: {} with a new verdict; {} changes aside\n", changes,
             found.steps, found.packets, found.changed, found.aside);
  EXPECT_GT(found.changed, changes / 10);
  EXPECT_GT(found.aside, changes / 1000);
}

// The same for the last resort, which builds all of it again beside the old.
TEST(Transition, NoPacketMeetsAThirdVerdictInARebuild) {
  Found found;
  for (std::uint64_t i = 0; i < kChanges / 10; ++i) {
    Random random(unit::Seed() + i);
    const Cluster old_cluster = RandomCluster(&random);
    Cluster new_cluster = old_cluster;
    for (int events = random.Between(0, 3); events > 0; --events)
      RandomChange(&new_cluster, &random);
    const nft::Ruleset from = Compile(BuildIr(old_cluster, "n1"));
    const nft::Ruleset to = Compile(BuildIr(new_cluster, "n1"));
    const Plan rebuild = [&](const Steps&) { return nft::Rebuild(&from, to); };
    ASSERT_EQ(Check(from, to, PacketsOf(old_cluster, new_cluster, &random), &found, rebuild), "")
        << unit::SeedNote() << " change " << i;
  }
  fmt::print("{} steps, {} packets\n", found.steps, found.packets);
}

// An agent that is killed leaves behind what some batch led to. From there the next one goes on, to
// the same goal, back, or to what the cluster has become meanwhile: no packet gets a verdict that
// is not of one of the two ends of its way.
TEST(Transition, KilledAfterAnyBatch) {
  Found found;
  for (std::uint64_t i = 0; i < kChanges / 10; ++i) {
    Random random(unit::Seed() + i);
    const Cluster old_cluster = RandomCluster(&random);
    Cluster new_cluster = old_cluster;
    for (int events = random.Between(1, 3); events > 0; --events)
      RandomChange(&new_cluster, &random);
    Cluster meanwhile = new_cluster;
    RandomChange(&meanwhile, &random);
    const std::vector<nft::Packet> packets = PacketsOf(old_cluster, meanwhile, &random);
    const nft::Ruleset from = Compile(BuildIr(old_cluster, "n1"));
    const nft::Ruleset to = Compile(BuildIr(new_cluster, "n1"));
    const nft::Ruleset other = Compile(BuildIr(meanwhile, "n1"));
    nft::FakeKernel kernel;
    ASSERT_TRUE(nft::CommitAll(&kernel, nft::Diff(nullptr, from)).ok());
    for (const nft::Step& step : nft::Diff(&from, to)) {
      ASSERT_TRUE(kernel.Commit(step).ok());
      const nft::Ruleset left = *kernel.Read(to.table).value();
      for (const nft::Ruleset* goal : {&to, &from, &other}) {
        ASSERT_EQ(Check(left, *goal, packets, &found), "")
            << unit::SeedNote() << " change " << i << ", killed after\n"
            << nft::Print({step});
      }
    }
  }
  fmt::print("{} steps, {} packets\n", found.steps, found.packets);
}

// The same steps, but what comes to live sets comes before what goes.
Steps OpenFirst(Steps steps) {
  const auto is_flip = [](const nft::Step& step) { return step.phase == nft::Phase::kFlip; };
  const auto first = std::find_if(steps.begin(), steps.end(), is_flip);
  const auto last = std::find_if_not(first, steps.end(), is_flip);
  std::reverse(first, last);
  return steps;
}

// One batch, as if elements were as atomic as rules are.
Steps AllAtOnce(Steps steps) {
  Steps one;
  for (nft::Step& step : steps) {
    if (one.empty()) one.push_back({nft::Phase::kFlip, step.table, {}});
    std::move(step.operations.begin(), step.operations.end(),
              std::back_inserter(one.front().operations));
  }
  return one;
}

// Rules of chains that packets meet change before the sets that they look up have their elements.
Steps ElementsLast(Steps steps) {
  Steps late;
  for (nft::Step& step : steps) {
    nft::Step rest{nft::Phase::kSweep, step.table, {}};
    const auto is_late = [](const nft::Operation& operation) {
      const auto* add = std::get_if<nft::AddElements>(&operation);
      return add != nullptr && (add->elements.empty() || !add->elements.front().verdict);
    };
    const auto from = std::stable_partition(step.operations.begin(), step.operations.end(),
                                            [&](const nft::Operation& o) { return !is_late(o); });
    std::move(from, step.operations.end(), std::back_inserter(rest.operations));
    step.operations.erase(from, step.operations.end());
    if (!rest.operations.empty()) late.push_back(std::move(rest));
  }
  std::erase_if(steps, [](const nft::Step& step) { return step.operations.empty(); });
  std::move(late.begin(), late.end(), std::back_inserter(steps));
  return steps;
}

// The proof above is worth what it would find: plans that are wrong in one thing only.
TEST(Transition, WrongPlansAreFound) {
  const std::vector<std::pair<std::string, Plan>> plans = {
      {"what comes before what goes", OpenFirst},
      {"all in one batch", AllAtOnce},
      {"elements after rules", ElementsLast}};
  for (const auto& [name, plan] : plans) {
    Found found;
    std::string problem;
    std::uint64_t changes = 0;
    while (!problem.starts_with(kThirdVerdict) && changes < 20'000) {
      Random random(unit::Seed() + changes++);
      const Cluster old_cluster = RandomCluster(&random);
      Cluster new_cluster = old_cluster;
      for (int events = random.Between(1, 4); events > 0; --events)
        RandomChange(&new_cluster, &random);
      const std::vector<nft::Packet> packets = PacketsOf(old_cluster, new_cluster, &random);
      problem = Check(Compile(BuildIr(old_cluster, "n1")), Compile(BuildIr(new_cluster, "n1")),
                      packets, &found, plan);
    }
    EXPECT_TRUE(problem.starts_with(kThirdVerdict)) << name;
    fmt::print("{}: found in change {}\n", name, changes);
  }
}

}  // namespace
}  // namespace podgate::compiler
