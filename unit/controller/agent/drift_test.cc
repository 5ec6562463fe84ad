// What others do to the table, and to other tables: when it is noticed, whom the log names, and how
// little looking it takes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "controller/agent/attribution.h"
#include "controller/agent/queue.h"
#include "controller/base/wake.h"
#include "nft/model/compare.h"
#include "unit/controller/agent/loop_world.h"
#include "unit/support/await.h"

namespace podgate::controller {
namespace {

using std::chrono::milliseconds;

struct DriftWorld : LoopWorld {
  std::uint32_t Generation() { return kernel.Generation().value(); }
  // Somebody else's transaction, heard by whoever listens.
  void Foreign(std::uint32_t process_id, const std::string& process,
               std::vector<nft::Operation> ops, const std::string& table = "podgate") {
    nft::Step step;
    step.table = table;
    step.operations = std::move(ops);
    const nft::Status status = kernel.Commit(step);
    ASSERT_TRUE(status.ok()) << status.message();
    monitor.Say(Generation(), process_id, process);
  }
  void ForeignFlush() { Foreign(812, "nft", {nft::DeleteTable{}}); }
  void ForeignElsewhere(std::uint32_t process_id = 77) {
    Foreign(process_id, "kube-proxy", {nft::AddTable{}}, "other");
  }
  const Applier::Counters& counters() const { return loop.applier().counters(); }
  bool Enforced() { return !Passes("10.0.1.2", "10.0.0.1") && Passes("10.0.1.1", "10.0.0.1"); }
};

// The set of addresses that may reach the web pod.
const nft::Set& PeersOf(const nft::Ruleset& table) {
  return std::find_if(table.sets.begin(), table.sets.end(),
                      [](const auto& set) { return set.first.rfind("peers4", 0) == 0; })
      ->second;
}

TEST(Drift, WhatIsHeardIsRepairedAtOnceAndNamed) {
  DriftWorld world;
  world.Start();
  world.ForeignFlush();
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.1"));
  world.loop.Tick();
  EXPECT_TRUE(world.Enforced());
  EXPECT_EQ(world.counters().repairs, 1U);
  EXPECT_EQ(world.Logged("table inet podgate was deleted, restored"), 1U);
  EXPECT_EQ(world.Logged("by=\"nft (pid 812)\""), 1U) << world.logged;
  EXPECT_TRUE(world.monitor.listening);
}

TEST(Drift, WhatIsNotHeardIsRepairedWithinASecond) {
  for (const int heard : {0, 1}) {
    DriftWorld world;
    world.Start();
    if (heard == 0) world.monitor.Leave();
    world.ForeignFlush();
    int waited = 0;  // milliseconds
    for (; waited < 2000 && !world.Enforced(); waited += 10) {
      if (world.clock.Now() >= world.loop.applier().NextAttempt()) world.loop.Tick();
      world.clock.Advance(milliseconds(10));
    }
    EXPECT_LT(waited, 1000);
    EXPECT_EQ(world.counters().repairs, 1U);
  }
}

TEST(Drift, EveryKindOfChangeIsRepaired) {
  using nft::Operation;
  DriftWorld start;
  start.Start();
  const nft::Ruleset table = start.Table();
  const nft::Set& peers = PeersOf(table);
  ASSERT_FALSE(peers.elements.empty());
  nft::Element foreign = peers.elements.front();
  foreign.key.back() = 99;
  const nft::Rule accept_all{{}, {}, nft::Verdict{}, ""};
  const std::vector<std::vector<Operation>> kChanges = {
      {nft::DeleteTable{}},
      {nft::DeleteElements{peers.name, peers.key, false, peers.elements}},
      {nft::AddElements{peers.name, peers.key, false, {foreign}}},
      {nft::SetRules{"forward", {}}},
      {nft::SetRules{"forward", {accept_all}}},
      {nft::SetRules{"in-10.0.0.1", {accept_all}}},
      {nft::AddChain{"theirs", nft::BaseHook{nft::Hook::kForward, -100}}},
      {nft::AddChain{"theirs", std::nullopt}, nft::SetRules{"theirs", {accept_all}}},
      {nft::AddSet{nft::Set{"theirs", {nft::Field::kIpv4Addr}}}},
      {nft::AddCounter{"theirs"}},
      {nft::SetRules{"forward", {}}, nft::DeleteChain{"forward"}},
  };
  for (std::size_t i = 0; i < kChanges.size(); ++i) {
    SCOPED_TRACE(i);
    DriftWorld world;
    world.Start();
    world.Foreign(812, "nft", kChanges[i]);
    world.loop.Tick();
    EXPECT_TRUE(nft::SameForKernel(world.Table(), table));
    EXPECT_TRUE(world.Enforced());
    EXPECT_EQ(world.counters().repairs, 1U);
    EXPECT_EQ(world.Logged("by=\"nft (pid 812)\""), 1U);
    // And that was that.
    world.kernel.committed.clear();
    for (int tick = 0; tick < 10; ++tick) {
      world.clock.Advance(milliseconds(500));
      world.loop.Tick();
    }
    EXPECT_TRUE(world.kernel.committed.empty());
    EXPECT_EQ(world.counters().repairs, 1U);
  }
}

TEST(Drift, WhatOurOwnChangeStumblesOverIsNamedToo) {
  DriftWorld world;
  world.Start();
  world.ForeignFlush();
  // Before anybody looks: the change refers to a set that has gone.
  world.Tell(Upsert(MakePod("more", "10.0.1.3", {{"role", "client"}}, "n2")));
  world.loop.Tick();
  EXPECT_TRUE(world.Enforced());
  EXPECT_TRUE(world.Passes("10.0.1.3", "10.0.0.1"));
  EXPECT_EQ(world.counters().repairs, 1U);
  EXPECT_EQ(world.Logged("by=\"nft (pid 812)"), 1U) << world.logged;
}

// A step that is too big for a batch goes in parts, each of which moves the generation: they are
// our own and no reason to look at the table.
TEST(Drift, PartsOfAStepAreNobodyElses) {
  for (const int stale : {0, 4}) {  // the change as it is told, and the difference after a failure
    SCOPED_TRACE(stale);
    DriftWorld world;
    world.Start();
    int refusals = stale;
    world.kernel.before_commit = [&refusals](const nft::Step& step) {
      if (refusals-- > 0) return nft::Status(nft::Status::Code::kStale, "overtaken");
      const auto* add = std::get_if<nft::AddElements>(&step.operations.front());
      const bool big = add != nullptr && add->elements.size() > 8;
      return big ? nft::Status(nft::Status::Code::kTooBig, "too big") : nft::Status();
    };
    const std::uint64_t steps = world.counters().steps;
    const std::uint32_t generation = world.Generation();
    std::vector<Message> clients;
    for (int i = 0; i < 50; ++i) {
      const std::string number = std::to_string(i);
      clients.push_back(
          Upsert(MakePod("c" + number, "10.0.2." + number, {{"role", "client"}}, "n2")));
    }
    world.loop.Handle(std::move(clients));
    world.loop.Tick();
    ASSERT_TRUE(world.loop.applier().settled());
    ASSERT_GT(world.Generation(), generation + 4);
    EXPECT_EQ(world.counters().steps - steps, world.Generation() - generation);
    const std::uint64_t checks = world.counters().checks;
    for (int tick = 0; tick < 10; ++tick) {
      world.clock.Advance(milliseconds(500));
      world.loop.Tick();
    }
    EXPECT_EQ(world.counters().checks, checks);
    EXPECT_EQ(world.counters().repairs, 0U);
  }
}

TEST(Drift, AForeignChangeIsToldWhenItIsReverted) {
  DriftWorld world;
  world.Start();
  bool refuse = true;
  world.kernel.before_commit = [&refuse](const nft::Step& step) {
    const bool theirs = std::holds_alternative<nft::DeleteTable>(step.operations.front());
    return refuse && !theirs ? nft::Status(nft::Status::Code::kPermission, "no") : nft::Status();
  };
  world.ForeignFlush();
  world.loop.Tick();
  EXPECT_EQ(world.Logged("restored"), 0U);
  EXPECT_GT(world.Logged("cannot apply the ruleset, retrying"), 0U);
  EXPECT_EQ(world.counters().repairs, 0U);
  refuse = false;
  world.clock.Advance(std::chrono::seconds(1));
  world.loop.Tick();
  EXPECT_TRUE(world.Enforced());
  EXPECT_EQ(world.Logged("table inet podgate was deleted, restored by=\"nft (pid 812)"), 1U)
      << world.logged;
  EXPECT_EQ(world.counters().repairs, 1U);
}

TEST(Drift, ARepairTouchesOnlyWhatWasTouched) {
  DriftWorld world;
  world.Start();
  world.Foreign(812, "nft", {nft::AddCounter{"theirs"}});
  world.kernel.committed.clear();
  world.loop.Tick();
  ASSERT_EQ(world.kernel.committed.size(), 1U);
  ASSERT_EQ(world.kernel.committed[0].operations.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<nft::DeleteCounter>(world.kernel.committed[0].operations[0]));
}

TEST(Drift, OftenOverAMinute) {
  // Somebody commits every 10 ms to another table, and once to ours.
  DriftWorld world;
  world.Start();
  int listening = 0;
  for (int i = 0; i < 6000; ++i) {
    listening += world.monitor.listening ? 1 : 0;
    world.ForeignElsewhere();
    if (i == 3000) world.ForeignFlush();
    world.loop.Tick();
    world.clock.Advance(milliseconds(10));
    if (i == 3000 + 110) {
      EXPECT_EQ(world.counters().repairs, 1U);
    }
  }
  EXPECT_TRUE(world.Enforced());
  EXPECT_LE(world.counters().checks, 70U);
  EXPECT_GE(world.counters().checks, 55U);
  // Others' commits are slowed by a listener once or twice a second, not a hundred times.
  EXPECT_LT(listening, 200);
  EXPECT_EQ(world.counters().repairs, 1U);
}

TEST(Drift, OneChangeAfterTheOther) {
  DriftWorld world;
  world.Start();
  for (int i = 0; i < 50; ++i) {
    world.ForeignFlush();
    int waited = 0;  // milliseconds
    for (; waited < 2000 && !world.Enforced(); waited += 10) {
      world.loop.Tick();  // woken
      world.clock.Advance(milliseconds(10));
    }
    EXPECT_LE(waited, 200);
  }
  EXPECT_EQ(world.counters().repairs, 50U);
}

TEST(Drift, LooksTakeLittleOfTheTime) {
  // Each look takes 100 ms: then every five seconds.
  DriftWorld world;
  world.Start();
  class SlowKernel : public nft::Kernel {
   public:
    SlowKernel(nft::FakeKernel* kernel, FakeClock* clock) : kernel_(kernel), clock_(clock) {}
    nft::Result<std::optional<nft::Ruleset>> Read(nft::TableFamily family,
                                                  const std::string& table) override {
      return kernel_->Read(family, table);
    }
    nft::Result<bool> Holds(const nft::Ruleset& wanted) override {
      clock_->Advance(milliseconds(100));
      return kernel_->Holds(wanted);
    }
    nft::Status Commit(const nft::Step& step) override { return kernel_->Commit(step); }
    nft::Status CommitAt(std::uint32_t generation, const nft::Step& step) override {
      return kernel_->CommitAt(generation, step);
    }
    nft::Result<std::uint32_t> Generation() override { return kernel_->Generation(); }

   private:
    nft::FakeKernel* kernel_;
    FakeClock* clock_;
  } slow(&world.kernel, &world.clock);
  const nft::Ruleset wanted = world.Table();
  Applier applier(&wanted, &slow, &world.monitor, &world.clock, &world.log);
  ASSERT_TRUE(applier.Changed({}));
  const Clock::Time end = world.clock.Now() + std::chrono::minutes(1);
  while (world.clock.Now() < end) {
    world.ForeignElsewhere();
    applier.Tick();
    world.clock.Advance(milliseconds(10));
  }
  EXPECT_LE(applier.counters().checks, 13U);
  EXPECT_GE(applier.counters().checks, 10U);
}

TEST(Drift, EveryFewMinutesItLooksAnyway) {
  DriftWorld world;
  world.Start();
  for (int i = 0; i < 3600; ++i) {
    world.clock.Advance(milliseconds(500));
    world.loop.Tick();
  }
  EXPECT_GE(world.counters().checks, 5U);
  EXPECT_LE(world.counters().checks, 6U);
}

TEST(Drift, AKernelThatCannotBeLookedAtIsNoDrift) {
  DriftWorld world;
  world.Start();
  class BlindKernel : public nft::FakeKernel {
   public:
    nft::Result<bool> Holds(const nft::Ruleset& wanted) override {
      if (blind) return nft::Status(nft::Status::Code::kInterrupted, "overtaken");
      return FakeKernel::Holds(wanted);
    }
    bool blind = false;
  } kernel;
  const nft::Ruleset wanted = world.Table();
  Applier applier(&wanted, &kernel, nullptr, &world.clock, &world.log);
  ASSERT_TRUE(applier.Changed({}));
  nft::Step flush;
  flush.table = "podgate";
  flush.operations = {nft::DeleteTable{}};
  ASSERT_TRUE(kernel.Commit(flush).ok());
  kernel.blind = true;
  world.clock.Advance(milliseconds(500));
  applier.Tick();
  EXPECT_TRUE(applier.settled());
  EXPECT_EQ(applier.counters().failures, 0U);
  EXPECT_EQ(world.Logged("cannot read the table, retrying"), 1U);
  kernel.blind = false;
  world.clock.Advance(milliseconds(1000));
  applier.Tick();
  EXPECT_EQ(applier.counters().repairs, 1U);
}

// Others commit again and again between our look at the table and our commit.
TEST(Drift, ADifferenceIsAppliedThoughOthersOvertakeIt) {
  DriftWorld world;
  world.Start();
  world.ForeignFlush();
  class Racing : public nft::Kernel {  // a foreign commit after each look at the generation
   public:
    explicit Racing(DriftWorld* world) : world_(world) {}
    nft::Result<std::optional<nft::Ruleset>> Read(nft::TableFamily family,
                                                  const std::string& table) override {
      world_->ForeignElsewhere();
      return world_->kernel.Read(family, table);
    }
    nft::Result<bool> Holds(const nft::Ruleset& wanted) override {
      return world_->kernel.Holds(wanted);
    }
    nft::Status Commit(const nft::Step& step) override { return world_->kernel.Commit(step); }
    nft::Status CommitAt(std::uint32_t generation, const nft::Step& step) override {
      ++conditional;
      return world_->kernel.CommitAt(generation, step);
    }
    nft::Result<std::uint32_t> Generation() override { return world_->kernel.Generation(); }
    int conditional = 0;

   private:
    DriftWorld* world_;
  } racing(&world);
  DriftWorld other;
  other.Start();
  const nft::Ruleset wanted = other.Table();
  Applier applier(&wanted, &racing, nullptr, &world.clock, &world.log);
  EXPECT_TRUE(applier.Changed({}));
  EXPECT_EQ(racing.conditional, 3);
  EXPECT_EQ(applier.counters().failures, 0U);
  EXPECT_TRUE(nft::SameForKernel(world.Table(), wanted));
}

// ---- failures and the rebuild

TEST(Drift, AfterThreeFailuresAllIsBuiltAnew) {
  DriftWorld world;
  world.Start();
  const nft::Ruleset before = world.Table();
  // The kernel refuses whatever touches the set of peers, for a reason that nobody can see.
  const std::string peers = PeersOf(before).name;
  bool gone = false;
  world.kernel.before_commit = [&](const nft::Step& step) {
    for (const nft::Operation& op : step.operations) {
      const auto* add = std::get_if<nft::AddElements>(&op);
      if (!gone && add != nullptr && add->set == peers) {
        return nft::Status(nft::Status::Code::kOther, "no");
      }
      const auto* drop = std::get_if<nft::DeleteSet>(&op);
      gone = gone || (drop != nullptr && drop->name == peers);
    }
    // Whoever is neither let in nor shut out by the change must not notice any of it.
    EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.1"));
    EXPECT_FALSE(world.Passes("10.0.1.9", "10.0.0.1"));
    return nft::Status();
  };
  world.Tell(Upsert(MakePod("stranger", "10.0.1.2", {{"role", "client"}}, "n2")));
  for (int i = 0; i < 20 && !world.loop.applier().settled(); ++i) {
    world.clock.Advance(milliseconds(100));
    world.loop.Tick();
  }
  EXPECT_TRUE(world.loop.applier().settled());
  EXPECT_EQ(world.counters().failures, 3U);
  EXPECT_EQ(world.counters().rebuilds, 1U);
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.1"));
  for (const std::string& counter : before.counters) {
    EXPECT_EQ(world.Table().counters.count(counter), 1U) << counter;
  }
}

TEST(Drift, ARebuildThatFailsIsNotRepeatedEachSecond) {
  DriftWorld world;
  world.Start();
  world.kernel.before_commit = [](const nft::Step& step) {
    return step.phase == nft::Phase::kSweep ? nft::Status(nft::Status::Code::kBusy, "in use")
                                            : nft::Status();
  };
  world.Tell(Delete(Kind::kNetworkPolicy, "d", "web"));
  for (int i = 0; i < 50; ++i) {
    world.clock.Advance(std::chrono::seconds(1));
    world.loop.Tick();
  }
  EXPECT_EQ(world.counters().rebuilds, 1U);
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.1")) << "what counts has happened";
  EXPECT_LT(world.Table().chains.size(), 20U);
  world.kernel.before_commit = nullptr;
  world.clock.Advance(std::chrono::seconds(1));
  world.loop.Tick();
  EXPECT_TRUE(world.loop.applier().settled());
}

// ---- names

TEST(Attribution, Named) {
  Attribution attribution;
  EXPECT_EQ(attribution.ToString(1, 2), "unknown");
  attribution.Add({{2, 812, "nft"}});
  EXPECT_EQ(attribution.ToString(1, 2), "nft (pid 812)");
  EXPECT_EQ(attribution.ToString(1, 3), "nft (pid 812) or another");
  attribution.Add({{3, 812, "nft"}, {4, 77, "kube-proxy"}});
  EXPECT_EQ(attribution.ToString(1, 4), "nft (pid 812) or kube-proxy (pid 77)");
  for (std::uint32_t i = 0; i < 100; ++i) attribution.Add({{5 + i, i, "x"}});
  EXPECT_EQ(attribution.ToString(1, 104),
            "x (pid 96) or x (pid 97) or x (pid 98) or x (pid 99) or another");
  attribution.Clear();
  EXPECT_TRUE(attribution.empty());
}

TEST(WakeOn, WakesForEachArrivalReadOrNot) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  MessageQueue queue;
  std::atomic<int> wakes = 0;
  {
    const WakeOn wake(pipe_ends[0], [&] {
      ++wakes;
      queue.Wake();
    });
    const WakeOn nothing(-1, [] { FAIL(); });
    for (int i = 1; i <= 3; ++i) {
      ASSERT_EQ(write(pipe_ends[1], "x", 1), 1);
      unit::Await([&] { return wakes >= i; });
      EXPECT_TRUE(queue.Take(std::chrono::hours(1)).empty());
    }
  }
  EXPECT_EQ(wakes, 3);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace
}  // namespace podgate::controller
