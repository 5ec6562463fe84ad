// Conntrack's entries in the real kernel, in a network namespace of the test's own.
#include <gtest/gtest.h>
#include <linux/netlink.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>

#include "nft/kernel/netlink_channel.h"
#include "unit/nft/conntrack/flows.h"
#include "unit/nft/conntrack/real_conntrack.h"
#include "unit/nft/fake/faulty_channel.h"

namespace podgate::nft {
namespace {

// The process's sockets, by inode.
std::set<std::string> OpenSockets() {
  std::set<std::string> sockets;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.starts_with("socket:")) sockets.insert(target);
  }
  return sockets;
}

class ConntrackTest : public RealConntrackTest {};

TEST_F(ConntrackTest, TellsWhatIsThere) {
  std::vector<Flow> made{
      PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80),
      PlainFlow("10.0.0.1", "10.0.0.2", kUdp, 53),
      PlainFlow("fd00::1", "fd00::2", kTcp, 443),
      PlainFlow("10.0.0.1", "10.0.0.2", kSctp, 7777),
      EchoFlow("10.0.0.1", "10.0.0.2"),
  };
  Flow service = PlainFlow("10.0.0.3", "10.96.0.1", kTcp, 80);
  service.reply = {At("10.0.0.2"), At("192.168.0.1"), 8080, 61000};
  made.push_back(service);
  for (const Flow& flow : made) EXPECT_EQ(Make(flow), 0);
  const auto all = All();
  EXPECT_EQ(all.size(), made.size());
  for (const Flow& flow : made) {
    int found = 0;
    for (const Flow& told : all) {
      if (told.protocol != flow.protocol || told.original != flow.original) continue;
      ++found;
      EXPECT_EQ(told.reply.source, flow.reply.source);
      EXPECT_EQ(told.reply.destination, flow.reply.destination);
      EXPECT_EQ(told.reply.source_port, flow.reply.source_port);
      EXPECT_EQ(told.reply.destination_port, flow.reply.destination_port);
      EXPECT_NE(told.id, 0U);
      EXPECT_LE(told.timeout_seconds, 600U);
      EXPECT_GT(told.timeout_seconds, 500U);
      EXPECT_FALSE(told.ended);
      EXPECT_FALSE(told.master);
    }
    EXPECT_EQ(found, 1) << int{flow.protocol};
  }
  int taken = 0;
  EXPECT_TRUE(conntrack_->Walk([&](const Flow&) { return ++taken < 2; }).ok());
  EXPECT_EQ(taken, 2);
}

TEST_F(ConntrackTest, PicksTheEntriesOfAnEndAlsoDuringAWalk) {
  Flow service = PlainFlow("10.0.0.3", "10.96.0.1", kTcp, 80);
  service.reply = {At("10.0.0.2"), At("192.168.0.1"), 8080, 61000};
  for (const Flow& flow :
       {service, PlainFlow("10.0.0.1", "10.0.0.2", kUdp, 53), EchoFlow("10.0.0.2", "10.0.0.1"),
        PlainFlow("fd00::1", "fd00::2", kTcp, 443)})
    ASSERT_EQ(Make(flow), 0);
  const auto picked = [this](const char* address, Side side) {
    std::size_t right = 0;
    const FlowEnd end{At(address), side};
    FlowScope scope;
    scope.Add(end);
    EXPECT_TRUE(conntrack_
                    ->Walk(std::set{end},
                           [&](const Flow& flow) {
                             EXPECT_EQ(flow.original.source.family(), end.address.family());
                             EXPECT_TRUE(scope.Contains(flow) ||
                                         end.address.family() == ipset::Family::kIPv6);
                             right += scope.Contains(flow) ? 1 : 0;
                             return true;
                           })
                    .ok());
    return right;
  };
  const auto all = [&] {
    EXPECT_EQ(picked("10.0.0.2", Side::kDestination), 2U);
    EXPECT_EQ(picked("10.0.0.2", Side::kSource), 1U);
    EXPECT_EQ(picked("10.0.0.3", Side::kSource), 1U);
    EXPECT_EQ(picked("10.96.0.1", Side::kDestination), 0U);
    EXPECT_EQ(picked("fd00::2", Side::kDestination), 1U);
    EXPECT_EQ(picked("fd00::2", Side::kSource), 0U);
  };
  all();
  std::size_t told = 0;
  EXPECT_TRUE(conntrack_
                  ->Walk([&](const Flow&) {
                    if (++told == 2) all();
                    return true;
                  })
                  .ok());
  EXPECT_EQ(told, 4U);
}

