// The terminator's thread over a conntrack in memory, with the test in the place of the loop.
#include "controller/agent/flow_terminator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "unit/nft/conntrack/flows.h"
#include "unit/nft/fake/fake_conntrack.h"
#include "unit/support/await.h"

namespace podgate::controller {
namespace {

using nft::At;
using nft::Flow;
using nft::FlowScope;
using nft::PlainFlow;
using nft::Verdict;

// 10.0.0.2 takes packets from `peers` only.
nft::Ruleset Isolating(const std::vector<std::string>& peers) {
  nft::Ruleset rules;
  nft::Set& map = rules.sets["ingress4"];
  map.name = "ingress4";
  map.key = {nft::Field::kIpv4Addr};
  map.verdict_map = true;
  map.elements = {{nft::AddressKey(At("10.0.0.2")), "", Verdict{Verdict::Kind::kGoto, "in"}}};
  nft::Set& set = rules.sets["peers"];
  set.name = "peers";
  set.key = {nft::Field::kIpv4Addr};
  for (const std::string& peer : peers)
    set.elements.push_back({nft::AddressKey(At(peer.c_str())), "", std::nullopt});
  std::sort(set.elements.begin(), set.elements.end());
  nft::Rule dispatch;
  dispatch.action = nft::VmapAddress{nft::Side::kDestination, nft::Family::kIPv4, "ingress4"};
  rules.chains["forward"] = {"forward", nft::BaseHook{nft::Hook::kForward, -5}, {dispatch}};
  nft::Rule allow;
  allow.matches = {nft::MatchAddressSet{nft::Side::kSource, nft::Family::kIPv4, "peers"}};
  allow.action = Verdict{};
  nft::Rule deny;
  deny.action = Verdict{Verdict::Kind::kDrop, ""};
  rules.chains["in"] = {"in", std::nullopt, {allow, deny}};
  return rules;
}

class FlowTerminatorTest : public testing::Test {
 protected:
  explicit FlowTerminatorTest(double cpus = 1, Clock::Duration at_each_look = {})
      : cpus_(cpus), at_each_look_(at_each_look) {}
  ~FlowTerminatorTest() override { terminator_.Stop(); }

  void Start() {
    thread_ = std::jthread([this] { terminator_.Run(); });
  }
  // The loop's next turn: true when something was asked within ten seconds.
  bool Turn(const nft::Ruleset& rules) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!woken_.wait_for(lock, std::chrono::seconds(10), [this] { return wakes_ > 0; }))
      return false;
    --wakes_;
    lock.unlock();
    terminator_.Serve(rules);
    return true;
  }
  // Turns until one more pass over all flows is over.
  void Pass(const nft::Ruleset& rules) { TurnUntilMore(&FlowTerminator::Counters::passes, rules); }
  void TombstonePass(const nft::Ruleset& rules) {
    TurnUntilMore(&FlowTerminator::Counters::tombstone_passes, rules);
  }
  void TurnUntilMore(std::uint64_t FlowTerminator::Counters::*count, const nft::Ruleset& rules) {
    const std::uint64_t before = terminator_.counters().*count;
    TurnUntil([&] { return terminator_.counters().*count != before; }, rules);
  }
  template <typename Done>
  void TurnUntil(Done done, const nft::Ruleset& rules) {
    while (!done()) {
      std::unique_lock<std::mutex> lock(mutex_);
      woken_.wait_for(lock, std::chrono::milliseconds(1), [this] { return wakes_ > 0; });
      if (wakes_ > 0) --wakes_;
      lock.unlock();
      terminator_.Serve(rules);
    }
  }
  std::size_t Logged(const std::string& text) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::size_t count = 0;
    for (auto at = logged_.find(text); at != std::string::npos; at = logged_.find(text, at + 1))
      ++count;
    return count;
  }

  const double cpus_;
  const Clock::Duration at_each_look_;  // CPU time that is used between two looks at the clock
  std::atomic<int> looks_ = 0;
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
  std::string logged_;
  Logger log_{Logger::Format::kText, LogLevel::kDebug, [this](std::string_view line) {
                const std::lock_guard<std::mutex> lock(mutex_);
                logged_ += line;
              }};
  nft::FakeConntrack conntrack_;
  nft::Addresses node_addresses_;  // set before the terminator runs
  FlowTerminator terminator_{&conntrack_,
                             [this] { return node_addresses_; },
                             &log_,
                             [this] {
                               const std::lock_guard<std::mutex> lock(mutex_);
                               ++wakes_;
                               woken_.notify_all();
                             },
                             cpus_,
                             [this] { return at_each_look_ * looks_++; }};
  std::jthread thread_;
};

