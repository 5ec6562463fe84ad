// What the loop posts about itself, turn by turn.
#include "controller/agent/agent_stats.h"

#include <gtest/gtest.h>

#include "unit/controller/agent/loop_world.h"

namespace podgate::controller {
namespace {

struct World : LoopWorld {
  AgentStatsBoard board{clock.Now()};
  Loop watched{{"n1", {}, false}, &kernel, &clock, &log, {.board = &board}};

  template <typename... Messages>
  LoopStats Turn(Messages... messages) {
    std::vector<Message> batch;
    (batch.push_back(std::move(messages)), ...);
    for (Message& message : batch) message.received = clock.Now();
    clock.Advance(std::chrono::milliseconds(20));  // the time that they wait
    watched.Handle(std::move(batch));
    watched.Tick();
    return board.Read();
  }
  LoopStats Begin() {
    return Turn(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}),
                Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})),
                Upsert(MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2")),
                Upsert(Kind::kNetworkPolicy, WebPolicy()), Listed(Kind::kNamespace),
                Listed(Kind::kPod), Listed(Kind::kNetworkPolicy));
  }
};

TEST(AgentStats, FollowTheLoop) {
  World world;
  EXPECT_EQ(world.board.Read().turned, world.clock.Now());
  const LoopStats before = world.Turn(Upsert(MakePod("web", "10.0.0.1", {})));
  EXPECT_FALSE(before.settled);
  EXPECT_FALSE(before.listed[PlaceOf(Kind::kPod)]);
  const LoopStats begun = world.Begin();
  EXPECT_TRUE(begun.settled);
  EXPECT_TRUE(begun.listed[0] && begun.listed[1] && begun.listed[2]);
  EXPECT_EQ(begun.events[PlaceOf(Kind::kPod)], 3U);
  EXPECT_EQ(begun.events[PlaceOf(Kind::kNamespace)], 1U);
  EXPECT_EQ(begun.events[PlaceOf(Kind::kNetworkPolicy)], 1U);
  EXPECT_EQ(begun.pods, 2U);
  EXPECT_EQ(begun.local_pods, 1U);
  EXPECT_EQ(begun.isolated_pods, 1U);
  EXPECT_EQ(begun.policies, 1U);
  EXPECT_EQ(begun.broken_policies, 0U);
  const RulesetSize size = SizeOf(world.Table());
  EXPECT_GT(size.rules, 0U);
  EXPECT_EQ(begun.size.rules, size.rules);
  EXPECT_EQ(begun.size.elements, size.elements);
  world.clock.Advance(std::chrono::seconds(5));
  const LoopStats later = world.Turn();
  EXPECT_EQ(later.turned, world.clock.Now());
}

TEST(AgentStats, BrokenPoliciesAreThoseThatAreThere) {
  World world;
  world.Begin();
  // Also when what can be read of it is what it was before.
  EXPECT_EQ(world.Turn(Upsert(Kind::kNetworkPolicy, WebPolicy(), {Unreadable()})).broken_policies,
            1U);
  EXPECT_EQ(world.Turn(Upsert(Kind::kNetworkPolicy, WebPolicy())).broken_policies, 0U);
  compiler::NetworkPolicy policy = WebPolicy();
  policy.isolates_egress = true;
  EXPECT_EQ(world.Turn(Upsert(Kind::kNetworkPolicy, policy, {Unreadable()})).broken_policies, 1U);
  EXPECT_EQ(world.Turn(Upsert(Kind::kNetworkPolicy, WebPolicy())).broken_policies, 0U);
  EXPECT_EQ(world.Turn(Upsert(Kind::kNetworkPolicy, policy, {Unreadable()})).broken_policies, 1U);
  EXPECT_EQ(world.Turn(Delete(Kind::kNetworkPolicy, "d", "web")).broken_policies, 0U);
}

TEST(AgentStats, TimesAreOfWhatReachedTheKernel) {
  World world;
  LoopStats stats = world.Begin();
  const auto count = [](const Histogram& histogram) {
    std::uint64_t all = 0;
    for (const std::uint64_t bucket : histogram.counts()) all += bucket;
    return all;
  };
  EXPECT_EQ(count(stats.commit), 1U);
  EXPECT_EQ(count(stats.event_to_commit), 1U);
  EXPECT_DOUBLE_EQ(stats.event_to_commit.sum_seconds(), 0.02);
  // Changes nothing in the kernel.
  stats = world.Turn(Upsert(MakePod("other", "10.0.1.9", {{"x", "y"}}, "n2")));
  EXPECT_EQ(count(stats.event_to_commit), 1U);
  // A refusal lasts until it is made up for.
  world.kernel.before_commit = [](const nft::Step&) {
    return nft::Status(nft::Status::Code::kOther, "no");
  };
  stats = world.Turn(Upsert(MakePod("friend", "10.0.1.3", {{"role", "client"}}, "n2")));
  EXPECT_FALSE(stats.settled);
  EXPECT_GT(stats.applied.failures, 0U);
  EXPECT_EQ(count(stats.event_to_commit), 1U);
  world.kernel.before_commit = {};
  world.clock.Advance(std::chrono::seconds(2));
  stats = world.Turn();
  EXPECT_TRUE(stats.settled);
  EXPECT_EQ(count(stats.event_to_commit), 2U);
  EXPECT_GT(stats.event_to_commit.sum_seconds(), 2.0);
}

TEST(AgentStats, LocalPodsAreToldWithTheirAddresses) {
  World world;
  world.Begin();
  const compiler::Pipeline& pipeline = world.watched.pipeline();
  auto changes = pipeline.local_changes();
  ASSERT_EQ(pipeline.LocalPods(9).size(), 1U);
  EXPECT_EQ(pipeline.LocalPods(9)[0].key.name, "web");
  EXPECT_EQ(pipeline.LocalPods(9)[0].addresses[0].ToString(), "10.0.0.1");
  world.Turn(Upsert(MakePod("client", "10.0.1.7", {{"role", "client"}}, "n2")));
  EXPECT_EQ(pipeline.local_changes(), changes);
  compiler::Pod host = MakePod("host", "192.168.0.1", {});
  host.host_network = true;
  world.Turn(Upsert(host), Upsert(MakePod("pending", "", {})),
             Upsert(MakePod("new", "10.0.0.2", {})));
  EXPECT_NE(pipeline.local_changes(), changes);
  EXPECT_EQ(pipeline.LocalPods(9).size(), 2U);
  EXPECT_EQ(pipeline.LocalPods(1).size(), 1U);
  changes = pipeline.local_changes();
  world.Turn(Delete(Kind::kPod, "d", "new"));
  EXPECT_NE(pipeline.local_changes(), changes);
  EXPECT_EQ(pipeline.LocalPods(9).size(), 1U);
}

}  // namespace
}  // namespace podgate::controller
