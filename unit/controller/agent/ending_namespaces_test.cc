// The policies of a namespace that is being deleted outlive their objects, for as long as its pods
// are there and no longer, whatever the order in which all that is heard of.
#include "controller/agent/ending_namespaces.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/controller/agent/loop_world.h"

namespace podgate::controller {
namespace {

constexpr const char* kWeb = "10.0.0.1";
constexpr const char* kClient = "10.0.1.1";
constexpr const char* kStranger = "10.0.1.2";

Message Put(bool terminating, const std::string& uid = "1", const std::string& name = "d") {
  return Upsert(Kind::kNamespace, compiler::Namespace{name, {}, uid, terminating});
}
Message PolicyGone() { return Delete(Kind::kNetworkPolicy, "d", "web"); }
Message NamespaceGone() { return Delete(Kind::kNamespace, "", "d"); }
Message WebGone() { return Delete(Kind::kPod, "d", "web"); }
Message Web() { return Upsert(MakePod("web", kWeb, {{"app", "web"}})); }

class EndingNamespacesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.Start();
    world_.Tell(Put(false));
  }
  void Wait(Clock::Duration duration) {
    world_.clock.Advance(duration);
    world_.loop.Tick();
  }
  // Closed to strangers and open to whom the policy allows.
  void ExpectAsBefore() {
    EXPECT_FALSE(world_.Passes(kStranger, kWeb));
    EXPECT_TRUE(world_.Passes(kClient, kWeb));
  }
  void ExpectOpen() { EXPECT_TRUE(world_.Passes(kStranger, kWeb)); }

  LoopWorld world_;
};

TEST_F(EndingNamespacesTest, APolicyStaysAsItWasUntilThePodsAreGone) {
  world_.Tell(Put(true));
  world_.Tell(PolicyGone());
  Wait(std::chrono::hours(1));
  ExpectAsBefore();
  // Clients come and go as ever.
  world_.Tell(Upsert(MakePod("late", "10.0.1.3", {{"role", "client"}}, "n2")));
  EXPECT_TRUE(world_.Passes("10.0.1.3", kWeb));
  world_.Tell(WebGone());
  world_.Tell(NamespaceGone());
  EXPECT_EQ(world_.loop.pipeline().counts().policies, 0U);
  EXPECT_EQ(world_.Logged("policy was deleted with its namespace"), 1U);
}

TEST_F(EndingNamespacesTest, APodThatIsGivenThisNodeOnlyNowIsIsolatedToo) {
  world_.Tell(WebGone());
  world_.Tell(Put(true));
  world_.Tell(PolicyGone());
  Wait(std::chrono::seconds(1));
  world_.Tell(Web());
  ExpectAsBefore();
  // The last one that was here does not take them along either.
  world_.Tell(WebGone());
  world_.Tell(Upsert(MakePod("late", kWeb, {{"app", "web"}})));
  ExpectAsBefore();
}

TEST_F(EndingNamespacesTest, ADeletionThatOvertakesTheNamespacesIsHeld) {
  world_.Tell(PolicyGone());
  ExpectAsBefore();
  Wait(EndingNamespaces::kHold / 2);
  ExpectAsBefore();
  world_.Tell(Put(true));
  Wait(std::chrono::minutes(10));
  ExpectAsBefore();
}

TEST_F(EndingNamespacesTest, WhatWasDeletedComesBackIfTheNamespacesEndIsHeardOfMuchLater) {
  world_.Tell(PolicyGone());
  Wait(std::chrono::seconds(5));
  ExpectOpen();
  world_.Tell(Put(true));
  ExpectAsBefore();
  Wait(std::chrono::minutes(10));
  ExpectAsBefore();
}

TEST_F(EndingNamespacesTest, AnOrdinaryDeletionIsHeldForAMomentAndForgottenInAMinute) {
  world_.Tell(PolicyGone());
  EXPECT_EQ(world_.loop.pipeline().counts().policies, 1U);
  Wait(EndingNamespaces::kHold);
  ExpectOpen();
  EXPECT_EQ(world_.loop.pipeline().counts().policies, 0U);
  Wait(EndingNamespaces::kRemembered);
  world_.Tell(Put(true));
  ExpectOpen();
}

TEST_F(EndingNamespacesTest, APolicyThatReachesNoLocalPodGoesAtOnce) {
  world_.Tell(WebGone());
  world_.Tell(PolicyGone());
  EXPECT_EQ(world_.loop.pipeline().counts().policies, 0U);
}

TEST_F(EndingNamespacesTest, APolicyThatIsMadeAnewIsNoLongerHeld) {
  world_.Tell(PolicyGone());
  world_.Tell(Upsert(Kind::kNetworkPolicy, WebPolicy()));
  Wait(std::chrono::seconds(1));
  ExpectAsBefore();
  // Deleted for good, and put in its place another: that one counts, whatever ends.
  world_.Tell(PolicyGone());
  Wait(std::chrono::seconds(1));
  compiler::NetworkPolicy another = WebPolicy();
  another.ingress.clear();
  world_.Tell(Upsert(Kind::kNetworkPolicy, another));
  world_.Tell(Put(true));
  EXPECT_FALSE(world_.Passes(kClient, kWeb));
}