// Each costs as much as the kernel's hash table is long, however few entries there are.
TEST_F(ConntrackTest, WalksOverTheTableOfFewEntriesOnce) {
  auto requests = OpenChannel(NETLINK_NETFILTER);
  auto walks = OpenChannel(NETLINK_NETFILTER);
  auto counted = OpenFaultyChannel(NETLINK_NETFILTER);
  ASSERT_TRUE(requests.ok() && walks.ok() && counted != nullptr);
  int dumps = 0;
  counted->on_send = [&dumps](const nlmsghdr* first) {
    if ((first->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) ++dumps;
    return 0;
  };
  const auto conntrack =
      ConntrackOver(std::move(requests).value(), std::move(walks).value(), std::move(counted));
  const std::set<FlowEnd> ends = {{At("10.0.0.1"), Side::kSource},
                                  {At("10.0.0.2"), Side::kDestination},
                                  {At("fd00::1"), Side::kSource},
                                  {At("fd00::2"), Side::kSource}};
  const auto expect = [&](std::size_t flows, int walked) {
    FlowScope scope;
    for (const FlowEnd& end : ends) scope.Add(end);
    std::set<std::uint32_t> found;
    dumps = 0;
    EXPECT_TRUE(conntrack
                    ->Walk(ends,
                           [&](const Flow& flow) {
                             if (scope.Contains(flow)) found.insert(flow.id);
                             return true;
                           })
                    .ok());
    EXPECT_EQ(found.size(), flows);
    EXPECT_EQ(dumps, walked);
  };
  expect(0, 0);
  ASSERT_EQ(Make(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80)), 0);
  ASSERT_EQ(Make(PlainFlow("10.0.0.3", "10.0.0.2", kUdp, 53)), 0);
  ASSERT_EQ(Make(PlainFlow("10.0.0.2", "10.0.0.1", kUdp, 53)), 0);
  ASSERT_EQ(Make(PlainFlow("fd00::1", "fd00::3", kTcp, 443)), 0);
  expect(3, 1);
  const std::uint64_t most = conntrack->GetUsage().value().most;
  if (most == 0 || most > 500'000) GTEST_SKIP() << "that many entries take too long to make";
  for (std::uint64_t i = 0; i <= 2 * most / 256; ++i)
    ASSERT_EQ(Make(PlainFlow("10.0.1.1", "10.0.1.2", i > 65'000 ? kTcp : kUdp, i % 65'000 + 1)), 0);
  expect(3, 3);  // of one end each, and of IPv6 all
}

// Closing one makes commits of rules wait (see NetlinkConntrack).
TEST_F(ConntrackTest, WalksWithoutClosingASocket) {
  ASSERT_EQ(Make(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80)), 0);
  EXPECT_EQ(All().size(), 1U);
  const auto before = OpenSockets();
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(All().size(), 1U);
  EXPECT_EQ(OpenSockets(), before);
}

TEST_F(ConntrackTest, WalksAfterOneThatWasGivenUp) {
  for (std::uint16_t port = 1; port <= 500; ++port)
    ASSERT_EQ(Make(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, port)), 0);
  EXPECT_TRUE(conntrack_->Walk([](const Flow&) { return false; }).ok());
  EXPECT_EQ(All().size(), 500U);
}

