// Faults between conntrack's client and the real kernel: the status says what happened, nothing of
// another process counts, and the next attempt is right.
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>
#include <cstdint>

#include "nft/kernel/netlink_channel.h"
#include "unit/nft/conntrack/flows.h"
#include "unit/nft/conntrack/real_conntrack.h"
#include "unit/nft/fake/faulty_channel.h"

namespace podgate::nft {
namespace {

using Code = Status::Code;

class ConntrackErrorsTest : public RealConntrackTest {
 protected:
  void SetUp() override {
    RealConntrackTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto requests = OpenFaultyChannel(NETLINK_NETFILTER);
    auto walks = OpenFaultyChannel(NETLINK_NETFILTER);
    ASSERT_TRUE(requests != nullptr && walks != nullptr);
    requests_ = requests.get();
    walks_ = walks.get();
    auto picks = OpenChannel(NETLINK_NETFILTER);
    ASSERT_TRUE(picks.ok());
    faulty_ = ConntrackOver(std::move(requests), std::move(walks), std::move(picks).value());
    ASSERT_EQ(Make(flow_), 0);
  }

  Code WalkCode() {
    return faulty_->Walk([](const Flow&) { return true; }).code();
  }
  Code FindCode() { return faulty_->Find(kTcp, flow_.original, 0).status().code(); }
  // Without faults, as many entries as there are, and the one that was made.
  void ExpectRecovered() {
    for (FaultyChannel* channel : {requests_, walks_}) {
      channel->on_send = nullptr;
      channel->on_receive = nullptr;
      channel->forged.clear();
    }
    std::size_t told = 0;
    const Status status = faulty_->Walk([&told](const Flow&) { return ++told > 0; });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(told, All().size());
    const auto found = faulty_->Find(kTcp, flow_.original, 0);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_TRUE(found.value().has_value());
  }

  const Flow flow_ = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  FaultyChannel* requests_ = nullptr;
  FaultyChannel* walks_ = nullptr;
  std::unique_ptr<Conntrack> faulty_;
};

TEST_F(ConntrackErrorsTest, AKernelThatDoesNotAnswerIsUnavailable) {
  const auto nothing = [](char*, ssize_t, bool) -> ssize_t { return -EAGAIN; };
  requests_->on_receive = walks_->on_receive = nothing;
  EXPECT_EQ(WalkCode(), Code::kUnavailable);
  EXPECT_EQ(FindCode(), Code::kUnavailable);
  ExpectRecovered();
  EXPECT_EQ(requests_->renewals, 1) << "what comes late must not be taken for a later answer";
  EXPECT_EQ(walks_->renewals, 1);
}

TEST_F(ConntrackErrorsTest, OnlyTheKernelIsHeard) {
  const auto forge = [](FaultyChannel* channel, int claimed) {
    channel->on_send = [channel, claimed](const nlmsghdr* first) {
      channel->Forge(first->nlmsg_seq, claimed);
      return 0;
    };
  };
  for (const int claimed : {0, -EPERM, -ENOENT}) {
    forge(requests_, claimed);
    forge(walks_, claimed);
    std::size_t told = 0;
    EXPECT_TRUE(faulty_->Walk([&told](const Flow&) { return ++told > 0; }).ok());
    EXPECT_EQ(told, 1U);
    EXPECT_TRUE(faulty_->Find(kTcp, flow_.original, 0).value().has_value());
  }
  // Nor is a deletion refused because somebody says so.
  forge(requests_, -EBUSY);
  const Flow flow = Only();
  const auto counts = faulty_->Cut({&flow, 1});
  ASSERT_TRUE(counts.ok()) << counts.status().message();
  EXPECT_EQ(counts.value().deleted, 1U);
  EXPECT_EQ(counts.value().refused, 0U);
}

// Then nobody can tell what the kernel said, and silence must not count as success.
TEST_F(ConntrackErrorsTest, AForeignSenderThatNeverStopsIsAnError) {
  for (FaultyChannel* channel : {requests_, walks_}) {
    channel->on_send = [channel](const nlmsghdr* first) {
      for (int i = 0; i < 1000; ++i) channel->Forge(first->nlmsg_seq, 0);
      return 0;
    };
  }
  EXPECT_EQ(WalkCode(), Code::kOverrun);
  EXPECT_EQ(FindCode(), Code::kOverrun);
  requests_->forged.clear();
  const Flow nobody = PlainFlow("10.0.0.8", "10.0.0.9", kTcp, 80);
  EXPECT_EQ(faulty_->Delete({&nobody, 1}).status().code(), Code::kOverrun);
  EXPECT_LT(requests_->receives, 1000);
  ExpectRecovered();
}

TEST_F(ConntrackErrorsTest, TruncatedAnswersAreNoAnswers) {
  const auto truncate = [](char*, ssize_t received, bool) -> ssize_t {
    return received < 0 ? received : 1 << 20;
  };
  requests_->on_receive = walks_->on_receive = truncate;
  EXPECT_EQ(WalkCode(), Code::kOverrun);
  EXPECT_EQ(FindCode(), Code::kOverrun);
  const Flow nobody = PlainFlow("10.0.0.8", "10.0.0.9", kTcp, 80);
  EXPECT_EQ(faulty_->Delete({&nobody, 1}).status().code(), Code::kOverrun);
  ExpectRecovered();
}

TEST_F(ConntrackErrorsTest, MessageLengthsThatDoNotFitAreNoAnswers) {
  for (const std::uint32_t length : {0U, 4U, 15U, 16U, 19U, 4096U, 0x80000000U, 0xffffffffU}) {
    SCOPED_TRACE(length);
    const auto garble = [length](char* buffer, ssize_t received, bool) {
      if (received > 0) MessageIn(buffer)->nlmsg_len = length;
      return received;
    };
    requests_->on_receive = walks_->on_receive = garble;
    EXPECT_EQ(WalkCode(), Code::kOverrun);
    EXPECT_EQ(FindCode(), Code::kOverrun);
    const Flow nobody = PlainFlow("10.0.0.8", "10.0.0.9", kTcp, 80);
    EXPECT_EQ(faulty_->Delete({&nobody, 1}).status().code(), Code::kOverrun);
    ExpectRecovered();
  }
}

TEST_F(ConntrackErrorsTest, LostRefusalsAreSaid) {
  const Flow nobody = PlainFlow("10.0.0.8", "10.0.0.9", kTcp, 80);
  bool lost = false;
  requests_->on_receive = [&lost](char*, ssize_t received, bool) -> ssize_t {
    if (received < 0 || lost) return received;
    lost = true;
    return -ENOBUFS;
  };
  EXPECT_EQ(faulty_->Delete({&nobody, 1}).status().code(), Code::kOverrun);
  EXPECT_EQ(faulty_->Delete({&nobody, 1}).value(), 0U);
  ExpectRecovered();
}

// The rest of a walk that was given up is not taken for the answers to the next.
TEST_F(ConntrackErrorsTest, AWalkThatWasGivenUpLeavesNothingBehind) {
  for (std::uint16_t port = 1; port <= 500; ++port)
    ASSERT_EQ(Make(PlainFlow("10.0.0.3", "10.0.0.4", kTcp, port)), 0);
  EXPECT_TRUE(faulty_->Walk([](const Flow&) { return false; }).ok());
  ExpectRecovered();
  EXPECT_EQ(walks_->renewals, 1);
}

}  // namespace
}  // namespace podgate::nft