TEST_F(EndingNamespacesTest, TheNamespaceMayGoBeforeItsPodsAreHeardToBeGone) {
  world_.Tell(Put(true), PolicyGone(), NamespaceGone());
  Wait(std::chrono::seconds(1));
  EXPECT_FALSE(world_.Passes(kStranger, kWeb));
  world_.Tell(WebGone());
  EXPECT_EQ(world_.loop.pipeline().counts().policies, 0U);
  // Also if nobody told that it was to end.
  world_.Tell(Put(false, "2"), Web(), Upsert(Kind::kNetworkPolicy, WebPolicy()));
  world_.Tell(NamespaceGone(), PolicyGone());
  Wait(std::chrono::seconds(1));
  EXPECT_FALSE(world_.Passes(kStranger, kWeb));
}

TEST_F(EndingNamespacesTest, ANamespaceThatIsMadeAnewOwesNothingToTheOldOne) {
  world_.Tell(Put(true), PolicyGone());
  ExpectAsBefore();
  world_.Tell(Put(false, "2"));
  ExpectOpen();
  // The same when the new one is to end as well.
  world_.Tell(Upsert(Kind::kNetworkPolicy, WebPolicy()));
  world_.Tell(Put(true, "2"), PolicyGone());
  ExpectAsBefore();
  world_.Tell(Put(true, "3"));
  ExpectOpen();
}

TEST_F(EndingNamespacesTest, OthersNamespacesAreNoneOfItsBusiness) {
  world_.Tell(Put(true, "9", "e"));
  world_.Tell(PolicyGone());
  Wait(std::chrono::seconds(1));
  ExpectOpen();
}

TEST_F(EndingNamespacesTest, WhatIsRememberedIsBounded) {
  for (int i = 0; i < 40; ++i) {
    compiler::NetworkPolicy large = WebPolicy();
    large.key.name = fmt::format("large{}", i);
    compiler::PolicyPeer peer;
    peer.block = compiler::IpBlock{*ipset::Prefix::Parse("10.0.0.0/8"), {}};
    large.ingress[0].peers.assign(3000, peer);
    world_.Tell(Upsert(Kind::kNetworkPolicy, large));
    world_.Tell(Delete(Kind::kNetworkPolicy, "d", large.key.name));
    Wait(EndingNamespaces::kHold);
  }
  world_.Tell(Put(true));
  const std::size_t back = world_.loop.pipeline().counts().policies - 1;
  EXPECT_GE(back, 1U);
  EXPECT_LT(back, 40U);
}

// A second agent, that starts when the policy is gone already.
class RestartTest : public EndingNamespacesTest {
 protected:
  Loop second_{{"n1", {}, false}, &world_.kernel, &world_.clock, &world_.log};

  void Begin(std::vector<Message> more) {
    std::vector<Message> batch = std::move(more);
    batch.push_back(Upsert(MakePod("free", "10.0.0.2", {{"app", "web"}})));
    for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
      batch.push_back(Listed(kind));
    second_.Handle(std::move(batch));
  }
};

TEST_F(RestartTest, TheTableTellsWhichPodsWereIsolated) {
  Begin({Put(true), Web()});
  EXPECT_TRUE(second_.applier().settled());
  EXPECT_FALSE(world_.Passes(kStranger, kWeb));
  EXPECT_FALSE(world_.Passes(kClient, kWeb)) << "what its policies allowed nobody knows any more";
  EXPECT_TRUE(world_.Passes(kWeb, kStranger)) << "it was not isolated for egress";
  EXPECT_TRUE(world_.Passes(kStranger, "10.0.0.2")) << "it was not isolated, whatever its labels";
  second_.Handle({WebGone()});
  EXPECT_TRUE(world_.Passes(kStranger, kWeb));
}

TEST_F(RestartTest, ItSaysNothingOfNamespacesThatStay) {
  Begin({Put(false), Web()});
  EXPECT_TRUE(world_.Passes(kStranger, kWeb));
}

TEST_F(RestartTest, ItSaysNothingOfAnotherPodAtTheAddress) {
  Begin({Put(true), Upsert(MakePod("heir", kWeb, {{"app", "web"}}))});
  EXPECT_TRUE(world_.Passes(kStranger, kWeb));
}

TEST_F(RestartTest, NothingIsWrittenWhileTheTableCannotBeRead) {
  world_.kernel.committed.clear();
  int failures = 2;
  world_.kernel.before_read = [&failures] {
    return failures-- > 0 ? nft::Status(nft::Status::Code::kUnavailable, "no answer")
                          : nft::Status();
  };
  Begin({Put(true), Web()});
  second_.Tick();
  EXPECT_TRUE(world_.kernel.committed.empty());
  EXPECT_FALSE(world_.Passes(kStranger, kWeb));
  second_.Tick();
  EXPECT_TRUE(second_.applier().settled());
  EXPECT_FALSE(world_.Passes(kStranger, kWeb));
}

}  // namespace
}  // namespace podgate::controller