TEST_F(FlowTerminatorTest, CutsExactlyWhatIsDeniedInSlices) {
  node_addresses_ = {At("192.168.0.1")};
  for (std::uint16_t i = 0; i < 1000; ++i) {
    const std::string client = fmt::format("10.1.{}.{}", i / 250, i % 250);
    Flow flow = PlainFlow(client.c_str(), "10.0.0.2", nft::kTcp, 80);
    conntrack_.Add(flow);
    conntrack_.Add(PlainFlow("10.0.0.2", client.c_str(), nft::kTcp, 80));  // its own initiative
    conntrack_.Add(PlainFlow(client.c_str(), "10.0.0.3", nft::kTcp, 80));  // not isolated
  }
  conntrack_.Add(PlainFlow("192.168.0.1", "10.0.0.2", nft::kTcp, 80));  // from the node
  const auto before = conntrack_.Flows(false);
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({"10.1.0.7", "10.1.1.7"}));
  const auto after = conntrack_.Flows(false);
  EXPECT_EQ(before.size(), 3001U);
  EXPECT_EQ(after.size(), 3001U - 998U);
  for (const Flow& flow : before) {
    const bool lives =
        flow.reply.source != At("10.0.0.2") || flow.original.source == At("10.1.0.7") ||
        flow.original.source == At("10.1.1.7") || flow.original.source == At("192.168.0.1");
    EXPECT_EQ(std::count(after.begin(), after.end(), flow), lives ? 1 : 0)
        << flow.original.source.ToString() << " -> " << flow.reply.source.ToString();
  }
  EXPECT_EQ(conntrack_.Flows(true).size(), 998U);
  EXPECT_LE(conntrack_.largest_cut(), FlowTerminator::kSlice);
  EXPECT_EQ(terminator_.counters().cut, 998U);
  EXPECT_EQ(terminator_.counters().entries, 3001U);
  EXPECT_EQ(terminator_.counters().tombstones, 998U);
  EXPECT_EQ(Logged("denied flows were cut flows=998 entries=3001"), 1U);
}

TEST_F(FlowTerminatorTest, EverySliceIsJudgedByTheRulesOfItsMoment) {
  for (std::uint16_t i = 0; i < 2 * FlowTerminator::kSlice; ++i) {
    Flow flow = PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80);
    flow.original.source_port = flow.reply.destination_port = i;
    conntrack_.Add(flow);
  }
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  ASSERT_TRUE(Turn(Isolating({})));  // the addresses
  ASSERT_TRUE(Turn(Isolating({})));  // the first slice
  Pass(Isolating({"10.1.0.1"}));
  EXPECT_EQ(conntrack_.Flows(false).size(), FlowTerminator::kSlice);
}

FlowScope From(std::initializer_list<const char*> addresses) {
  FlowScope scope;
  for (const char* address : addresses) scope.Add({At(address), nft::Side::kSource});
  return scope;
}

TEST_F(FlowTerminatorTest, FlowsOfChangedEndsAreCutWithoutAWalkOverAll) {
  for (const char* client : {"10.1.0.1", "10.1.0.2", "10.1.0.3"})
    conntrack_.Add(PlainFlow(client, "10.0.0.2", nft::kTcp, 80));
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({"10.1.0.1", "10.1.0.2", "10.1.0.3"}));
  Pass(Isolating({"10.1.0.1", "10.1.0.2", "10.1.0.3"}));  // the one that confirms it
  const int walks = conntrack_.walks();
  terminator_.PolicyChanged(From({"10.1.0.2"}));
  TurnUntilMore(&FlowTerminator::Counters::changed_passes, Isolating({"10.1.0.1"}));
  EXPECT_EQ(conntrack_.walks(), walks);
  EXPECT_EQ(conntrack_.picks(), 1);
  EXPECT_EQ(conntrack_.Flows(false).size(), 2U) << "of no other end";
  EXPECT_EQ(conntrack_.Flows(true).size(), 1U);
  EXPECT_EQ(terminator_.counters().tombstones, 1U);
  EXPECT_EQ(Logged("denied flows were cut flows=1 entries=1"), 1U);
  // All entries follow, with what the change did not name.
  Pass(Isolating({"10.1.0.1"}));
  EXPECT_EQ(conntrack_.Flows(false).size(), 1U);
}

