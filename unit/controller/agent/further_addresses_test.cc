// The addresses that pods have beside those of their statuses, from the look into the namespaces to
// the rules: over a kernel and a node in memory.
#include <gtest/gtest.h>

#include "unit/controller/agent/loop_world.h"
#include "unit/controller/node/fake_namespaces.h"

namespace podgate::controller {
namespace {

// "web" of this node is at 10.0.0.1, in namespace 1.
struct FurtherWorld : LoopWorld {
  FakeNamespaces node;
  AddressWatch watch{&node, &clock, &log, [] {}};
  Loop learning{
      {"n1", {}, false}, &kernel, &clock, &log, {.monitor = &monitor, .address_watch = &watch}};

  template <typename... Messages>
  void Tell(Messages... messages) {
    std::vector<Message> batch;
    (batch.push_back(std::move(messages)), ...);
    learning.Handle(std::move(batch));
    learning.Tick();
  }
  void Learn() {
    watch.Look();
    Tell();
  }
  void Begin() {
    node.Hold(1, {"10.0.0.1", "10.0.0.9", "fd00::9"});
    Tell(Upsert(Kind::kNamespace, compiler::Namespace{"d", {}}),
         Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})),
         Upsert(MakePod("client", "10.0.1.1", {{"role", "client"}}, "n2")),
         Upsert(MakePod("stranger", "10.0.1.2", {{"role", "none"}}, "n2")),
         Upsert(Kind::kNetworkPolicy, WebPolicy()));
    Tell(Listed(Kind::kNamespace), Listed(Kind::kPod), Listed(Kind::kNetworkPolicy));
  }
};

TEST(FurtherAddressesInTheLoop, TheFirstRulesCoverThem) {
  FurtherWorld world;
  world.Begin();
  // What an earlier run left in the kernel stays until it is known.
  EXPECT_TRUE(world.kernel.committed.empty());
  world.Learn();
  EXPECT_FALSE(world.kernel.committed.empty());
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.9"));
  EXPECT_FALSE(world.Passes("fd01::2", "fd00::9"));
  // Gone from the namespace, gone from the rules.
  world.node.Hold(1, {"10.0.0.1"});
  world.Learn();
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.9"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
}

TEST(FurtherAddressesInTheLoop, TheFirstRulesDoNotWaitForEver) {
  FurtherWorld world;
  world.node.failure = nft::Status(nft::Status::Code::kUnavailable, "no answer");
  world.Begin();
  world.Learn();
  EXPECT_TRUE(world.kernel.committed.empty());
  world.clock.Advance(std::chrono::seconds(3));
  world.Tell();
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
  world.node.failure = {};
  world.Learn();
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
}

TEST(FurtherAddressesInTheLoop, StayWhenThePodChanges) {
  FurtherWorld world;
  world.Begin();
  world.Learn();
  world.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}, {"more", "labels"}})));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
  world.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "other"}})));
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.9"));
  world.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
  // One that cannot be read any more is isolated at them as well.
  world.Tell(Upsert(Kind::kPod, MakePod("web", "", {}), {Unreadable()}));
  EXPECT_FALSE(world.Passes("10.0.1.1", "10.0.0.9"));
  world.Tell(Upsert(MakePod("web", "10.0.0.1", {{"app", "web"}})));
  world.Learn();
  EXPECT_TRUE(world.Passes("10.0.1.1", "10.0.0.9"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
  // Another pod of the name does not have them, nor has nobody.
  compiler::Pod again = MakePod("web", "10.0.0.1", {{"app", "web"}});
  again.uid = "another";
  world.Tell(Upsert(again));
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.9"));
  world.Tell(Delete(Kind::kPod, "d", "web"));
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.9"));
}

// What any pod's status tells is that pod's at once, on whatever node it is, and not before.
TEST(FurtherAddressesInTheLoop, StatusesWin) {
  FurtherWorld world;
  world.Begin();
  world.Learn();
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
  world.Tell(Upsert(MakePod("open", "10.0.0.9", {{"app", "open"}}, "n2")));
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.9"));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.1"));
  world.Learn();
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.9"));
  world.Tell(Delete(Kind::kPod, "d", "open"));
  world.Learn();
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
  // Here as well, and whatever else the namespace holds.
  world.Tell(Upsert(MakePod("open", "10.0.0.9", {{"app", "open"}})));
  world.node.Hold(1, {"10.0.0.1", "10.0.0.9", "10.0.1.1", "10.0.1.2"});
  world.Learn();
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.0.9"));
  EXPECT_TRUE(world.Passes("10.0.0.9", "10.0.1.2"));
  EXPECT_TRUE(world.Passes("10.0.1.2", "10.0.1.1"));
}

// Once it tells the address itself, it makes no difference that it was learnt.
TEST(FurtherAddressesInTheLoop, TheStatusCatchesUp) {
  FurtherWorld world;
  world.Begin();
  world.Learn();
  compiler::Pod web = MakePod("web", "10.0.0.1", {{"app", "web"}});
  web.addresses.push_back(*ipset::Address::Parse("10.0.0.9"));
  world.Tell(Upsert(web));
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
  world.node.Hold(1, {"10.0.0.1"});
  world.Learn();
  EXPECT_FALSE(world.Passes("10.0.1.2", "10.0.0.9"));
}

// A policy that names the pod as a peer means the pod, at whatever address it speaks from.
TEST(FurtherAddressesInTheLoop, PeersToo) {
  FurtherWorld world;
  world.Begin();
  world.node.Hold(2, {"10.0.0.2", "10.0.0.8"});
  world.Tell(Upsert(MakePod("near", "10.0.0.2", {{"role", "client"}})));
  world.Learn();
  EXPECT_TRUE(world.Passes("10.0.0.2", "10.0.0.1"));
  EXPECT_TRUE(world.Passes("10.0.0.8", "10.0.0.1"));
  EXPECT_TRUE(world.Passes("10.0.0.8", "10.0.0.9"));
  world.Tell(Upsert(MakePod("near", "10.0.0.2", {{"role", "none"}})));
  EXPECT_FALSE(world.Passes("10.0.0.8", "10.0.0.1"));
}

}  // namespace
}  // namespace podgate::controller
