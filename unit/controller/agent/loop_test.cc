// The loop over a kernel in memory: what is written when, and that a change touches only what it
// must.
#include "controller/agent/loop.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "nft/model/compare.h"
#include "unit/controller/agent/loop_world.h"
#include "unit/nft/conntrack/flows.h"
#include "unit/nft/fake/fake_conntrack.h"
#include "unit/support/await.h"

namespace podgate::controller {
namespace {

using World = LoopWorld;

TEST(Loop, WritesNothingBeforeAllKindsAreListed) {
  const std::vector<Kind> kinds{Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy};
  for (const Kind last : kinds) {
    World world;
    world.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})),
               Upsert(Kind::kNetworkPolicy, WebPolicy()));
    for (const Kind kind : kinds) {
      if (kind != last) world.Tell(Listed(kind));
    }
    world.clock.Advance(std::chrono::hours(1));
    world.loop.Tick();
    EXPECT_TRUE(world.kernel.committed.empty());
    world.Tell(Listed(last));
    EXPECT_FALSE(world.kernel.committed.empty());
    EXPECT_FALSE(world.Passes("10.9.9.9", "10.0.0.1"));
    EXPECT_EQ(world.Logged("policies are enforced"), 1U);
    EXPECT_EQ(world.Logged("local_pods=1 isolated=1 pods=1"), 1U) << world.logged;
  }
}

TEST(Loop, AnEmptyClusterHasATableToo) {
  World world;
  world.Tell(Listed(Kind::kNamespace), Listed(Kind::kPod), Listed(Kind::kNetworkPolicy));
  EXPECT_FALSE(world.kernel.committed.empty());
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
}

TEST(Loop, OneLabelOfARemotePodIsOneElement) {
  World world;
  world.Start();
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
  world.Tell(Upsert(MakePod("stranger", "10.0.1.2", {{"role", "client"}}, "n2")));
  ASSERT_EQ(world.kernel.committed.size(), 1U);
  ASSERT_EQ(world.kernel.committed[0].operations.size(), 1U);
  const auto* added = std::get_if<nft::AddElements>(&world.kernel.committed[0].operations[0]);
  ASSERT_NE(added, nullptr);
  ASSERT_EQ(added->elements.size(), 1U);
  EXPECT_EQ(added->elements[0].key, nft::AddressKey(*ipset::Address::Parse("10.0.1.2")));
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.1"));
  world.kernel.committed.clear();
  world.Tell(Delete(Kind::kPod, "d", "stranger"));
  ASSERT_EQ(world.kernel.committed.size(), 1U);
  ASSERT_EQ(world.kernel.committed[0].operations.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<nft::DeleteElements>(world.kernel.committed[0].operations[0]));
}

TEST(Loop, WhatChangesNothingTouchesNothing) {
  World world;
  world.Start();
  compiler::Pod finished = MakePod("job", "10.0.1.1", {{"role", "client"}}, "n2");
  finished.finished = true;
  world.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})),
             Upsert(Kind::kNetworkPolicy, WebPolicy()),
             Upsert(MakePod("other", "10.0.7.7", {{"x", "y"}}, "n2")), Upsert(std::move(finished)),
             Delete(Kind::kPod, "d", "never"), Delete(Kind::kNetworkPolicy, "d", "never"),
             Listed(Kind::kPod));
  EXPECT_TRUE(world.kernel.committed.empty());
}

TEST(Loop, ManyMessagesAreOneCommit) {
  World world;
  world.Start();
  std::vector<Message> batch;
  for (int i = 0; i < 50; ++i) {
    batch.push_back(Upsert(
        MakePod(fmt::format("c{}", i), fmt::format("10.0.2.{}", i), {{"role", "client"}}, "n2")));
  }
  world.loop.Handle(std::move(batch));
  ASSERT_EQ(world.kernel.committed.size(), 1U);
  EXPECT_EQ(world.kernel.committed[0].operations.size(), 1U);
}

TEST(Loop, AFinishedPodIsGone) {
  World world;
  world.Start();
  compiler::Pod client = MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2");
  client.finished = true;
  world.Tell(Upsert(std::move(client)));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
  EXPECT_EQ(world.loop.pipeline().FindPod({"d", "client"}), std::nullopt);
}