TEST_F(FlowTerminatorTest, NothingIsWalkedOverWhereThereIsNoFlow) {
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  EXPECT_EQ(conntrack_.walks(), 0);
  EXPECT_EQ(terminator_.counters().entries, 0U);
}

TEST_F(FlowTerminatorTest, ManyChangedEndsAreLookedForInAllFlows) {
  conntrack_.Add(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80));
  Start();
  terminator_.PolicyChanged(From({"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"}));
  Pass(Isolating({}));
  EXPECT_EQ(conntrack_.picks(), 0);
  EXPECT_TRUE(conntrack_.Flows(false).empty());
}

TEST_F(FlowTerminatorTest, ChangedEndsDoNotWaitForTheEndOfAWalk) {
  for (std::uint16_t i = 0; i < 4 * FlowTerminator::kSlice; ++i) {
    Flow flow = PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80);
    flow.original.source_port = flow.reply.destination_port = i;
    conntrack_.Add(flow);
  }
  conntrack_.Add(PlainFlow("10.1.0.2", "10.0.0.2", nft::kTcp, 80));
  const nft::Ruleset before = Isolating({"10.1.0.1", "10.1.0.2"});
  const nft::Ruleset after = Isolating({"10.1.0.1"});
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  ASSERT_TRUE(Turn(before));  // the addresses
  ASSERT_TRUE(Turn(before));  // the first slice
  terminator_.PolicyChanged(From({"10.1.0.2"}));
  TurnUntilMore(&FlowTerminator::Counters::changed_passes, after);
  EXPECT_EQ(terminator_.counters().passes, 0U) << "the walk is still under way";
  EXPECT_EQ(conntrack_.Flows(true).size(), 1U);
  Pass(after);
  EXPECT_EQ(conntrack_.Flows(false).size(), 4 * FlowTerminator::kSlice);
}

// Whose every 64 entries cost 4 ms of CPU.
class SmallFlowTerminatorTest : public FlowTerminatorTest {
 protected:
  explicit SmallFlowTerminatorTest(double cpus = 0.2)
      : FlowTerminatorTest(cpus, FlowTerminator::kAtOnce) {
    for (std::uint16_t i = 0; i < 640; ++i) {
      Flow flow = PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80);
      flow.original.source_port = flow.reply.destination_port = i;
      conntrack_.Add(flow);
    }
  }
};

TEST_F(SmallFlowTerminatorTest, APassLeavesTheLoopHalfOfASmallShareOfACpu) {
  Start();
  const auto begun = std::chrono::steady_clock::now();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  // Ten times 4 ms at a tenth of a CPU: each is followed by 36 ms without.
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(9 * 36));
  EXPECT_EQ(terminator_.counters().cut, 640U);
}

TEST_F(SmallFlowTerminatorTest, APassOverChangedEndsPausesBetweenThem) {
  Start();
  terminator_.PolicyChanged(From({"10.9.0.1", "10.9.0.2", "10.9.0.3"}));
  const auto begun = std::chrono::steady_clock::now();
  TurnUntilMore(&FlowTerminator::Counters::changed_passes, Isolating({}));
  // Each costs 4 ms or more, and there are two pauses.
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(2 * 36));
}

class TinyFlowTerminatorTest : public SmallFlowTerminatorTest {
 protected:
  TinyFlowTerminatorTest() : SmallFlowTerminatorTest(0.0004) {}  // 800 ms each; at least 0.01
};

TEST_F(TinyFlowTerminatorTest, ChangedEndsDoNotWaitForThePausesOfAWalk) {
  const nft::Ruleset rules = Isolating({"10.1.0.1"});
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  TurnUntil([this] { return looks_ >= 4; }, rules);
  const auto begun = std::chrono::steady_clock::now();
  terminator_.PolicyChanged(From({"10.1.0.2"}));
  TurnUntilMore(&FlowTerminator::Counters::changed_passes, rules);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(700));
  EXPECT_EQ(terminator_.counters().passes, 0U) << "the walk is still under way";
}

