// The client on another bus than netfilter's, NETLINK_ROUTE, against the real kernel: what it asks
// comes whole and from the kernel, or it is an error.
#include "nft/kernel/netlink_client.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <string>

#include "unit/nft/fake/faulty_channel.h"
#include "unit/nft/kernel/real_kernel.h"

namespace podgate::nft {
namespace {

using Code = Status::Code;

// One request about links, with an address space of its own.
struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
};
LinkRequest RequestFor(const NetlinkClient& client, std::uint16_t flags, int index) {
  LinkRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  request.header.nlmsg_seq = client.next_sequence();
  request.link.ifi_index = index;
  return request;
}

class NetlinkClientTest : public testing::Test {
 protected:
  void SetUp() override {
    auto channel = OpenFaultyChannel(NETLINK_ROUTE);
    ASSERT_NE(channel, nullptr);
    channel_ = channel.get();
    client_ = std::make_unique<NetlinkClient>(std::move(channel));
  }

  // The loopback device, by its index: one answer and an acknowledgement.
  Status AskLoopback() { return Ask(NLM_F_ACK, static_cast<int>(if_nametoindex("lo"))); }
  Status AskAll() { return Ask(NLM_F_DUMP, 0); }
  Status Ask(std::uint16_t flags, int index) {
    links_ = 0;
    const LinkRequest request = RequestFor(*client_, flags, index);
    return client_->Ask(&request.header, [this](const nlmsghdr* message) {
      links_ += message->nlmsg_type == RTM_NEWLINK ? 1 : 0;
      return true;
    });
  }
  void ExpectRecovered() {
    channel_->on_send = nullptr;
    channel_->on_receive = nullptr;
    channel_->forged.clear();
    Status status = AskLoopback();
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(links_, 1);
    status = AskAll();
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_GE(links_, 1);
  }