TEST_F(ConntrackTest, FindsByTheFirstPacketOnly) {
  const Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  ASSERT_EQ(Make(flow), 0);
  const auto found = conntrack_->Find(kTcp, flow.original, 0);
  ASSERT_TRUE(found.ok()) << found.status().message();
  ASSERT_TRUE(found.value());
  EXPECT_EQ(found.value()->reply, flow.reply);
  EXPECT_EQ(conntrack_->Find(kTcp, flow.reply, 0).value(), std::nullopt);
  EXPECT_EQ(conntrack_->Find(kUdp, flow.original, 0).value(), std::nullopt);
}

TEST_F(ConntrackTest, CutsAndPutsTombstones) {
  const Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  const Flow flow6 = PlainFlow("fd00::1", "fd00::2", kUdp, 80);
  const Flow bystander = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 81);
  for (const Flow& one : {flow, flow6, bystander}) ASSERT_EQ(Make(one), 0);
  std::vector<Flow> cut;
  for (const Flow& one : All()) {
    if (one.original != bystander.original) cut.push_back(one);
  }
  const auto counts = conntrack_->Cut(cut);
  ASSERT_TRUE(counts.ok()) << counts.status().message();
  EXPECT_EQ(counts.value().deleted, 2U);
  EXPECT_EQ(counts.value().tombstoned.size(), 2U);
  EXPECT_EQ(counts.value().without_tombstone, 0U);
  std::vector<Flow> tombstones;
  for (const Flow& one : All()) {
    if (one.original == bystander.original) continue;
    EXPECT_TRUE(IsTombstone(one)) << one.original.source.ToString();
    tombstones.push_back(one);
  }
  ASSERT_EQ(tombstones.size(), 2U);
  // The other end's tuple is taken.
  EXPECT_EQ(Make(flow), EEXIST);
  EXPECT_EQ(conntrack_->Delete(tombstones).value(), 2U);
  EXPECT_EQ(Only().original, bystander.original);
  EXPECT_EQ(Make(flow), 0);
}

TEST_F(ConntrackTest, RenewsTombstonesThatAreStillThere) {
  const Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  const Flow flow6 = PlainFlow("fd00::1", "fd00::2", kSctp, 80);
  const Flow gone = TombstoneOf(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 81));
  Flow replaced = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 82);
  std::vector<Flow> tombstones;
  for (const Flow& one : {flow, flow6}) {
    tombstones.push_back(TombstoneOf(one));
    tombstones.back().timeout_seconds = 100;
    ASSERT_EQ(Make(tombstones.back()), 0);
  }
  tombstones.push_back(gone);
  tombstones.push_back(TombstoneOf(replaced));
  std::swap(replaced.original, replaced.reply);
  ASSERT_EQ(Make(replaced), 0);
  const auto renewed = conntrack_->Renew(tombstones);
  ASSERT_TRUE(renewed.ok()) << renewed.status().message();
  EXPECT_EQ(renewed.value(), (std::vector<Conntrack::Renewal>{
                                 Conntrack::Renewal::kRenewed, Conntrack::Renewal::kRenewed,
                                 Conntrack::Renewal::kGone, Conntrack::Renewal::kGone}));
  int there = 0;
  for (const Flow& one : All()) {
    if (one.original == replaced.original) {
      EXPECT_FALSE(IsTombstone(one));
      EXPECT_LE(one.timeout_seconds, 600U);
      continue;
    }
    ++there;
    EXPECT_TRUE(IsTombstone(one));
    EXPECT_GT(one.timeout_seconds, 1100U);
    EXPECT_LE(one.timeout_seconds, kTombstoneSeconds);
  }
  EXPECT_EQ(there, 2);
}

TEST_F(ConntrackTest, TellsHowManyEntriesThereAreAndMayBe) {
  std::ifstream file("/proc/sys/net/netfilter/nf_conntrack_max");
  std::uint64_t most = 0;
  if (!(file >> most)) GTEST_SKIP() << "nf_conntrack_max cannot be read";
  EXPECT_EQ(conntrack_->GetUsage().value().most, most);
  EXPECT_EQ(conntrack_->GetUsage().value().entries, 0U);
  ASSERT_EQ(Make(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80)), 0);
  EXPECT_EQ(conntrack_->GetUsage().value().entries, 1U);
}