TEST(Loop, ARestartTouchesNothing) {
  World world;
  world.Start();
  Loop second({"n1", {}, false}, &world.kernel, &world.clock, &world.log);
  std::vector<Message> batch;
  batch.push_back(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}));
  batch.push_back(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})));
  batch.push_back(Upsert(MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2")));
  batch.push_back(Upsert(Kind::kNetworkPolicy, WebPolicy()));
  for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
    batch.push_back(Listed(kind));
  second.Handle(std::move(batch));
  EXPECT_TRUE(world.kernel.committed.empty());
  EXPECT_TRUE(second.applier().settled());
}

TEST(Loop, TheStateDecidesNotTheWay) {
  // Any order and any split of the same messages ends in the same table.
  std::vector<Message> base;
  base.push_back(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}));
  base.push_back(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})));
  base.push_back(Upsert(MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2")));
  base.push_back(Upsert(Kind::kNetworkPolicy, WebPolicy()));
  for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
    base.push_back(Listed(kind));
  World expected;
  expected.loop.Handle(base);
  std::vector<std::size_t> order{0, 1, 2, 3, 4, 5, 6};
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    World world;
    std::vector<Message> batch;
    for (const std::size_t i : order) {
      batch.push_back(base[i]);
      if (random() % 2 == 0) world.loop.Handle(std::exchange(batch, {}));
      if (random() % 3 == 0) world.Tell(Message(base[i]));
    }
    world.loop.Handle(std::move(batch));
    EXPECT_EQ(world.Table(), expected.Table()) << round;
  }
}

// ---- what fails

TEST(Loop, ReadsBackAndTriesAgainAfterAFailure) {
  World world;
  world.Start();
  int refusals = 2;
  world.kernel.before_commit = [&refusals](const nft::Step&) {
    return refusals-- > 0 ? nft::Status(nft::Status::Code::kBusy, "busy") : nft::Status();
  };
  world.Tell(Upsert(MakePod("stranger", "10.0.1.2", {{"role", "client"}}, "n2")));
  EXPECT_FALSE(world.loop.applier().settled());
  world.loop.Tick();  // at once
  EXPECT_FALSE(world.loop.applier().settled());
  EXPECT_EQ(world.loop.applier().NextAttempt() - world.clock.Now(), std::chrono::milliseconds(20));
  world.loop.Tick();  // too early
  EXPECT_EQ(world.loop.applier().counters().failures, 2U);
  world.clock.Advance(std::chrono::milliseconds(20));
  world.loop.Tick();
  EXPECT_TRUE(world.loop.applier().settled());
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.1"));
}

