// An address takes no flows along when it changes hands.
#include "controller/agent/address_handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "controller/agent/flow_forgetter.h"
#include "unit/controller/agent/loop_world.h"
#include "unit/nft/conntrack/flows.h"
#include "unit/nft/fake/fake_conntrack.h"
#include "unit/support/await.h"

namespace podgate::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

compiler::Address Address(const char* text) { return *compiler::Address::Parse(text); }

class AddressHandoverTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const std::string& address, const std::string& node = "n1") {
    compiler::Pod pod = MakePod(name, address, {}, node);
    pod.uid = name;
    pipeline_.Put(pod);
  }
  void Remove(const std::string& name) { pipeline_.RemovePod({"d", name}); }
  // What changed hands; what a pod has come to have is in taken_.
  std::vector<compiler::Address> Follow() {
    AddressHandover::Told told = handover_.Follow(pipeline_);
    taken_ = std::move(told.taken);
    return std::move(told.changed);
  }

  compiler::Pipeline pipeline_{"n1", {}};
  AddressHandover handover_;
  std::vector<compiler::Address> taken_;
};

TEST_F(AddressHandoverTest, TheFirstLookOnlyLearns) {
  Put("a", "10.0.0.1");
  EXPECT_THAT(Follow(), IsEmpty());
  Put("a", "10.0.0.1");
  Put("b", "10.0.0.2");
  EXPECT_THAT(Follow(), IsEmpty());
}

TEST_F(AddressHandoverTest, AnAddressIsToldWhenItsPodIsGoneAndNotWhenTheNextComes) {
  Put("a", "10.0.0.1");
  Follow();
  Remove("a");
  EXPECT_THAT(Follow(), ElementsAre(Address("10.0.0.1")));
  EXPECT_THAT(taken_, IsEmpty());
  Put("b", "10.0.0.1");
  EXPECT_THAT(Follow(), IsEmpty());
  EXPECT_THAT(taken_, ElementsAre(Address("10.0.0.1")));
  Put("b", "10.0.0.3");  // it has another one now
  EXPECT_THAT(Follow(), ElementsAre(Address("10.0.0.1")));
  EXPECT_THAT(taken_, ElementsAre(Address("10.0.0.3")));
}

TEST_F(AddressHandoverTest, AnotherPodInTheSamePlaceIsToldToo) {
  Put("a", "10.0.0.1");
  Follow();
  Remove("a");
  Put("b", "10.0.0.1");
  EXPECT_THAT(Follow(), ElementsAre(Address("10.0.0.1")));
}

TEST_F(AddressHandoverTest, OfTwoThatClaimItTheSecondOnesComingIsTold) {
  Put("a", "10.0.0.1");
  Follow();
  Put("b", "10.0.0.1");
  EXPECT_THAT(Follow(), ElementsAre(Address("10.0.0.1")));
  EXPECT_THAT(taken_, ElementsAre(Address("10.0.0.1")));
  Remove("a");
  EXPECT_THAT(Follow(), IsEmpty());
  EXPECT_THAT(taken_, IsEmpty());
}

TEST_F(AddressHandoverTest, FinishedIsGoneAndOtherNodesAreNotFollowed) {
  Put("a", "10.0.0.1");
  Put("c", "10.0.1.1", "n2");
  Follow();
  Remove("c");
  EXPECT_THAT(Follow(), IsEmpty());
  compiler::Pod done = MakePod("a", "10.0.0.1", {});
  done.uid.assign(1, 'a');
  done.finished = done.still_running = true;
  pipeline_.Put(done);
  EXPECT_THAT(Follow(), IsEmpty());
  done.still_running = false;
  pipeline_.Put(done);
  EXPECT_THAT(Follow(), ElementsAre(Address("10.0.0.1")));
}

TEST(FlowForgetter, ForgetsTheFlowsOfTheAddressInBothDirectionsAndNothingElse) {
  nft::FakeConntrack conntrack;
  LoopWorld world;
  FlowForgetter forgetter(&conntrack, &world.log);
  Loop loop({"n1", {}, false}, &world.kernel, &world.clock, &world.log, {.forgetter = &forgetter});
  std::thread thread([&] { forgetter.Run(); });
  std::vector<Message> batch;
  batch.push_back(Upsert(MakePod("old", "10.0.0.1", {})));
  for (const Kind kind : {Kind::kNamespace, Kind::kPod, Kind::kNetworkPolicy})
    batch.push_back(Listed(kind));
  loop.Handle(std::move(batch));
  conntrack.Add(nft::PlainFlow("10.0.0.1", "10.0.1.1", nft::kTcp, 80));
  conntrack.Add(nft::PlainFlow("10.0.1.1", "10.0.0.1", nft::kUdp, 53));
  conntrack.Add(nft::PlainFlow("10.0.1.1", "10.0.0.2", nft::kTcp, 80));
  nft::Flow through_service = nft::PlainFlow("10.0.1.1", "10.96.0.1", nft::kTcp, 80);
  through_service.reply.source = *ipset::Address::Parse("10.0.0.1");
  conntrack.Add(through_service);
  for (int i = 0; i < 1000; ++i) {  // more than go at once
    nft::Flow flow = nft::PlainFlow("10.0.0.1", "10.0.1.2", nft::kTcp, 80);
    flow.original.source_port = flow.reply.destination_port = static_cast<std::uint16_t>(1024 + i);
    conntrack.Add(flow);
  }
  std::vector<Message> gone;
  gone.push_back(Delete(Kind::kPod, "d", "old"));
  loop.Handle(std::move(gone));
  unit::Await([&] { return forgetter.forgotten() >= 1003; });
  EXPECT_EQ(conntrack.Flows(false).size(), 1U);
  forgetter.Stop();
  thread.join();
}

