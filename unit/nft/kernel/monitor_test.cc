// Transactions of this and of other processes, heard from the real kernel.
#include "nft/kernel/monitor.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <fstream>
#include <iostream>

#include "nft/kernel/netlink.h"
#include "nft/model/step.h"
#include "unit/nft/kernel/real_kernel.h"

namespace podgate::nft {
namespace {

class MonitorTest : public RealKernelTest {
 protected:
  void SetUp() override {
    RealKernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto opened = OpenMonitor();
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    monitor_ = std::move(opened).value();
  }
  Monitor* monitor() { return monitor_.get(); }
  bool IsReadable() {
    pollfd wanted{monitor_->fd(), POLLIN, 0};
    return poll(&wanted, 1, 0) == 1;
  }
  std::uint32_t Generation() {
    const auto generation = kernel()->Generation();
    EXPECT_TRUE(generation.ok());
    return generation.ok() ? generation.value() : 0;
  }
  void CommitNumber(int number) {
    const Step step{Phase::kFlip, "podgate", {AddCounter{fmt::format("c{}", number)}}};
    const Status status = kernel()->Commit(step);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void AddOurTable() {
    const Status status = Bring(Ruleset());
    ASSERT_TRUE(status.ok()) << status.message();
  }

 private:
  std::unique_ptr<Monitor> monitor_;
};

TEST_F(MonitorTest, NamesTheProcess) {
  EXPECT_FALSE(IsReadable());
  EXPECT_TRUE(monitor()->Take().empty());
  ASSERT_EQ(RunNft("add table inet other"), "");
  EXPECT_TRUE(IsReadable());
  const auto heard = monitor()->Take();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].process_name, "nft");
  EXPECT_GT(heard[0].process_id, 0u);
  EXPECT_EQ(heard[0].generation, Generation());
  EXPECT_FALSE(IsReadable());
}

TEST_F(MonitorTest, HearsNothingWhileAway) {
  AddOurTable();
  monitor()->Take();
  {
    const MonitorAway away(monitor());
    CommitNumber(1);
    ASSERT_EQ(RunNft("add table inet other"), "");
  }
  EXPECT_TRUE(monitor()->Take().empty());
  ASSERT_EQ(RunNft("delete table inet other"), "");
  ASSERT_EQ(monitor()->Take().size(), 1u);
  { const MonitorAway nobody(nullptr); }
  // Joining twice and leaving twice do no harm.
  monitor()->Join();
  CommitNumber(2);
  EXPECT_EQ(monitor()->Take().size(), 1u);
  monitor()->Leave();
  monitor()->Leave();
  CommitNumber(3);
  EXPECT_TRUE(monitor()->Take().empty());
}

TEST_F(MonitorTest, RefusedTransactionsAreNone) {
  EXPECT_NE(RunNft("delete table inet nosuch"), "");
  EXPECT_TRUE(monitor()->Take().empty());
}

// The descriptions of 100,000 elements would not fit into the socket's buffer.
TEST_F(MonitorTest, ALargeTransactionIsOneEvent) {
  AddOurTable();
  Set set{"peers4-x", {Field::kIpv4Addr}, false, false, 1u << 18};
  AddElements add{set.name, set.key, false, {}};
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    add.elements.push_back({AddressKey(ipset::Address::FromIPv4(0x0a000000 + i)), "", {}});
  }
  monitor()->Take();
  ASSERT_TRUE(kernel()->Commit({Phase::kPrepare, "podgate", {AddSet{set}, add}}).ok());
  const auto heard = monitor()->Take();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].generation, Generation());
}

TEST_F(MonitorTest, KeepsTheLastOfMany) {
  AddOurTable();
  for (int i = 0; i < 2000; ++i) CommitNumber(i);
  const auto heard = monitor()->Take();
  ASSERT_EQ(heard.size(), 64u);
  for (std::size_t i = 1; i < heard.size(); ++i) {
    EXPECT_EQ(heard[i].generation, heard[i - 1].generation + 1);
  }
  // What the buffer could not hold is missed, and the next is heard again.
  CommitNumber(2000);
  const auto next = monitor()->Take();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].generation, Generation());
}

}  // namespace
}  // namespace podgate::nft