TEST(Loop, KeepsTryingEachSecondAndDoesNotHurryForEvents) {
  World world;
  world.Start();
  int attempts = 0;
  bool refuse = true;
  world.kernel.before_commit = [&](const nft::Step&) {
    ++attempts;
    return refuse ? nft::Status(nft::Status::Code::kPermission, "no") : nft::Status();
  };
  for (int i = 0; i < 300; ++i) {  // 30 seconds, an event every 100 ms
    world.Tell(
        Upsert(MakePod("stranger", "10.0.1.2",
                       {{"role", i % 2 == 0 ? "client" : "none"}, {"i", std::to_string(i)}}, "n2")),
        Upsert(MakePod(fmt::format("c{}", i), "10.0.3.3", {{"role", "client"}}, "n2")));
    world.loop.Tick();
    world.clock.Advance(std::chrono::milliseconds(100));
  }
  EXPECT_GT(attempts, 25);
  EXPECT_LT(attempts, 40);
  refuse = false;
  world.clock.Advance(std::chrono::seconds(1));
  world.loop.Tick();
  EXPECT_TRUE(world.loop.applier().settled());
  EXPECT_TRUE(world.Passes("10.0.3.3", "10.0.0.1"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
}

TEST(Loop, AStepThatHappenedIsNotRepeated) {
  World world;
  world.Start();
  int commits = 0;
  world.kernel.before_commit = [&commits](const nft::Step&) {
    return ++commits == 2 ? nft::Status(nft::Status::Code::kOverrun, "unknown") : nft::Status();
  };
  compiler::NetworkPolicy second = WebPolicy();
  second.key.name = "second";
  second.isolates_egress = true;
  world.Tell(Upsert(Kind::kNetworkPolicy, second));
  EXPECT_FALSE(world.loop.applier().settled());
  world.loop.Tick();
  EXPECT_TRUE(world.loop.applier().settled());
  World fresh;
  fresh.Start();
  fresh.Tell(Upsert(Kind::kNetworkPolicy, second));
  EXPECT_TRUE(nft::SameForKernel(world.Table(), fresh.Table()));
}

TEST(Loop, RepairsWhatOthersChangeWithinASecond) {
  World world;
  world.Start();
  world.clock.Advance(std::chrono::seconds(1));
  world.loop.Tick();
  EXPECT_TRUE(world.kernel.committed.empty());
  nft::Step foreign;
  foreign.table = "podgate";
  foreign.operations.emplace_back(nft::DeleteTable{});
  ASSERT_TRUE(world.kernel.Commit(foreign).ok());
  world.loop.Tick();  // it is looked for once a second
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.1"));
  world.clock.Advance(std::chrono::seconds(1));
  world.loop.Tick();
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
  EXPECT_EQ(world.loop.applier().counters().repairs, 1U);
  EXPECT_EQ(world.Logged("table inet podgate was deleted, restored"), 1U);

  foreign.operations = {
      nft::Operation(nft::DeleteElements{"ingress4-isolated",
                                         {nft::Field::kIpv4Addr},
                                         false,
                                         world.Table().sets["ingress4-isolated"].elements})};
  ASSERT_TRUE(world.kernel.Commit(foreign).ok());
  world.clock.Advance(std::chrono::seconds(1));
  world.loop.Tick();
  EXPECT_EQ(world.loop.applier().counters().repairs, 2U);
  EXPECT_EQ(world.Table().sets["ingress4-isolated"].elements.size(), 1U);
}

TEST(Loop, OtherTablesAreNobodysBusiness) {
  World world;
  world.Start();
  nft::Step foreign;
  foreign.table = "other";
  foreign.operations.emplace_back(nft::AddTable{});
  ASSERT_TRUE(world.kernel.Commit(foreign).ok());
  world.kernel.committed.clear();
  for (int i = 0; i < 5; ++i) {
    world.clock.Advance(std::chrono::seconds(1));
    world.loop.Tick();
  }
  EXPECT_TRUE(world.kernel.committed.empty());
  EXPECT_EQ(world.loop.applier().counters().repairs, 0U);
}

// ---- what cannot be read

TEST(Loop, AnUnreadablePodIsCutOffAtItsLastAddress) {
  World world;
  world.Start();
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
  EXPECT_TRUE(world.Passes("10.0.0.1", "10.0.1.2"));
  compiler::Pod unreadable = MakePod("web", "", {}, "");
  world.Tell(Upsert(Kind::kPod, unreadable, {Unreadable()}));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
  EXPECT_FALSE(world.Passes("10.0.0.1", "10.0.1.2"));
  EXPECT_EQ(world.Logged("pod cannot be read and is isolated"), 1U);
  // As a peer it is nobody any more.
  compiler::Pod peer = MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2");
  world.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})),
             Upsert(Kind::kPod, peer, {Unreadable()}));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
  EXPECT_TRUE(world.Passes("10.0.0.1", "10.0.1.2"));
  // Readable again, or gone, it leaves nothing behind.
  world.Tell(Upsert(peer));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
  World fresh;
  fresh.Start();
  EXPECT_TRUE(nft::SameForKernel(world.Table(), fresh.Table()));
  world.Tell(Upsert(Kind::kPod, peer, {Unreadable()}), Delete(Kind::kPod, "d", "client"));
  EXPECT_EQ(world.loop.pipeline().counts().policies, 1U);
  EXPECT_EQ(world.loop.pipeline().counts().pods, 2U);
}

TEST(Loop, AnUnreadablePodKeepsTheAddressesThatAreNotReadable) {
  World world;
  world.Start();
  compiler::Pod web = MakePod("web", "10.0.0.1", {{"app", "web"}});
  web.addresses.push_back(*ipset::Address::Parse("fd00::1"));
  world.Tell(Upsert(web));
  web.addresses.pop_back();  // the second address of the list is not one
  for (int i = 0; i < 3; ++i) world.Tell(Upsert(Kind::kPod, web, {Unreadable()}));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
  EXPECT_FALSE(world.Passes("fd00::2", "fd00::1"));
  EXPECT_FALSE(world.Passes("fd00::1", "fd00::2"));
  EXPECT_EQ(world.Logged("pod cannot be read and is isolated"), 1U);
}

