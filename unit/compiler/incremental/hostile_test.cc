// Random worlds in which one namespace wants more than it gets, while others go on beside it: no
// packet between the others is judged otherwise than in the same world without the namespace.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "compiler/incremental/pipeline.h"
#include "nft/model/interpret.h"
#include "unit/compiler/support/manifest.h"
#include "unit/compiler/support/random_cluster.h"
#include "unit/compiler/support/world.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using namespace test;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kWorlds = 40;  // sanitized code is some ten times slower
#else
constexpr std::uint64_t kWorlds = 300;
#endif
constexpr const char* kHostile = "hostile";

// The others need little; a hostile policy soon needs more than any of these.
constexpr NamespaceLimits kLimits{.sets = 120,
                                  .elements = 1500,
                                  .elements_for_each_pod = 0,
                                  .total_elements = 1500,
                                  .small_elements = 1000};

PolicyPeer HostilePeer(Random* random) {
  PolicyPeer peer;
  if (random->Percent(20)) {
    const int number = random->Below(1000);
    const auto base = Address::Parse(fmt::format("20.{}.{}.0", number / 250, number % 250));
    peer.block = IpBlock{ipset::Prefix(*base, 24), {}};
    return peer;
  }
  // Different from all others, and met by every pod.
  peer.pods = LabelSelector{{{"no-such-label",
                              Requirement::Operator::kNotIn,
                              {fmt::format("{}", random->Below(100'000))}}}};
  peer.namespaces = LabelSelector{};
  return peer;
}

NetworkPolicy HostilePolicy(Random* random) {
  NetworkPolicy policy;
  policy.key = {kHostile, fmt::format("p{}", random->Below(6))};
  if (random->Percent(30))
    policy.pods = LabelSelector{{{"app", Requirement::Operator::kExists, {}}}};
  policy.isolates_egress = random->Percent(40);
  const int rules = random->Below(random->Percent(40) ? 4 : 150);
  for (int i = 0; i < rules; ++i) {
    PolicyRule rule;
    rule.index = static_cast<std::uint32_t>(i);
    for (int peers = random->Below(3); peers > 0; --peers)
      rule.peers.push_back(HostilePeer(random));
    PolicyPort port;
    port.number = static_cast<std::uint16_t>(1 + random->Below(60'000));
    port.end = static_cast<std::uint16_t>(*port.number + random->Below(5'000));
    rule.ports = {port};
    (policy.isolates_egress && random->Percent(50) ? policy.egress : policy.ingress)
        .push_back(std::move(rule));
  }
  return policy;
}

class HostileWorld {
 public:
  explicit HostileWorld(std::uint64_t seed) : random_(seed), cluster_(RandomCluster(&random_)) {
    for (Pipeline* pipeline : {&attacked_, &peaceful_}) {
      for (const auto& [name, ns] : cluster_.namespaces) pipeline->Put(ns);
      for (const auto& [key, pod] : cluster_.pods) pipeline->Put(pod);
      for (const auto& [key, policy] : cluster_.policies) pipeline->Put(policy);
    }
    attacked_.Put(Namespace{kHostile, {}});
    for (int i = 0; i < 3; ++i) attacked_.Put(HostilePod(i));
    peaceful_.Update();
    for (const auto& [key, pod] : cluster_.pods)
      ends_.insert(ends_.end(), pod.addresses.begin(), pod.addresses.end());
    ends_.push_back(*Address::Parse("203.0.113.9"));
    ends_.push_back(*Address::Parse("2001:db8::9"));
  }

  // One thing that its tenant does; true if some policy was refused for it.
  bool Attack() {
    for (int changed = random_.Below(random_.Percent(20) ? 30 : 3); changed > 0; --changed) {
      const int number = random_.Below(30);
      if (random_.Percent(30)) {
        attacked_.RemovePod({kHostile, fmt::format("h{}", number)});
      } else {
        attacked_.Put(HostilePod(number));
      }
    }
    if (random_.Percent(25)) {
      attacked_.RemovePolicy({kHostile, fmt::format("p{}", random_.Below(6))});
    } else {
      attacked_.Put(HostilePolicy(&random_));
    }
    if (random_.Percent(20)) attacked_.RetryRefused();
    attacked_.Update();
    return !attacked_.TakeRefused().empty();
  }

  // Empty, or a packet between others that is judged otherwise than in peace.
  std::string Wronged() {
    for (int i = 0; i < 30; ++i) {
      nft::Packet packet;
      packet.source = random_.Pick(ends_);
      packet.destination = random_.Pick(ends_);
      if (packet.source.family() != packet.destination.family()) continue;
      packet.protocol = random_.Percent(70) ? nft::kTcp : nft::kUdp;
      packet.destination_port = static_cast<std::uint16_t>(
          random_.Percent(60) ? 80 + random_.Below(3) : random_.Below(9000));
      const bool in_peace =
          nft::Interpret(peaceful_.ruleset(), nft::Hook::kForward, packet).accepted;
      if (nft::Interpret(attacked_.ruleset(), nft::Hook::kForward, packet).accepted != in_peace)
        return fmt::format("{} -> {} {}/{} is {} in peace", packet.source.ToString(),
                           packet.destination.ToString(), packet.protocol, packet.destination_port,
                           in_peace ? "allowed" : "denied");
    }
    return {};
  }
  std::string Text() const { return Manifests(cluster_); }

 private:
  // Also as a peer of the others' policies: it has the labels of one of their pods, or many.
  Pod HostilePod(int number) {
    Pod pod;
    pod.key = {kHostile, fmt::format("h{}", number)};
    pod.node = random_.Percent(60) ? "n1" : "n2";
    if (random_.Percent(50) && !cluster_.pods.empty()) {
      auto like = cluster_.pods.begin();
      std::advance(like, random_.Below(static_cast<int>(cluster_.pods.size())));
      pod.labels = like->second.labels;
    }
    if (FindLabel(pod.labels, "app") == nullptr) pod.labels.emplace_back("app", pod.key.name);
    for (int labels = random_.Below(random_.Percent(10) ? 300 : 4); labels > 0; --labels)
      pod.labels.emplace_back(fmt::format("l{}", labels), "v");
    std::sort(pod.labels.begin(), pod.labels.end());
    pod.addresses = {*Address::Parse(fmt::format("10.66.0.{}", number + 1)),
                     *Address::Parse(fmt::format("2001:db8:66::{}", number + 1))};
    return pod;
  }

  Random random_;
  Cluster cluster_;
  Pipeline attacked_{"n1", {}, kLimits};
  Pipeline peaceful_{"n1", {}};
  std::vector<Address> ends_;
};

TEST(HostileNamespace, NeverChangesWhatOthersMayDo) {
  const char* wanted = std::getenv("PODGATE_WORLDS");
  const std::uint64_t worlds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kWorlds;
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < worlds; ++i) {
    const std::uint64_t seed = unit::Seed() + i;
    HostileWorld world(seed);
    for (int step = 0; step < 8; ++step) {
      refused += world.Attack() ? 1 : 0;
      ASSERT_EQ(world.Wronged(), "") << fmt::format(
          "PODGATE_SEED={} PODGATE_WORLDS=1 repeats this; step {}\n{}", seed, step, world.Text());
    }
  }
  EXPECT_GT(refused, worlds / 2) << "attacks that ask for too much are the point";
  std::printf("%llu worlds, %llu refusals\n", static_cast<unsigned long long>(worlds),
              static_cast<unsigned long long>(refused));
}

}  // namespace
}  // namespace podgate::compiler
