// Tables of family netdev in the real kernel: what is written is what is read, compared and
// printed, and what happens when the device goes.
#include <gtest/gtest.h>

#include <cstdlib>

#include "nft/kernel/counters.h"
#include "nft/kernel/netlink.h"
#include "nft/model/compare.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/nft/kernel/real_kernel.h"

namespace podgate::nft {
namespace {

using Header = MatchBytes::Header;

Verdict Drop() { return {Verdict::Kind::kDrop, ""}; }

// One rule of each form that such tables have.
Ruleset Guard(const std::string& device) {
  Ruleset ruleset;
  ruleset.family = TableFamily::kNetdev;
  ruleset.comment = "test";
  ruleset.counters = {"forged"};
  MatchBytes other{.header = Header::kLink, .offset = 6, .first = "\x02\x01\x02\x03\x04\x05"};
  other.negated = true;
  ruleset.chains["messages"] = {
      "messages",
      std::nullopt,
      {Rule{{other}, {CountBy{"forged"}}, Drop(), ""},
       Rule{
           {MatchBytes{.header = Header::kTransport, .offset = 0, .first = "\x83", .last = "\x85"}},
           {},
           Verdict{},
           "joins"}}};
  ruleset.chains["guard"] = {
      "guard",
      BaseHook{.hook = Hook::kIngress, .priority = -500, .device = device},
      {Rule{
           {MatchBytes{.header = Header::kLink,
                       .offset = 6,
                       .first = std::string("\x02\x01\x02\x03\x04\x05\x08\x00", 8)},
            MatchBytes{
                .header = Header::kNetwork, .offset = 12, .first = std::string("\x0a\0\0\x01", 4)}},
           {},
           Verdict{},
           "d/web from its own address"},
       Rule{{MatchBytes{.header = Header::kLink, .offset = 12, .first = "\x86\xdd"},
             MatchProtocol{kIcmpv6}},
            {},
            Verdict{Verdict::Kind::kGoto, "messages"},
            ""},
       Rule{{MatchBytes{.header = Header::kNetwork, .offset = 8, .first = std::string(16, '\x20')}},
            {},
            Verdict{},
            ""},
       Rule{{}, {CountBy{"forged"}}, Drop(), ""}}};
  return ruleset;
}

class NetdevTest : public RealKernelTest {
 protected:
  void SetUp() override {
    RealKernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto opened = OpenNetlink();
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    netdev_ = std::move(opened).value();
    // Made and deleted with the namespace that the thread is in.
    ASSERT_EQ(std::system("ip link add guarded0 type veth peer name pod0"), 0);
  }
  Status Bring(const Ruleset& desired) {
    const auto held = netdev_->Read(TableFamily::kNetdev, desired.table);
    if (!held.ok()) return held.status();
    return CommitAll(netdev_.get(), Diff(held.value() ? &*held.value() : nullptr, desired));
  }
  void ExpectHeld(const Ruleset& desired) {
    const auto held = netdev_->Read(TableFamily::kNetdev, desired.table);
    ASSERT_TRUE(held.ok()) << held.status().message();
    ASSERT_TRUE(held.value().has_value());
    EXPECT_EQ(DifferenceText(*held.value(), desired), "same");
    EXPECT_EQ(held.value()->family, TableFamily::kNetdev);
    const auto holds = netdev_->Holds(desired);
    ASSERT_TRUE(holds.ok()) << holds.status().message();
    EXPECT_TRUE(holds.value());
  }
  std::unique_ptr<Kernel> netdev_;
};

TEST_F(NetdevTest, ReadsWhatWasWritten) {
  const Ruleset desired = Guard("guarded0");
  const Status status = Bring(desired);
  ASSERT_TRUE(status.ok()) << status.message();
  ExpectHeld(desired);
  // A table of the other family is another table.
  const auto inet = kernel()->Read(desired.table);
  ASSERT_TRUE(inet.ok());
  EXPECT_FALSE(inet.value().has_value());
}

TEST_F(NetdevTest, ThePrintedTextMakesTheSameTable) {
  const Ruleset desired = Guard("guarded0");
  ASSERT_EQ(LoadWithNft(Print(desired)), "");
  ExpectHeld(desired);
}

TEST_F(NetdevTest, AForeignChangeIsSeenAndReverted) {
  const Ruleset desired = Guard("guarded0");
  ASSERT_TRUE(Bring(desired).ok());
  for (const char* change :
       {"flush chain netdev podgate guard", "add rule netdev podgate messages accept",
        "delete table netdev podgate", "add chain netdev podgate other",
        "insert rule netdev podgate guard ether type arp accept"}) {
    ASSERT_EQ(RunNft(change), "") << change;
    const auto holds = netdev_->Holds(desired);
    ASSERT_TRUE(holds.ok()) << holds.status().message();
    EXPECT_FALSE(holds.value()) << change;
    const Status status = Bring(desired);
    EXPECT_TRUE(status.ok()) << change << ": " << status.message();
    ExpectHeld(desired);
  }
}

TEST_F(NetdevTest, AnotherDeviceIsAnotherChain) {
  ASSERT_TRUE(Bring(Guard("guarded0")).ok());
  ExpectHeld(Guard("guarded0"));
  ASSERT_TRUE(Bring(Guard("pod0")).ok());
  ExpectHeld(Guard("pod0"));
  const Status missing = Bring(Guard("missing0"));
  if (missing.ok()) {  // from Linux 6.16 on a chain waits for its device
    ExpectHeld(Guard("missing0"));
    return;
  }
  EXPECT_TRUE(missing.IsNotFound()) << missing.message();
  EXPECT_NE(missing.message().find("table netdev podgate"), std::string::npos) << missing.message();
}

TEST_F(NetdevTest, TheChainOfADeviceThatIsGoneCanBeTakenOut) {
  ASSERT_TRUE(Bring(Guard("guarded0")).ok());
  ASSERT_EQ(std::system("ip link del guarded0"), 0);
  Ruleset nobody = Guard("guarded0");
  nobody.chains.clear();
  const Status status = Bring(nobody);
  ASSERT_TRUE(status.ok()) << status.message();
  ExpectHeld(nobody);
}

TEST_F(NetdevTest, CountersAreReadByFamily) {
  ASSERT_TRUE(Bring(Guard("guarded0")).ok());
  auto reader = CounterReader::Open();
  ASSERT_TRUE(reader.ok());
  const auto forged = reader.value()->Read("podgate", "forged", TableFamily::kNetdev);
  ASSERT_TRUE(forged.ok());
  ASSERT_TRUE(forged.value().has_value());
  const auto inet = reader.value()->Read("podgate", "forged");
  ASSERT_TRUE(inet.ok());
  EXPECT_FALSE(inet.value().has_value());
}

TEST_F(NetdevTest, HasNoSets) {
  Step step;
  step.family = TableFamily::kNetdev;
  step.table = "podgate";
  step.operations = {AddTable{}, AddSet{Set{.name = "peers", .key = {Field::kIpv4Addr}}}};
  const Status status = netdev_->Commit(step);
  EXPECT_EQ(status.code(), Status::Code::kInvalid);
  EXPECT_NE(status.message().find("no sets"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace podgate::nft