TEST(Loop, AnUnreadableNamespaceMatchesNoSelector) {
  World world;
  world.Start();
  compiler::NetworkPolicy policy = WebPolicy();
  policy.ingress[0].peers[0].namespaces = compiler::LabelSelector{};
  world.Tell(Upsert(Kind::kNetworkPolicy, policy));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
  world.Tell(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}, {Unreadable()}));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
  world.Tell(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
}

TEST(Loop, ABrokenPolicyIsNamedOnce) {
  World world;
  world.Start();
  compiler::NetworkPolicy broken = WebPolicy();
  broken.ingress[0].peers.clear();
  broken.errors = {Unreadable()};
  for (int i = 0; i < 3; ++i) world.Tell(Upsert(Kind::kNetworkPolicy, broken, {Unreadable()}));
  EXPECT_EQ(world.Logged("policy is invalid"), 1U);
  // Mended, and broken again, by parts that are nowhere in what was read of it.
  broken.errors.clear();
  world.Tell(Upsert(Kind::kNetworkPolicy, broken));
  world.Tell(Upsert(Kind::kNetworkPolicy, broken, {Unreadable()}));
  EXPECT_EQ(world.Logged("policy is invalid"), 2U);
  EXPECT_NE(world.logged.find("policy=d/web problem=\"pod d/web: status.podIPs: cannot be read\""),
            std::string::npos)
      << world.logged;
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
}

TEST(Loop, PoliciesOverTheirBudgetAreNamedOnce) {
  World world;
  world.Start();
  compiler::NetworkPolicy many = WebPolicy();
  for (std::size_t i = 0; i <= compiler::kMaxPodTerms; ++i) {
    compiler::PolicyPeer peer;
    peer.pods = compiler::LabelSelector{
        {{"role", compiler::Requirement::Operator::kNotIn, {fmt::format("r{}", i)}}}};
    many.ingress[0].peers.push_back(peer);
  }
  world.Tell(Upsert(Kind::kNetworkPolicy, many));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.1"));
  many.ingress[0].peers.front().pods->requirements[0].values = {"other"};
  world.Tell(Upsert(Kind::kNetworkPolicy, many));
  EXPECT_EQ(world.Logged("policies are over their budget and allow nothing"), 1U);
  EXPECT_EQ(world.Logged("first=d/web policies=1 what=\"more than 2000 different pod selectors\""),
            1U)
      << world.logged;
  ASSERT_EQ(world.events.told.size(), 1U);
  EXPECT_EQ(world.events.told[0].key, many.key);
  EXPECT_EQ(world.events.told[0].reason, "OverBudget");
  EXPECT_NE(world.events.told[0].note.find("have more than 2000 different pod selectors. Use"),
            std::string::npos)
      << world.events.told[0].note;
  world.Tell(Upsert(Kind::kNetworkPolicy, WebPolicy()));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
  world.Tell(Upsert(Kind::kNetworkPolicy, many));
  EXPECT_EQ(world.Logged("policies are over their budget and allow nothing"), 2U);
}

// Mostly there still is none, and meanwhile others wait.
TEST(Loop, AClassWithoutRoomIsTriedAgainForAThousandthOfTheTime) {
  World world;
  world.Start();
  compiler::NetworkPolicy many = WebPolicy();
  many.ingress.clear();
  for (std::uint16_t i = 0; i < 1100; ++i) {
    compiler::PolicyRule rule;
    rule.index = i;
    rule.peers.emplace_back().pods = compiler::LabelSelector{
        {{"role", compiler::Requirement::Operator::kNotIn, {fmt::format("r{}", i)}}}};
    rule.ports.emplace_back().number = static_cast<std::uint16_t>(i + 1);
    many.ingress.push_back(rule);
  }
  world.Tell(Upsert(Kind::kNetworkPolicy, many));
  EXPECT_EQ(world.Logged("policies are over their budget and allow nothing"), 1U);
  const auto tries_in = [&](std::chrono::seconds seconds) {
    const std::size_t before = world.Logged("change applied");
    for (int i = 0; i < seconds.count(); ++i) {
      world.clock.Advance(std::chrono::seconds(1));
      world.loop.Tick();
    }
    return world.Logged("change applied") - before;
  };
  tries_in(std::chrono::seconds(20));
  EXPECT_EQ(tries_in(std::chrono::seconds(60)), 6U);
  // Now the loop sees each take 30 ms or more.
  world.clock.each_look = std::chrono::milliseconds(10);
  tries_in(std::chrono::seconds(120));
  const std::size_t slow = tries_in(std::chrono::seconds(600));
  EXPECT_GE(slow, 4U);
  EXPECT_LE(slow, 21U);
}