TEST_F(ConntrackTest, WithNatAFlowIsOnlyDeleted) {
  Flow service = PlainFlow("10.0.0.1", "10.96.0.1", kTcp, 80);
  service.reply = {At("10.0.0.2"), At("10.0.0.1"), 8080, 50000};
  ASSERT_EQ(Make(service), 0);
  const auto counts = conntrack_->Cut(All());
  EXPECT_EQ(counts.value().deleted, 1U);
  EXPECT_EQ(counts.value().tombstoned.size(), 0U);
  EXPECT_EQ(counts.value().without_tombstone, 0U);
  EXPECT_TRUE(All().empty());
}

TEST_F(ConntrackTest, EchoesAreCutToo) {
  ASSERT_EQ(Make(EchoFlow("10.0.0.1", "10.0.0.2")), 0);
  EXPECT_EQ(conntrack_->Cut(All()).value().deleted, 1U);
  EXPECT_TRUE(All().empty());
}

TEST_F(ConntrackTest, ANewFlowWithTheSameTuplesIsNotHarmed) {
  const Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  ASSERT_EQ(Make(flow), 0);
  const Flow old = Only();
  ASSERT_EQ(conntrack_->Delete({&old, 1}).value(), 1U);
  // The kernel makes ids of tuples and places in memory: something else takes the free place.
  ASSERT_EQ(Make(PlainFlow("10.0.0.3", "10.0.0.4", kUdp, 1)), 0);
  ASSERT_EQ(Make(flow), 0);
  const Flow now = conntrack_->Find(kTcp, flow.original, 0).value().value();
  ASSERT_NE(now.id, old.id);
  const auto counts = conntrack_->Cut({&old, 1});
  ASSERT_TRUE(counts.ok()) << counts.status().message();
  EXPECT_EQ(counts.value().deleted, 0U);
  EXPECT_EQ(counts.value().tombstoned.size(), 0U);
  EXPECT_EQ(conntrack_->Delete({&old, 1}).value(), 0U);
  const std::optional<Flow> still = conntrack_->Find(kTcp, flow.original, 0).value();
  ASSERT_TRUE(still.has_value());
  EXPECT_EQ(still->id, now.id);  // its time runs meanwhile
}

TEST_F(ConntrackTest, TheOtherEndCannotBeQuicker) {
  const Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  ASSERT_EQ(Make(flow), 0);
  const Flow old = Only();
  // As if the server's next packet had come between the deletion and the tombstone: the same tuples
  // with the roles of the two ends exchanged.
  Flow again = flow;
  std::swap(again.original, again.reply);
  ASSERT_EQ(conntrack_->Delete({&old, 1}).value(), 1U);
  ASSERT_EQ(Make(again), 0);
  const auto tombstone_put = conntrack_->Tombstone(old);
  ASSERT_TRUE(tombstone_put.ok()) << tombstone_put.status().message();
  EXPECT_TRUE(tombstone_put.value());
  EXPECT_TRUE(IsTombstone(Only()));
  EXPECT_TRUE(conntrack_->Tombstone(old).value()) << "it has one already";
}

TEST_F(ConntrackTest, ManyAtOnce) {
  constexpr std::uint16_t kFlows = 3000;
  for (std::uint16_t i = 0; i < kFlows; ++i) {
    Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
    flow.original.source_port = flow.reply.destination_port = static_cast<std::uint16_t>(1 + i);
    ASSERT_EQ(Make(flow), 0);
  }
  const auto all = All();
  ASSERT_EQ(all.size(), kFlows);
  const auto counts = conntrack_->Cut(all);
  EXPECT_EQ(counts.value().deleted, kFlows);
  EXPECT_EQ(counts.value().tombstoned.size(), kFlows);
  // Every one of them is refused now, and every refusal is read.
  EXPECT_EQ(conntrack_->Cut(all).value().deleted, 0U);
  const auto tombstones = All();
  EXPECT_EQ(tombstones.size(), kFlows);
  EXPECT_EQ(conntrack_->Delete(tombstones).value(), kFlows);
  EXPECT_TRUE(All().empty());
}

}  // namespace
}  // namespace podgate::nft
