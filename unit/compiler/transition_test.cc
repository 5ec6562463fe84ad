// What a packet can meet while a change is committed (design §5, "commit discipline"): whatever mix
// of old and new answers its look-ups get, its verdict must be the one before the change or the one
// after it.
//
// Of each step a packet keeps the rules that it entered with; its look-ups see the sets as they are
// at that moment: the first few before the commit, the rest after it. Every such moment is tried,
// for each step, for one event and for several at once.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "compiler/compile.h"
#include "compiler/ir.h"
#include "compiler/path.h"
#include "nft/diff.h"
#include "nft/fake_kernel.h"
#include "nft/interpret.h"
#include "nft/print.h"
#include "unit/compiler/manifest.h"
#include "unit/compiler/random_cluster.h"
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
    const nft::Outcome outcome =
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

// Empty, or what goes wrong.
std::string Check(const nft::Ruleset& from, const nft::Ruleset& to,
                  const std::vector<nft::Packet>& packets, Found* found) {
  nft::FakeKernel kernel;
  nft::Status status = nft::CommitAll(&kernel, nft::Diff(nullptr, from));
  if (!status.ok()) return "first ruleset refused: " + status.message();
  const nft::Ruleset start = *kernel.Read(from.table).value();
  nft::Ruleset before = start;
  const std::vector<nft::Step> steps = nft::Diff(&start, to);
  found->aside += nft::Print(steps).find("aside-") != std::string::npos;
  for (const nft::Step& step : steps) {
    status = kernel.Commit(step);
    if (!status.ok()) return "step refused: " + status.message() + "\n" + nft::Print({step});
    const nft::Ruleset after = *kernel.Read(from.table).value();
    ++found->steps;
    nft::Ruleset rules = before;
    for (const auto& [name, chain] : after.chains) {
      if (!chain.base) rules.chains.try_emplace(name, nft::Chain{name, std::nullopt, {}, ""});
    }
    for (const nft::Hook hook : {nft::Hook::kForward, nft::Hook::kInput}) {
      for (const nft::Packet& packet : packets) {
        const bool old_verdict = nft::Interpret(from, hook, packet).accepted;
        const bool new_verdict = nft::Interpret(to, hook, packet).accepted;
        ++found->packets;
        found->changed += old_verdict != new_verdict;
        if (old_verdict != new_verdict) continue;  // either is right
        if (VerdictsDuring(before, rules, after, hook, packet) == std::set<bool>{old_verdict})
          continue;
        return fmt::format(
            "{} -> {} protocol {} port {} is {} before and after, and not always in between:\n{}",
            packet.source.ToString(), packet.destination.ToString(), packet.protocol,
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

}  // namespace
}  // namespace podgate::compiler