// ---- the queue

// A writer that never stops by itself gets no further than `limit` messages ahead of the reader.
void ExpectToStayBehind(std::size_t limit, std::size_t bytes) {
  MessageQueue queue;
  std::atomic<std::size_t> put = 0;
  std::jthread writer([&] {
    Message message = Listed(Kind::kPod);
    message.bytes = bytes;
    while (queue.Put(message)) ++put;
  });
  std::size_t taken = 0;
  for (int round = 0; round < 200; ++round) {
    const std::size_t full = taken + limit;
    unit::Await([&] { return put >= full; });  // it does get that far,
    std::this_thread::yield();
    EXPECT_EQ(put, full);  // and waits there
    const std::size_t got = queue.Take(std::chrono::hours(1)).size();
    EXPECT_EQ(got, limit);
    taken += got;
  }
  queue.Close();
  writer.join();
  EXPECT_LE(put, taken + limit);
  EXPECT_TRUE(queue.Take(std::chrono::hours(1)).empty());
}

TEST(MessageQueue, WakesItsReader) {
  MessageQueue queue;
  queue.Wake();
  EXPECT_TRUE(queue.Take(std::chrono::hours(1)).empty());  // woken before it waited
  std::jthread waker([&] { queue.Wake(); });
  EXPECT_TRUE(queue.Take(std::chrono::hours(1)).empty());
  queue.Wake();
  ASSERT_TRUE(queue.Put(Listed(Kind::kPod)));
  EXPECT_EQ(queue.Take(std::chrono::hours(1)).size(), 1U);  // both at once
  EXPECT_TRUE(queue.Take(std::chrono::milliseconds(0)).empty());
}

TEST(MessageQueue, HoldsWritersBackAndLetsThemGoWhenClosed) {
  ExpectToStayBehind(MessageQueue::kLimit, 0);
}

TEST(MessageQueue, IsBoundedInBytesToo) { ExpectToStayBehind(2, MessageQueue::kLimitBytes / 2); }

// ---- established flows

struct CuttingWorld : World {
  nft::FakeConntrack conntrack;
  FlowTerminator terminator{&conntrack, [] { return nft::Addresses{}; }, &log, [] {}};
  Loop cutting{{"n1", {}, false}, &kernel, &clock, &log, {.terminator = &terminator}};
  std::jthread thread;

  CuttingWorld() {
    conntrack.Add(nft::PlainFlow("10.0.1.1", "10.0.0.1", nft::kTcp, 80));  // client
    conntrack.Add(nft::PlainFlow("10.0.1.2", "10.0.0.1", nft::kTcp, 80));  // stranger
  }
  ~CuttingWorld() { terminator.Stop(); }
  void Begin() {
    thread = std::jthread([this] { terminator.Run(); });
    std::vector<Message> batch;
    batch.push_back(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}));
    batch.push_back(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})));
    batch.push_back(Upsert(MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2")));
    batch.push_back(Upsert(MakePod("stranger", "10.0.1.2", {{"role", "client"}}, "n2")));
    batch.push_back(Upsert(Kind::kNetworkPolicy, WebPolicy()));
    for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
      batch.push_back(Listed(kind));
    cutting.Handle(std::move(batch));
  }
  void Label(const std::string& role) {
    std::vector<Message> batch;
    batch.push_back(Upsert(MakePod("stranger", "10.0.1.2", {{"role", role}}, "n2")));
    cutting.Handle(std::move(batch));
  }
  // Turns until one more pass is over, as when the terminator wakes the loop.
  void Pass(std::uint64_t FlowTerminator::Counters::*count) {
    const std::uint64_t before = terminator.counters().*count;
    unit::Await([&] {
      cutting.Tick();
      return terminator.counters().*count != before;
    });
  }
};