TEST_F(FlowTerminatorTest, RemovesTombstonesOfWhatIsAllowedAgainWithoutLookingThroughAllFlows) {
  conntrack_.Add(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80));
  conntrack_.Add(PlainFlow("10.1.0.2", "10.0.0.2", nft::kTcp, 80));
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  EXPECT_EQ(conntrack_.Flows(true).size(), 2U);
  const int walks = conntrack_.walks();
  terminator_.PolicyChanged({});
  TombstonePass(Isolating({"10.1.0.1"}));
  ASSERT_EQ(conntrack_.Flows(true).size(), 1U);
  EXPECT_EQ(conntrack_.Flows(true)[0].reply.source, At("10.1.0.2"));
  EXPECT_EQ(terminator_.counters().tombstones, 1U);
  // Also when nothing is isolated at all any more.
  terminator_.PolicyChanged({});
  TombstonePass(nft::Ruleset());
  EXPECT_TRUE(conntrack_.Flows(true).empty());
  EXPECT_EQ(terminator_.counters().tombstones, 0U);
  EXPECT_LE(conntrack_.walks(), walks + 1) << "one more to confirm the first";
}

TEST_F(FlowTerminatorTest, FindsTheTombstonesOfAnEarlierAgent) {
  conntrack_.Add(nft::TombstoneOf(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80)));
  conntrack_.Add(nft::TombstoneOf(PlainFlow("10.1.0.2", "10.0.0.2", nft::kTcp, 80)));
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({"10.1.0.1"}));
  EXPECT_EQ(conntrack_.Flows(true).size(), 1U);
  EXPECT_EQ(terminator_.counters().tombstones, 1U);
}

// In time, before the kernel forgets them; and what an earlier version put for days does not stay.
TEST_F(FlowTerminatorTest, PutsTombstonesAnewWhileTheirFlowIsDenied) {
  Flow soon_gone = nft::TombstoneOf(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80));
  soon_gone.timeout_seconds = 60;
  Flow overlong = nft::TombstoneOf(PlainFlow("10.1.0.2", "10.0.0.2", nft::kTcp, 80));
  overlong.timeout_seconds = 432'000;
  conntrack_.Add(soon_gone);
  conntrack_.Add(overlong);
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  const auto renewed = [this] {
    const auto tombstones = conntrack_.Flows(true);
    return tombstones.size() == 2 &&
           std::all_of(tombstones.begin(), tombstones.end(), [](const Flow& tombstone) {
             return tombstone.timeout_seconds == nft::kTombstoneSeconds;
           });
  };
  TurnUntil(renewed, Isolating({}));
  // They are still the ones that go when their flow is allowed again.
  terminator_.PolicyChanged({});
  TombstonePass(Isolating({"10.1.0.1", "10.1.0.2"}));
  EXPECT_TRUE(conntrack_.Flows(true).empty());
}

TEST_F(FlowTerminatorTest, TellsOfTombstonesThatTheirPeersWereFasterThan) {
  conntrack_.LoseRenewed();
  Flow soon_gone = nft::TombstoneOf(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80));
  soon_gone.timeout_seconds = 60;
  conntrack_.Add(soon_gone);
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  TurnUntil([this] { return conntrack_.Flows(true).empty(); }, Isolating({}));
  TurnUntil([this] { return Logged("their peers may resume them flows=1") == 1; }, Isolating({}));
  EXPECT_EQ(terminator_.counters().tombstones, 0U);
}

TEST_F(FlowTerminatorTest, ForgetsTombstonesThatHaveExpired) {
  Flow udp = PlainFlow("10.1.0.1", "10.0.0.2", nft::kUdp, 53);
  udp.timeout_seconds = 1;
  conntrack_.Add(udp);
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  EXPECT_EQ(terminator_.counters().cut, 1U);
  TurnUntil([this] { return terminator_.counters().tombstones == 0; }, Isolating({}));
}

TEST_F(FlowTerminatorTest, TheOldestTombstonesGiveWayWhereThereAreTooMany) {
  conntrack_.SetMostEntries(80);
  for (std::uint16_t i = 0; i < 25; ++i) {
    Flow flow = PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80);
    flow.original.source_port = flow.reply.destination_port = i;
    conntrack_.Add(flow);
  }
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  EXPECT_TRUE(conntrack_.Flows(false).empty()) << "cut all the same";
  const auto left = conntrack_.Flows(true);
  ASSERT_EQ(left.size(), 80 / FlowTerminator::kShareOfConntrack);
  for (const Flow& tombstone : left) EXPECT_GE(tombstone.reply.source_port, 15);
  EXPECT_EQ(terminator_.counters().cut, 25U);
  EXPECT_EQ(terminator_.counters().tombstones, 10U);
  EXPECT_EQ(terminator_.counters().displaced, 15U);
  EXPECT_EQ(Logged("the oldest gave way"), 1U);
}

