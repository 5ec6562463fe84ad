// When is looked, what is said and reported, and what stays when the kernel does not answer: over a
// node that the test plays.
#include "controller/node/address_watch.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "unit/controller/base/fake_clock.h"
#include "unit/controller/node/fake_namespaces.h"

namespace podgate::controller {
namespace {

using ipset::Address;

struct World {
  FakeNamespaces node;
  FakeClock clock;
  std::string logged;
  Logger log{Logger::Format::kText, LogLevel::kDebug,
             [this](std::string_view line) { logged += line; }};
  int told = 0;
  AddressWatch watch{&node, &clock, &log, [this] { ++told; }};

  void Pods(const std::vector<std::pair<std::string, std::string>>& pods) {
    LocalPods all;
    for (const auto& [name, address] : pods)
      all.push_back({{"d", name}, name, {*Address::Parse(address)}});
    watch.SetPods(std::move(all));
  }
  std::string Taken() const {
    std::string text;
    for (const auto& pod : watch.found().pods) {
      text += pod.key.name + ":";
      for (const Address& address : pod.taken) text.append(" ").append(address.ToString());
      text += ";";
    }
    return text;
  }
  std::size_t Logged(const std::string& text) const {
    std::size_t count = 0;
    for (auto at = logged.find(text); at != std::string::npos; at = logged.find(text, at + 1))
      ++count;
    return count;
  }
};

TEST(AddressWatch, LooksWhenSomethingChangesAndEveryNowAndThen) {
  World world;
  EXPECT_EQ(world.watch.NextLook(), Clock::Time::max());
  world.node.Hold(1, {"10.0.0.1", "10.0.0.9"});
  world.Pods({{"web", "10.0.0.1"}});
  EXPECT_LE(world.watch.NextLook(), world.clock.Now());
  world.watch.Look();
  EXPECT_EQ(world.watch.looks(), 1U);
  EXPECT_EQ(world.told, 1);
  EXPECT_EQ(world.Taken(), "web: 10.0.0.9;");
  EXPECT_EQ(world.watch.NextLook() - world.clock.Now(), AddressWatch::kEvery);
  // The same pods are no news, and a look that finds the same tells nobody.
  world.Pods({{"web", "10.0.0.1"}});
  EXPECT_EQ(world.watch.NextLook() - world.clock.Now(), AddressWatch::kEvery);
  world.watch.Look();
  EXPECT_EQ(world.told, 1);
  // News are looked at soon, but not at once, however many they are.
  for (int i = 0; i < 3; ++i) world.watch.Notice();
  EXPECT_EQ(world.watch.NextLook() - world.clock.Now(), AddressWatch::kLeastPause);
  world.node.Hold(1, {"10.0.0.1"});
  world.watch.Look();
  EXPECT_EQ(world.told, 2);
  EXPECT_EQ(world.Taken(), "");
  EXPECT_EQ(world.watch.NextLook() - world.clock.Now(), AddressWatch::kEvery);
  world.Pods({});
  world.watch.Look();
  EXPECT_EQ(world.watch.NextLook(), Clock::Time::max());
  EXPECT_EQ(world.node.discarded, 4);
}

// However much a look costs, it is a small part of a CPU; how long it waits for the kernel does not
// count, and no cost puts off the next look for long.
TEST(AddressWatch, CostlyLooksAreRare) {
  class Costly : public FakeNamespaces {
   public:
    Costly(FakeClock* clock, Clock::Duration* used) : clock_(clock), used_(used) {}
    void DiscardEvents() override {
      clock_->Advance(waits);
      *used_ += costs;
    }

    Clock::Duration waits{};
    Clock::Duration costs{};

   private:
    FakeClock* clock_;
    Clock::Duration* used_;
  };
  World world;
  Clock::Duration used = std::chrono::seconds(100);
  Costly node(&world.clock, &used);
  AddressWatch watch(
      &node, &world.clock, &world.log, [] {}, [&used] { return used; });
  watch.SetPods({{{"d", "web"}, "u", {*Address::Parse("10.0.0.1")}}});
  const auto pause_after = [&](Clock::Duration costs, Clock::Duration waits) {
    node.costs = costs;
    node.waits = waits;
    watch.Look();
    return watch.NextLook() - world.clock.Now();
  };
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  EXPECT_EQ(pause_after(milliseconds(5), seconds(60)), AddressWatch::kEvery);
  EXPECT_EQ(pause_after(milliseconds(300), seconds(1)),
            milliseconds(300) * AddressWatch::kPauseShare);
  // News do not hurry it.
  watch.Notice();
  EXPECT_EQ(watch.NextLook() - world.clock.Now(), milliseconds(300) * AddressWatch::kPauseShare);
  EXPECT_EQ(pause_after(milliseconds(5), seconds(60)), AddressWatch::kEvery);
  EXPECT_EQ(pause_after(seconds(5), seconds(5)), AddressWatch::kMostPause);
}

TEST(AddressWatch, WhatWasFoundStaysWhileTheKernelDoesNotAnswer) {
  World world;
  world.node.Hold(1, {"10.0.0.1", "10.0.0.9"});
  world.Pods({{"web", "10.0.0.1"}});
  world.watch.Look();
  const nft::Status timeout(nft::Status::Code::kUnavailable, "no answer");
  world.node.failure = timeout;
  for (int i = 0; i < 3; ++i) world.watch.Look();
  EXPECT_EQ(world.Taken(), "web: 10.0.0.9;");
  EXPECT_EQ(world.watch.report().further, 1U);
  EXPECT_EQ(world.watch.looks(), 1U);
  EXPECT_EQ(world.Logged("cannot read the addresses of pods"), 1U);
  EXPECT_EQ(world.watch.report().note,
            "the agent cannot read the addresses in the network namespaces of pods (no answer), "
            "and covers only those of their statuses and those that it found before");
  world.node.failure = {};
  world.node.refusals[1] = timeout;
  world.watch.Look();
  EXPECT_EQ(world.Taken(), "web: 10.0.0.9;");
  EXPECT_EQ(world.Logged("cannot read the addresses of pods"), 1U);
  // A namespace that is gone holds nothing.
  world.node.refusals[1] = nft::Status(nft::Status::Code::kInvalid, "gone");
  world.watch.Look();
  EXPECT_EQ(world.Taken(), "");
  EXPECT_EQ(world.watch.report().note, "");
}

// Who is root in a pod chooses its addresses: one that the kernel does not answer about must not
// stop the look for others.
TEST(AddressWatch, AnUnknownRouteConcernsItsAddressAlone) {
  World world;
  world.node.Hold(1, {"10.0.0.1", "10.0.0.66", "10.0.0.9"});
  world.node.unanswered = {"10.0.0.66"};
  world.node.Hold(2, {"10.0.0.2", "10.0.0.8"});
  world.Pods({{"bad", "10.0.0.1"}, {"web", "10.0.0.2"}});
  for (int i = 0; i < 2; ++i) world.watch.Look();
  EXPECT_EQ(world.watch.looks(), 2U);
  EXPECT_EQ(world.Taken(), "bad: 10.0.0.9;web: 10.0.0.8;");
  EXPECT_EQ(world.watch.report().uncovered, 1U);
  EXPECT_NE(world.watch.report().note.find("the kernel does not tell the route to 10.0.0.66"),
            std::string::npos);
  EXPECT_EQ(world.Logged("cannot read the addresses of pods"), 1U);
  // What the kernel told before counts while it tells nothing.
  world.node.unanswered = {"10.0.0.8", "10.0.0.9", "10.0.0.66"};
  for (int i = 0; i < 2; ++i) world.watch.Look();
  EXPECT_EQ(world.Taken(), "bad: 10.0.0.9;web: 10.0.0.8;");
  world.node.unanswered = {};
  world.watch.Look();
  EXPECT_EQ(world.Taken(), "bad: 10.0.0.9 10.0.0.66;web: 10.0.0.8;");
  EXPECT_EQ(world.watch.report().note, "");
}

TEST(AddressWatch, WithoutTheRightToRead) {
  World world;
  world.node.Hold(1, {"10.0.0.1"});
  world.node.Hold(2, {"10.0.0.2", "10.0.0.9"});
  world.node.refusals[1] = nft::Status(nft::Status::Code::kPermission, "not permitted");
  world.Pods({{"db", "10.0.0.1"}, {"web", "10.0.0.2"}});
  world.watch.Look();
  world.watch.Look();
  // What can be read is.
  EXPECT_EQ(world.Taken(), "web: 10.0.0.9;");
  EXPECT_EQ(world.watch.looks(), 2U);
  EXPECT_EQ(world.Logged("cannot read the addresses of pods"), 1U);
  EXPECT_NE(world.watch.report().note.find("(not permitted)"), std::string::npos);
}

TEST(AddressWatch, SaysOnceWhatNoRuleCovers) {
  World world;
  world.node.Hold(1, {"10.0.0.1", "172.17.0.1"});
  world.Pods({{"dind", "10.0.0.1"}, {"mac", "10.0.0.2"}});
  world.watch.Look();
  EXPECT_EQ(world.watch.report().without_namespace, 0U);  // it may only have begun
  for (int i = 0; i < 10; ++i) {
    world.clock.Advance(AddressWatch::kEvery);
    world.watch.Look();
  }
  EXPECT_EQ(world.watch.report().uncovered, 1U);
  EXPECT_EQ(world.watch.report().without_namespace, 1U);
  EXPECT_EQ(world.Logged("no rule covers pod=d/dind addresses=172.17.0.1"), 1U);
  EXPECT_EQ(world.Logged("namespace of a pod was not found"), 1U);
  EXPECT_EQ(world.watch.report().note,
            "no rule covers addresses of d/dind (172.17.0.1): the node's routes do not lead to the "
            "pod for them, or the pod has too many; the network namespace of d/mac was not found: "
            "only the addresses of the pod's status are covered");
  world.node.Hold(1, {"10.0.0.1"});
  world.node.Hold(2, {"10.0.0.2"});
  world.watch.Look();
  EXPECT_EQ(world.watch.report().note, "");
  // It comes back: that is news.
  world.node.Hold(1, {"10.0.0.1", "172.17.0.1"});
  world.watch.Look();
  EXPECT_EQ(world.Logged("no rule covers pod=d/dind addresses=172.17.0.1"), 2U);
}

// Each namespace has lines of its own: a pod that makes many hides none of another's.
TEST(AddressWatch, NobodyHidesWhatIsSaidOfOthers) {
  World world;
  world.node.Hold(1, {"10.0.0.1"});
  world.node.Hold(2, {"10.0.0.2"});
  world.watch.SetPods({{{"hostile", "a"}, "a", {*Address::Parse("10.0.0.1")}},
                       {{"victim", "b"}, "b", {*Address::Parse("10.0.0.2")}}});
  for (int i = 0; i < 100; ++i) {
    world.node.Hold(1, {"10.0.0.1", "192.0.2.1"});
    world.watch.Look();
    world.node.Hold(1, {"10.0.0.1"});
    world.watch.Look();
  }
  EXPECT_LT(world.Logged("no rule covers pod=hostile/a"), 100U);
  world.node.Hold(2, {"10.0.0.2", "192.0.2.2"});
  world.watch.Look();
  EXPECT_EQ(world.Logged("no rule covers pod=victim/b addresses=192.0.2.2"), 1U);
}

// By itself it looks when there are pods, and again when something changes.
TEST(AddressWatch, RunsUntilItIsStopped) {
  FakeNamespaces node;
  node.Hold(1, {"10.0.0.1", "10.0.0.9"});
  SystemClock clock;
  Logger log{Logger::Format::kText, LogLevel::kError, [](std::string_view) {}};
  std::mutex mutex;
  std::condition_variable changed;
  int told = 0;
  AddressWatch watch(&node, &clock, &log, [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    ++told;
    changed.notify_all();
  });
  std::jthread runs([&watch] { watch.Run(); });
  watch.SetPods({{{"d", "web"}, "u", {*Address::Parse("10.0.0.1")}}});
  const auto wait_until_told = [&](int times) {
    std::unique_lock<std::mutex> lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return told >= times; });
  };
  EXPECT_TRUE(wait_until_told(1));
  EXPECT_EQ(watch.found().pods.size(), 1U);
  watch.SetPods({{{"d", "other"}, "v", {*Address::Parse("10.0.0.1")}}});
  EXPECT_TRUE(wait_until_told(2));
  watch.Stop();
  runs.join();
  ASSERT_EQ(watch.found().pods.size(), 1U);
  EXPECT_EQ(watch.found().pods[0].key.name, "other");
}

}  // namespace
}  // namespace podgate::controller