TEST(Loop, WhatAChangeDeniesIsCutAndItsTombstoneGoesWhenItIsAllowedAgain) {
  CuttingWorld world;
  world.Begin();
  world.Pass(&FlowTerminator::Counters::passes);  // what an earlier agent may have left to do
  EXPECT_EQ(world.conntrack.Flows(false).size(), 2U);
  world.Label("none");
  world.Pass(&FlowTerminator::Counters::passes);
  EXPECT_EQ(world.conntrack.Flows(false).size(), 1U);
  EXPECT_EQ(world.conntrack.Flows(true).size(), 1U);
  world.Label("client");
  world.Pass(&FlowTerminator::Counters::tombstone_passes);
  EXPECT_TRUE(world.conntrack.Flows(true).empty());
}

TEST(Loop, RulesThatAreNotInForceCutNothing) {
  CuttingWorld world;
  bool refuse = false;
  world.kernel.before_commit = [&](const nft::Step&) {
    return refuse ? nft::Status(nft::Status::Code::kPermission, "no") : nft::Status();
  };
  world.Begin();
  world.Pass(&FlowTerminator::Counters::passes);
  refuse = true;
  world.Label("none");
  const std::uint64_t passes = world.terminator.counters().passes;
  for (int i = 0; i < 50; ++i) {
    world.clock.Advance(std::chrono::milliseconds(100));
    world.cutting.Tick();
    std::this_thread::yield();
  }
  EXPECT_EQ(world.conntrack.Flows(false).size(), 2U);
  EXPECT_EQ(world.terminator.counters().passes, passes);
  refuse = false;
  world.clock.Advance(std::chrono::seconds(1));
  world.Pass(&FlowTerminator::Counters::passes);
  EXPECT_EQ(world.conntrack.Flows(false).size(), 1U);
}

// A repair that is in force although its answer was lost: what came in through the hole is looked
// at all the same.
TEST(Loop, FlowsAreFollowedAfterARepairWhoseAnswerWasLost) {
  CuttingWorld world;
  world.Begin();
  world.Pass(&FlowTerminator::Counters::passes);
  world.Pass(&FlowTerminator::Counters::passes);  // the one that confirms the first, a second later
  nft::Step hole{nft::Phase::kFlip, "podgate", {}};
  for (const auto& [name, chain] : world.Table().chains)
    if (name.starts_with("in-class-")) hole.operations.push_back(nft::SetRules{name, {}});
  ASSERT_EQ(hole.operations.size(), 1U);
  ASSERT_TRUE(world.kernel.Commit(hole).ok());
  world.conntrack.Add(nft::PlainFlow("10.0.1.9", "10.0.0.1", nft::kTcp, 80));
  int answers_to_lose = 1;
  world.kernel.before_commit = [&](const nft::Step& step) {
    if (answers_to_lose-- <= 0) return nft::Status();
    EXPECT_TRUE(world.kernel.Commit(step).ok());
    return nft::Status(nft::Status::Code::kOverrun, "the answer was lost");
  };
  world.clock.Advance(std::chrono::seconds(1));
  unit::Await([&] {
    world.cutting.Tick();
    return world.conntrack.Flows(false).size() <= 2;
  });
  EXPECT_LT(answers_to_lose, 1);
  EXPECT_EQ(world.conntrack.Flows(false).size(), 2U);
}

TEST(Loop, RunsUntilTheQueueIsClosed) {
  nft::FakeKernel kernel;
  SystemClock clock;
  Logger log(Logger::Format::kText, LogLevel::kError, [](std::string_view) {});
  AgentStatsBoard board(clock.Now());
  Loop loop({"n1", {}, false}, &kernel, &clock, &log, {.board = &board});
  MessageQueue queue;
  std::jthread thread([&] { loop.Run(&queue); });
  for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
    queue.Put(Listed(kind));
  unit::Await([&] { return board.Read().settled; });
  queue.Close();
  thread.join();
  EXPECT_FALSE(kernel.committed.empty());
}

}  // namespace
}  // namespace podgate::controller