  FaultyChannel* channel_ = nullptr;
  std::unique_ptr<NetlinkClient> client_;
  int links_ = 0;  // that the last request was answered with
};

TEST_F(NetlinkClientTest, RefusalsAreMappedAsThoseOfNfTablesAre) {
  Status status = Ask(NLM_F_ACK, 1'000'000);
  EXPECT_EQ(status.code(), Code::kOther);
  EXPECT_EQ(status.message(), "The kernel refused a request: No such device");
  channel_->on_receive = [](char* buffer, ssize_t received, bool) {
    if (received > 0 && MessageIn(buffer)->nlmsg_type == NLMSG_ERROR)
      static_cast<nlmsgerr*>(NLMSG_DATA(MessageIn(buffer)))->error = -EOPNOTSUPP;
    return received;
  };
  EXPECT_EQ(Ask(NLM_F_ACK, 1'000'000).code(), Code::kUnsupported);
  ExpectRecovered();
  EXPECT_EQ(channel_->renewals, 0) << "a refusal is an answer";
}

TEST_F(NetlinkClientTest, AKernelThatDoesNotAnswerIsUnavailable) {
  int swallowed = 0;
  channel_->on_receive = [&swallowed](char*, ssize_t received, bool waits) -> ssize_t {
    EXPECT_TRUE(waits);
    swallowed += received > 0 ? 1 : 0;
    return -EAGAIN;
  };
  const Status status = AskLoopback();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_EQ(status.message(), "The kernel did not answer a request within 1 s");
  EXPECT_EQ(swallowed, 1);
  ExpectRecovered();
  EXPECT_EQ(channel_->renewals, 1);
}

// The socket's own time-out: the kernel has nothing to say to this, and nobody asked it to.
TEST_F(NetlinkClientTest, ARealSocketWaitsAsLongAsItSays) {
  auto client = NetlinkClient::Open(NETLINK_ROUTE);
  ASSERT_TRUE(client.ok()) << client.status().message();
  nlmsghdr request{};
  request.nlmsg_len = sizeof request;
  request.nlmsg_type = NLMSG_NOOP;
  request.nlmsg_flags = NLM_F_REQUEST;
  request.nlmsg_seq = client.value()->next_sequence();
  const auto start = std::chrono::steady_clock::now();
  const Status status = client.value()->Ask(&request, [](const nlmsghdr*) { return true; });
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(status.code(), Code::kUnavailable) << status.message();
  EXPECT_GT(took, std::chrono::milliseconds(kReceiveTimeoutSeconds * 900));
  EXPECT_LT(took, std::chrono::seconds(kReceiveTimeoutSeconds * 20));
}

TEST_F(NetlinkClientTest, OnlyTheKernelIsHeard) {
  for (const int claimed : {0, -EPERM}) {
    channel_->on_send = [this, claimed](const nlmsghdr* first) {
      channel_->Forge(first->nlmsg_seq, claimed);
      return 0;
    };
    EXPECT_TRUE(AskLoopback().ok());
    EXPECT_EQ(links_, 1);
  }
  channel_->on_send = [this](const nlmsghdr* first) {
    for (int i = 0; i < 1000; ++i) channel_->Forge(first->nlmsg_seq, 0);
    return 0;
  };
  EXPECT_EQ(AskLoopback().code(), Code::kOverrun);
  EXPECT_LT(channel_->receives, 100);
  ExpectRecovered();
}

TEST_F(NetlinkClientTest, AnAnswerThatDoesNotFitIsNoAnswer) {
  auto small = NetlinkClient(OpenFaultyChannel(NETLINK_ROUTE), 64);
  const LinkRequest request = RequestFor(small, NLM_F_DUMP, 0);
  int answers = 0;
  const Status status = small.Ask(&request.header, [&answers](const nlmsghdr*) {
    ++answers;
    return true;
  });
  EXPECT_EQ(status.code(), Code::kOverrun) << status.message();
  EXPECT_EQ(answers, 0);
}

TEST_F(NetlinkClientTest, MessageLengthsThatDoNotFitAreNoAnswers) {
  for (const std::uint32_t length : {0U, 4U, 15U, 16U, 19U, 0x80000000U, 0xffffffffU}) {
    SCOPED_TRACE(length);
    channel_->on_receive = [length](char* buffer, ssize_t received, bool) {
      if (received > 0) MessageIn(buffer)->nlmsg_len = length;
      return received;
    };
    EXPECT_EQ(AskLoopback().code(), Code::kOverrun);
    EXPECT_EQ(AskAll().code(), Code::kOverrun);
    ExpectRecovered();
  }
  channel_->on_receive = [](char* buffer, ssize_t received, bool) {
    if (received > 0) MessageIn(buffer)->nlmsg_len = static_cast<std::uint32_t>(received) + 1;
    return received;
  };
  EXPECT_EQ(AskLoopback().code(), Code::kOverrun);
  ExpectRecovered();
}

TEST_F(NetlinkClientTest, AnAnswerThatIsNotUnderstoodIsSaidAndReadToTheEnd) {
  const LinkRequest request = RequestFor(*client_, NLM_F_DUMP, 0);
  const Status status = client_->Ask(&request.header, [](const nlmsghdr*) { return false; });
  EXPECT_EQ(status.code(), Code::kOverrun) << status.message();
  ExpectRecovered();
  EXPECT_EQ(channel_->renewals, 0);
}

// ---- a process that really writes to the socket

// Port ids of the bus's sockets in this network namespace.
std::set<std::uint32_t> PortsOf(int bus) {
  std::ifstream file("/proc/net/netlink");
  std::string line;
  std::getline(file, line);  // the heading
  std::set<std::uint32_t> ports;
  std::string address;
  int protocol = 0;
  std::uint32_t port = 0;
  while (file >> address >> protocol >> port && std::getline(file, line)) {
    if (protocol == bus && port != 0) ports.insert(port);
  }
  return ports;
}

class ForeignSenderTest : public RealKernelTest {};

TEST_F(ForeignSenderTest, ItIsNotTakenForTheKernel) {
  const std::set<std::uint32_t> others = PortsOf(NETLINK_ROUTE);
  auto client = NetlinkClient::Open(NETLINK_ROUTE);
  ASSERT_TRUE(client.ok()) << client.status().message();
  const LinkRequest request =
      RequestFor(*client.value(), NLM_F_ACK, static_cast<int>(if_nametoindex("lo")));
  const int forger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  ASSERT_GE(forger, 0);
  std::array<char, NLMSG_LENGTH(sizeof(nlmsgerr))> refusal{};
  nlmsghdr* message = MessageIn(refusal.data());
  message->nlmsg_len = refusal.size();
  message->nlmsg_type = NLMSG_ERROR;
  message->nlmsg_seq = request.header.nlmsg_seq;
  static_cast<nlmsgerr*>(NLMSG_DATA(message))->error = -EPERM;
  int told = 0;
  for (const std::uint32_t port : PortsOf(NETLINK_ROUTE)) {
    if (others.count(port) != 0) continue;
    sockaddr_nl target{};
    target.nl_family = AF_NETLINK;
    target.nl_pid = port;
    if (sendto(forger, refusal.data(), refusal.size(), 0,
               reinterpret_cast<const sockaddr*>(&target), sizeof target) > 0) {
      ++told;
    }
  }
  close(forger);
  ASSERT_EQ(told, 1);
  int links = 0;
  const Status status = client.value()->Ask(&request.header, [&links](const nlmsghdr*) {
    ++links;
    return true;
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(links, 1);
}

}  // namespace
}  // namespace podgate::nft