// Runs a forgetter on its thread while it lives.
struct Forgetting {
  explicit Forgetting(std::function<Clock::Duration()> cpu_time = [] { return Clock::Duration(); })
      : forgetter(&conntrack, &world.log, 1, std::move(cpu_time)),
        thread([this] { forgetter.Run(); }) {}
  ~Forgetting() { forgetter.Stop(); }
  // Gives each a flow of either direction, and waits until those are gone.
  void Forget(const std::vector<compiler::Address>& addresses) {
    const std::uint64_t before = forgetter.forgotten();
    for (const compiler::Address& address : addresses) {
      const bool v4 = address.family() == ipset::Family::kIPv4;
      const std::string text = address.ToString();
      const char* const other = v4 ? "10.9.0.1" : "fd09::1";
      conntrack.Add(nft::PlainFlow(text.c_str(), other, nft::kTcp, 80));
      conntrack.Add(nft::PlainFlow(other, text.c_str(), nft::kTcp, 80));
    }
    forgetter.Forget(addresses);
    unit::Await([&] { return forgetter.forgotten() >= before + 2 * addresses.size(); });
  }

  LoopWorld world;
  nft::FakeConntrack conntrack;
  FlowForgetter forgetter;
  std::jthread thread;
};

TEST(FlowForgetter, TheKernelPicksOutTheFlowsOfAFewAddresses) {
  Forgetting forgetting;
  std::vector<compiler::Address> addresses;
  for (const char* text : {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"})
    addresses.push_back(Address(text));
  forgetting.Forget(addresses);
  EXPECT_EQ(forgetting.conntrack.picks(), 1);
  EXPECT_EQ(forgetting.conntrack.walks(), 0);
  // Those of many are found in one walk, and those of IPv6 ones, which it does not pick.
  addresses.push_back(Address("10.0.0.5"));
  forgetting.Forget(addresses);
  forgetting.Forget({Address("10.0.0.1"), Address("fd00::1")});
  EXPECT_EQ(forgetting.conntrack.picks(), 1);
  EXPECT_EQ(forgetting.conntrack.walks(), 2);
}

// Somebody who has the address already waits for what is left of its former owner.
TEST(FlowForgetter, TheNextOwnerWaitsForItAndNotAllTheTime) {
  LoopWorld world;
  nft::FakeConntrack conntrack;
  std::promise<void> go_on;
  FlowForgetter forgetter(&conntrack, &world.log, 1, [&, first = true]() mutable {
    if (std::exchange(first, false)) go_on.get_future().wait();
    return Clock::Duration();
  });
  const std::vector<compiler::Address> addresses = {Address("10.0.0.1")};
  EXPECT_TRUE(forgetter.Await(addresses)) << "nobody left anything";
  conntrack.Add(nft::PlainFlow("10.0.0.1", "10.0.1.2", nft::kTcp, 80));
  forgetter.Forget(addresses);
  std::jthread thread([&] { forgetter.Run(); });
  // A second of waiting is had at once; then there is none for a while.
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(forgetter.Await(addresses)) << "it is held up";
  const auto waited = std::chrono::steady_clock::now() - begun;
  EXPECT_GT(waited, FlowForgetter::kOnCredit / 10);
  EXPECT_LT(waited, 300 * FlowForgetter::kMostPatience);
  EXPECT_TRUE(forgetter.Await({Address("10.0.0.2")})) << "another one's";
  go_on.set_value();
  unit::Await([&] { return forgetter.Await(addresses); });
  EXPECT_TRUE(conntrack.Flows(false).empty());
  forgetter.Stop();
}

// A tenth of a CPU, however often addresses change hands.
TEST(FlowForgetter, RestsNineTimesWhatItUsed) {
  static constexpr std::chrono::milliseconds kUsed{20};
  Forgetting forgetting([used = Clock::Duration()]() mutable { return used += kUsed; });
  const auto begun = std::chrono::steady_clock::now();
  forgetting.Forget({Address("10.0.0.1")});
  forgetting.Forget({Address("10.0.0.1")});
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 9 * kUsed);
}

TEST(ContestReport, IsToldOnceWhereAPodOfThisNodeIsConcerned) {
  LoopWorld world;
  world.Start();
  world.Tell(Upsert(MakePod("liar", "10.0.0.1", {}, "n2")));
  world.Tell(Upsert(MakePod("liar", "10.0.0.1", {{"x", "y"}}, "n2")));
  world.Tell(Upsert(MakePod("far", "10.0.1.1", {}, "n3")));
  EXPECT_EQ(world.Logged("address is claimed by several pods"), 1U);
  EXPECT_EQ(world.Logged("d/liar (node n2), d/web (node n1)"), 1U);
  world.Tell(Delete(Kind::kPod, "d", "liar"));
  world.Tell(Upsert(MakePod("liar", "10.0.0.1", {}, "n2")));
  EXPECT_EQ(world.Logged("address is claimed by several pods"), 2U);
}

}  // namespace
}  // namespace podgate::controller