TEST_F(FlowTerminatorTest, ATombstoneThatBecameAnotherFlowIsNotTouched) {
  const Flow flow = PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80);
  conntrack_.Add(flow);
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  ASSERT_EQ(conntrack_.Flows(true).size(), 1U);
  const Flow tombstone = conntrack_.Flows(true)[0];
  ASSERT_EQ(conntrack_.Delete({&tombstone, 1}).value(), 1U);
  Flow other = flow;
  std::swap(other.original, other.reply);
  conntrack_.Add(other);
  terminator_.PolicyChanged({});
  TombstonePass(Isolating({"10.1.0.1"}));
  EXPECT_EQ(conntrack_.Flows(false).size(), 1U);
}

TEST_F(FlowTerminatorTest, AChangeThatOnlyAllowsNeedsNoPassWithoutTombstones) {
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  const std::uint64_t passes = terminator_.counters().passes;
  terminator_.PolicyChanged({});
  terminator_.Stop();
  thread_.join();
  EXPECT_EQ(terminator_.counters().passes, passes);
}

TEST_F(FlowTerminatorTest, WhereNothingIsIsolatedNothingIsLookedThrough) {
  conntrack_.Add(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80));
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(nft::Ruleset());
  EXPECT_EQ(conntrack_.walks(), 1) << "an earlier agent may have left tombstones";
  terminator_.PolicyChanged(FlowScope::All());
  Pass(nft::Ruleset());
  EXPECT_EQ(conntrack_.walks(), 1);
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  EXPECT_EQ(conntrack_.Flows(true).size(), 1U);
}

TEST_F(FlowTerminatorTest, ARelatedFlowLivesAsLongAsItsMasterIsAllowed) {
  const Flow master = PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 21);
  Flow data = PlainFlow("10.0.0.9", "10.0.0.2", nft::kTcp, 20);  // alone it would be denied
  data.master = nft::FlowMaster{nft::kTcp, master.original};
  conntrack_.Add(master);
  conntrack_.Add(data);
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({"10.1.0.1"}));
  EXPECT_EQ(conntrack_.Flows(false).size(), 2U);
  terminator_.PolicyChanged(FlowScope::All());
  Pass(Isolating({}));
  EXPECT_EQ(conntrack_.Flows(false).size(), 0U);
}

TEST_F(FlowTerminatorTest, SaysWhenItCannotAndTriesAgain) {
  conntrack_.Add(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80));
  conntrack_.Refuse(nft::Status(nft::Status::Code::kPermission, "not permitted"));
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  ASSERT_TRUE(Turn(Isolating({})));
  unit::Await([&] { return terminator_.counters().failures != 0; });
  conntrack_.Refuse({});
  Pass(Isolating({}));
  EXPECT_EQ(Logged("cannot check established flows"), 1U);
  EXPECT_EQ(conntrack_.Flows(false).size(), 0U);
}

TEST_F(FlowTerminatorTest, StopsAtOnceWhileItWaitsForTheLoop) {
  conntrack_.Add(PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80));
  Start();
  terminator_.PolicyChanged(FlowScope::All());
  {
    std::unique_lock<std::mutex> lock(mutex_);
    ASSERT_TRUE(woken_.wait_for(lock, std::chrono::seconds(10), [this] { return wakes_ > 0; }));
  }
  terminator_.Stop();
  thread_.join();
  terminator_.Serve(Isolating({}));
  EXPECT_EQ(conntrack_.Flows(false).size(), 1U);
}

TEST(RemoveTombstones, TakesAllOfThemAndNothingElse) {
  nft::FakeConntrack conntrack;
  for (std::uint16_t i = 0; i < 600; ++i) {
    Flow flow = PlainFlow("10.1.0.1", "10.0.0.2", nft::kTcp, 80);
    flow.original.source_port = flow.reply.destination_port = i;
    conntrack.Add(nft::TombstoneOf(flow));
    flow.original.destination = flow.reply.source = At("10.0.0.3");
    conntrack.Add(flow);
  }
  EXPECT_EQ(nft::RemoveTombstones(&conntrack).value(), 600U);
  EXPECT_TRUE(conntrack.Flows(true).empty());
  EXPECT_EQ(conntrack.Flows(false).size(), 600U);
  EXPECT_EQ(nft::RemoveTombstones(&conntrack).value(), 0U);
  conntrack.Refuse(nft::Status(nft::Status::Code::kPermission, "not permitted"));
  EXPECT_FALSE(nft::RemoveTombstones(&conntrack).ok());
}

}  // namespace
}  // namespace podgate::controller
