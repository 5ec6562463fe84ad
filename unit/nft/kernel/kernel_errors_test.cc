// Each error that a kernel or a socket can give, put between the code and the real kernel: the
// status says what to do, and whoever does it ends with the right table.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <random>

#include "nft/kernel/netlink.h"
#include "nft/model/step.h"
#include "nft/plan/diff.h"
#include "unit/nft/fake/faulty_channel.h"
#include "unit/nft/kernel/real_kernel.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

using Code = Status::Code;

const std::vector<Field> kIpv4 = {Field::kIpv4Addr};

// The kernel's answers to requests have these types.
constexpr std::uint16_t TypeOf(int message) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message);
}

Element Member(std::uint32_t address) {
  return {AddressKey(ipset::Address::FromIPv4(address)), "", std::nullopt};
}

// A pod that `peers` peers may reach, from 10.0.0.1 on.
Ruleset World(std::uint32_t peers) {
  Ruleset ruleset;
  ruleset.comment = "test";
  ruleset.counters = {"denied"};
  Set& set = ruleset.sets["peers4-x"];
  set = Set{"peers4-x", kIpv4, false, false, 1u << 18};
  for (std::uint32_t i = 1; i <= peers; ++i) set.elements.push_back(Member(0x0a000000 + i));
  Set& map = ruleset.sets["ingress4"];
  map = Set{"ingress4", kIpv4, false, true, 64};
  map.elements = {Member(0x0a010005)};
  map.elements[0].verdict = Verdict{Verdict::Kind::kGoto, "in-10.1.0.5"};
  const Rule allow{{MatchAddressSet{Side::kSource, Family::kIPv4, "peers4-x"}}, {}, Verdict{}, ""};
  const Rule deny{{}, {CountBy{"denied"}}, Verdict{Verdict::Kind::kDrop, ""}, ""};
  ruleset.chains["in-10.1.0.5"] = {"in-10.1.0.5", std::nullopt, {allow, deny}};
  const Rule dispatch{{}, {}, VmapAddress{Side::kDestination, Family::kIPv4, "ingress4"}, ""};
  ruleset.chains["forward"] = {"forward", BaseHook{Hook::kForward, -5}, {dispatch}};
  return ruleset;
}

// As World(), with a second policy: new set, new counter, changed rules, some peers gone.
Ruleset ChangedWorld(std::uint32_t peers) {
  Ruleset ruleset = World(peers);
  ruleset.counters.insert("allowed");
  Set& second = ruleset.sets["peers4-y"];
  second = ruleset.sets["peers4-x"];
  second.name = "peers4-y";
  ruleset.sets["peers4-x"].elements.pop_back();
  const Rule allow{
      {MatchPort{kTcp, 80, 80}, MatchAddressSet{Side::kSource, Family::kIPv4, "peers4-y"}},
      {CountBy{"allowed"}},
      Verdict{},
      "second"};
  auto& rules = ruleset.chains["in-10.1.0.5"].rules;
  rules.insert(rules.begin(), allow);
  return ruleset;
}

// One attempt as the agent makes it: what the kernel holds is read, the difference committed, on
// condition that nobody else committed in between.
Status Attempt(Kernel* kernel, const Ruleset& desired) {
  const auto generation = kernel->Generation();
  if (!generation.ok()) return generation.status();
  const auto held = kernel->Read(desired.table);
  if (!held.ok()) return held.status();
  std::uint32_t expected = generation.value();
  for (const Step& step : Diff(held.value() ? &*held.value() : nullptr, desired)) {
    if (Status status = kernel->CommitAt(expected++, step); !status.ok()) return status;
  }
  return {};
}

class KernelErrorsTest : public RealKernelTest {
 protected:
  void SetUp() override {
    RealKernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    OpenFaulty();
  }
  // faulty() is then on the namespace of kernel(), which stays the one without faults.
  void OpenFaulty() {
    auto channel = OpenFaultyChannel(NETLINK_NETFILTER);
    ASSERT_NE(channel, nullptr);
    channel_ = channel.get();
    faulty_ = NetlinkOver(std::move(channel));
  }
  FaultyChannel* channel() { return channel_; }
  Kernel* faulty() { return faulty_.get(); }

  void Start(const Ruleset& ruleset) {
    const Status status = Bring(ruleset);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void ExpectHeld(const Ruleset& ruleset) {
    EXPECT_EQ(DifferenceText(ReadBack(), ruleset), "same");
  }
  // The next attempt succeeds and ends with this table.
  void ExpectRecovered(const Ruleset& ruleset) {
    const Status status = Attempt(faulty(), ruleset);
    EXPECT_TRUE(status.ok()) << status.message();
    ExpectHeld(ruleset);
  }

 private:
  std::unique_ptr<Kernel> faulty_;
  FaultyChannel* channel_ = nullptr;
};

Step AddPeer(std::uint32_t address) {
  return {Phase::kFlip, "podgate", {AddElements{"peers4-x", kIpv4, false, {Member(address)}}}};
}
Step DeleteNobody() {
  return {Phase::kSweep, "podgate", {DeleteChain{"nosuch"}, DeleteSet{"nosuch"}}};
}

// ---- before anything is sent

TEST_F(KernelErrorsTest, WhatIsNotSentChangesNothing) {
  Start(World(3));
  const struct {
    int error;
    Code code;
  } kCases[] = {{ENOBUFS, Code::kBusy},    {ENOMEM, Code::kBusy},      {EAGAIN, Code::kBusy},
                {EMSGSIZE, Code::kTooBig}, {EPERM, Code::kPermission}, {ECONNREFUSED, Code::kOther},
                {EBADF, Code::kOther}};
  for (const auto& [error, code] : kCases) {
    channel()->on_send = [error = error](const nlmsghdr*) { return error; };
    const Status status = faulty()->Commit(AddPeer(0x0a000099));
    EXPECT_EQ(status.code(), code) << std::strerror(error) << ": " << status.message();
    ExpectHeld(World(3));
    EXPECT_FALSE(faulty()->Read("podgate").ok());
    EXPECT_FALSE(faulty()->Generation().ok());
    channel()->on_send = nullptr;
    ExpectRecovered(World(3));
  }
}

TEST_F(KernelErrorsTest, ASocketThatCannotBeOpenedAgainIsTriedAgain) {
  Start(World(3));
  channel()->on_send = [](const nlmsghdr*) { return EBADF; };
  channel()->on_renew = EMFILE;
  EXPECT_FALSE(faulty()->Commit(AddPeer(0x0a000099)).ok());
  channel()->on_send = nullptr;
  const Status status = faulty()->Commit(AddPeer(0x0a000099));
  EXPECT_NE(status.message().find("open a netlink socket again"), std::string::npos);
  EXPECT_FALSE(faulty()->Read("podgate").ok());
  channel()->on_renew = 0;
  ExpectRecovered(World(3));
  EXPECT_EQ(channel()->renewals, 1);
}

// ---- answers to a batch

TEST_F(KernelErrorsTest, ALostAnswerIsNeverTakenForSuccessOrRefusal) {
  for (const int error : {0, ENOBUFS, EIO, ENOMEM}) {
    SCOPED_TRACE(std::strerror(error));
    EnterNewNamespace();
    OpenFaulty();
    Start(World(3));
    channel()->LoseNextAnswers(error);
    Status status = faulty()->Commit(AddPeer(0x0a000004));
    EXPECT_EQ(status.code(), Code::kOverrun) << status.message();
    ExpectHeld(World(4));  // it had happened
    ExpectRecovered(World(4));
    ExpectRecovered(World(3));
    channel()->LoseNextAnswers(error);
    status = faulty()->Commit(DeleteNobody());
    EXPECT_EQ(status.code(), Code::kOverrun) << status.message();
    ExpectRecovered(World(3));  // it had not
  }
}

TEST_F(KernelErrorsTest, OneErrorProvesTheRefusalWhateverElseWasLost) {
  Start(World(3));
  bool lost = false;
  channel()->on_receive = [&](char*, ssize_t received, bool) -> ssize_t {
    if (received < 0 || lost) return received;
    lost = true;
    return -ENOBUFS;  // in the place of the first error
  };
  const Status status = faulty()->Commit(DeleteNobody());
  EXPECT_EQ(status.code(), Code::kNotFound) << status.message();
  EXPECT_NE(status.message().find("nothing of this step was changed"), std::string::npos);
  channel()->on_receive = nullptr;
  ExpectRecovered(World(3));
}

TEST_F(KernelErrorsTest, ASocketThatLosesForeverDoesNotHoldUsForever) {
  Start(World(3));
  channel()->on_receive = [](char*, ssize_t, bool) -> ssize_t { return -ENOBUFS; };
  EXPECT_EQ(faulty()->Commit(AddPeer(0x0a000004)).code(), Code::kOverrun);
  EXPECT_EQ(faulty()->Read("podgate").status().code(), Code::kOverrun);
  EXPECT_LT(channel()->receives, 100);
  channel()->on_receive = nullptr;
  ExpectRecovered(World(4));
}

TEST_F(KernelErrorsTest, LateAnswersAreNotTakenForThoseOfTheNextRequest) {
  Start(World(3));
  // The answer to the first batch stays in the socket, as if the kernel had been slow.
  channel()->on_receive = [](char*, ssize_t, bool waits) -> ssize_t {
    return waits ? -EIO : -EAGAIN;
  };
  const int first = channel()->sends;
  EXPECT_EQ(faulty()->Commit(DeleteNobody()).code(), Code::kOverrun);
  EXPECT_EQ(channel()->sends, first + 1);
  channel()->on_receive = nullptr;
  const Status status = faulty()->Commit(AddPeer(0x0a000004));
  EXPECT_TRUE(status.ok()) << status.message();
  ExpectHeld(World(4));
}

TEST_F(KernelErrorsTest, ErrorsOverflowARealReceiveBuffer) {
  Start(World(3));
  Step step{Phase::kSweep, "podgate", {}};
  for (int i = 0; i < 60'000; ++i) step.operations.emplace_back(DeleteChain{fmt::format("c{}", i)});
  bool lost = false;
  channel()->on_receive = [&lost](char*, ssize_t received, bool) {
    lost |= received == -ENOBUFS;
    return received;
  };
  const Status status = faulty()->Commit(step);
  EXPECT_EQ(status.code(), Code::kNotFound) << status.message();
  EXPECT_TRUE(lost);
  ExpectRecovered(World(3));
}

// ---- short and garbled answers

TEST_F(KernelErrorsTest, AShortAnswerIsNoAnswer) {
  Start(World(3));
  for (const ssize_t bytes : {0, 1, 4, 15, 16, 19, 35}) {
    channel()->on_receive = [bytes](char*, ssize_t received, bool) {
      return received < 0 ? received : std::min(received, bytes);
    };
    const Status status = faulty()->Commit(DeleteNobody());
    EXPECT_EQ(status.code(), Code::kOverrun) << bytes << ": " << status.message();
    EXPECT_EQ(faulty()->Read("podgate").status().code(), Code::kOverrun) << bytes;
    EXPECT_EQ(faulty()->Generation().status().code(), Code::kOverrun) << bytes;
    channel()->on_receive = nullptr;
    ExpectRecovered(World(3));
  }
  // One that did not fit into the buffer.
  channel()->on_receive = [](char*, ssize_t received, bool) -> ssize_t {
    return received < 0 ? received : 1 << 20;
  };
  EXPECT_EQ(faulty()->Commit(DeleteNobody()).code(), Code::kOverrun);
  EXPECT_EQ(faulty()->Read("podgate").status().code(), Code::kOverrun);
  channel()->on_receive = nullptr;
  ExpectRecovered(World(3));
}

// Headers of the answers are overwritten (what is in messages is libnftnl's to read, and it trusts
// the kernel with that): no crash, no endless loop, and right again afterwards.
TEST_F(KernelErrorsTest, GarbledAnswersAreSurvived) {
  Start(World(50));
  const std::uint32_t seed = SeedOf(31);
  std::mt19937 random(seed);
  int failed = 0;
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", round " << round);
    const std::uint32_t often = 1 + random() % 10;
    channel()->on_receive = [&random, often](char* buffer, ssize_t received, bool) {
      if (received <= 0 || random() % often != 0) return received;
      nlmsghdr* message = MessageIn(buffer);
      const auto* end = buffer + received;
      for (auto skip = random() % 8; skip > 0; --skip) {
        auto* next = reinterpret_cast<char*>(message) + NLMSG_ALIGN(message->nlmsg_len);
        if (next + sizeof(nlmsghdr) >= end) break;
        message = MessageIn(next);
      }
      // The header, and the error number where there is one.
      reinterpret_cast<char*>(message)[random() % 20] = static_cast<char>(random());
      return received;
    };
    const bool ok = faulty()->Read("podgate").ok() && faulty()->Commit(AddPeer(0x0a000100)).ok();
    failed += ok ? 0 : 1;
    channel()->on_receive = nullptr;
    ExpectRecovered(World(50));
    if (HasFailure()) return;
  }
  EXPECT_GT(failed, 100);
}

TEST_F(KernelErrorsTest, OnlyTheKernelIsHeard) {
  Start(World(3));
  // Another process claims that what is sent next failed, or that it is done.
  for (const int claimed : {0, -EPERM}) {
    channel()->on_send = [&](const nlmsghdr* first) {
      channel()->Forge(first->nlmsg_seq, claimed);
      channel()->Forge(first->nlmsg_seq + 1, claimed);
      return 0;
    };
    ExpectRecovered(ChangedWorld(3));
    EXPECT_TRUE(faulty()->Commit(DeleteNobody()).IsNotFound());
    ExpectRecovered(World(3));
  }
  // So many claims that nobody can tell whether the kernel has said anything.
  channel()->on_send = [&](const nlmsghdr* first) {
    for (int i = 0; i < 1000; ++i) channel()->Forge(first->nlmsg_seq, 0);
    return 0;
  };
  EXPECT_EQ(faulty()->Read("podgate").status().code(), Code::kOverrun);
  EXPECT_EQ(faulty()->Commit(AddPeer(0x0a000004)).code(), Code::kOverrun);
  channel()->on_send = nullptr;
  channel()->forged.clear();
  ExpectRecovered(World(4));
}

TEST_F(KernelErrorsTest, AKernelThatDoesNotAnswerIsUnavailable) {
  Start(World(3));
  channel()->on_receive = [](char*, ssize_t, bool) -> ssize_t { return -EAGAIN; };
  EXPECT_EQ(faulty()->Read("podgate").status().code(), Code::kUnavailable);
  EXPECT_EQ(faulty()->Holds(World(3)).status().code(), Code::kUnavailable);
  EXPECT_EQ(faulty()->Generation().status().code(), Code::kUnavailable);
  channel()->on_receive = nullptr;
  ExpectRecovered(World(3));
}

// ---- the generation

// "Not found" is an answer about tables: said of the generation it must not become "no table".
TEST_F(KernelErrorsTest, AGenerationThatIsNotFoundIsAnError) {
  Start(World(3));
  bool asked = false;
  channel()->on_send = [&](const nlmsghdr* first) {
    asked = first->nlmsg_type == TypeOf(NFT_MSG_GETGEN);
    return 0;
  };
  channel()->on_receive = [&](char* buffer, ssize_t received, bool) {
    if (received <= 0 || !asked) return received;
    nlmsghdr* message = MessageIn(buffer);
    message->nlmsg_type = NLMSG_ERROR;
    message->nlmsg_len = NLMSG_LENGTH(sizeof(nlmsgerr));
    static_cast<nlmsgerr*>(NLMSG_DATA(message))->error = -ENOENT;
    return static_cast<ssize_t>(message->nlmsg_len);
  };
  EXPECT_EQ(faulty()->Generation().status().code(), Code::kOther);
  EXPECT_EQ(faulty()->Read("podgate").status().code(), Code::kOther);
  EXPECT_EQ(faulty()->Read("nosuch").status().code(), Code::kOther);
  EXPECT_EQ(faulty()->Holds(World(3)).status().code(), Code::kOther);
  channel()->on_send = nullptr;
  channel()->on_receive = nullptr;
  ExpectRecovered(World(3));
}

// ---- dumps

// The dump of elements gets the flag that a commit came in between, so many times.
void InterruptElementDumps(FaultyChannel* channel, int times) {
  channel->on_receive = [times, was = false](char* buffer, ssize_t received, bool waits) mutable {
    const bool element = received > 0 && waits &&
                         MessageIn(buffer)->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
                         MessageIn(buffer)->nlmsg_type == TypeOf(NFT_MSG_NEWSETELEM);
    if (element && times > 0 && !was) {
      MessageIn(buffer)->nlmsg_flags |= NLM_F_DUMP_INTR;
      --times;
    }
    was = element;
    return received;
  };
}

TEST_F(KernelErrorsTest, AnInterruptedDumpIsTakenAgain) {
  Start(World(5000));
  InterruptElementDumps(channel(), 3);
  ExpectRecovered(World(5000));
  const int sends = channel()->sends;
  InterruptElementDumps(channel(), 1'000'000);
  const auto read = faulty()->Read("podgate");
  EXPECT_EQ(read.status().code(), Code::kInterrupted) << read.status().message();
  EXPECT_LT(channel()->sends - sends, 500);
  channel()->on_receive = nullptr;
  ExpectRecovered(ChangedWorld(5000));
}

// The dump stops in its middle; the rest of it, which the kernel would go on with, bothers nobody.
TEST_F(KernelErrorsTest, ADumpThatBreaksOffIsTakenAgain) {
  Start(World(5000));
  for (const int error : {ENOBUFS, ENOMEM, EAGAIN, EIO}) {
    SCOPED_TRACE(std::strerror(error));
    int parts = 0;
    channel()->on_receive = [&parts, error](char*, ssize_t received, bool) -> ssize_t {
      return ++parts == 8 ? -error : received;
    };
    ExpectRecovered(World(5000));
    EXPECT_GT(parts, 8);
  }
  EXPECT_EQ(channel()->renewals, 4);
}

// Without a new socket the kernel answers EBUSY, as it does while a dump of the socket is going on.
TEST_F(KernelErrorsTest, ADumpRefusedAsBusyIsTakenAgain) {
  Start(World(5000));
  for (const int refusals : {1, 2}) {
    int left = refusals;
    channel()->on_receive = [&left](char* buffer, ssize_t received, bool waits) {
      nlmsghdr* message = MessageIn(buffer);
      if (received <= 0 || !waits || message->nlmsg_type != TypeOf(NFT_MSG_NEWSET) || left-- <= 0) {
        return received;
      }
      message->nlmsg_type = NLMSG_ERROR;
      message->nlmsg_len = NLMSG_LENGTH(sizeof(nlmsgerr));
      static_cast<nlmsgerr*>(NLMSG_DATA(message))->error = -EBUSY;
      return static_cast<ssize_t>(message->nlmsg_len);
    };
    ExpectRecovered(World(5000));
    EXPECT_LE(left, 0);
  }
  channel()->on_receive = nullptr;
}

// A dump of the same socket that nobody reads makes the real kernel say it.
TEST_F(KernelErrorsTest, TheKernelsOwnBusyDump) {
  Start(World(5000));
  bool stopped = false;
  channel()->on_receive = [&stopped](char* buffer, ssize_t received, bool waits) -> ssize_t {
    const bool element =
        received > 0 && waits && MessageIn(buffer)->nlmsg_type == TypeOf(NFT_MSG_NEWSETELEM);
    if (!element || stopped) return received;
    stopped = true;
    // The end of the dump, before its end.
    MessageIn(buffer)->nlmsg_type = NLMSG_DONE;
    MessageIn(buffer)->nlmsg_len = NLMSG_LENGTH(0);
    return NLMSG_LENGTH(0);
  };
  const auto read = faulty()->Read("podgate");
  EXPECT_TRUE(stopped);
  ASSERT_TRUE(read.ok()) << read.status().message();
  channel()->on_receive = nullptr;
  ExpectRecovered(World(5000));
}

// ---- what others do

TEST_F(KernelErrorsTest, AStaleGenerationIsSaidAndChangesNothing) {
  Start(World(3));
  const auto generation = kernel()->Generation();
  ASSERT_TRUE(generation.ok());
  ASSERT_EQ(RunNft("add table inet other"), "");
  const Status status = faulty()->CommitAt(generation.value(), AddPeer(0x0a000004));
  EXPECT_TRUE(status.IsStale()) << status.message();
  EXPECT_NE(status.message().find("somebody else changed the rules in between"), std::string::npos);
  ExpectHeld(World(3));
  EXPECT_TRUE(faulty()->CommitAt(generation.value() + 1, AddPeer(0x0a000004)).ok());
  ExpectHeld(World(4));
  EXPECT_TRUE(faulty()->Commit(AddPeer(0x0a000005)).ok()) << "without a generation nobody disturbs";
  ExpectRecovered(ChangedWorld(5));
}

TEST_F(KernelErrorsTest, SomebodyCommitsBetweenReadAndWrite) {
  Start(World(3));
  int batches = 0;
  channel()->on_send = [&](const nlmsghdr* first) {
    if (first->nlmsg_type != NFNL_MSG_BATCH_BEGIN) return 0;
    // Before the second batch of the change.
    if (++batches == 2) {
      EXPECT_EQ(RunNft("delete table inet podgate"), "");
    }
    return 0;
  };
  EXPECT_TRUE(Attempt(faulty(), ChangedWorld(3)).IsStale());
  ExpectRecovered(ChangedWorld(3));
}

TEST_F(KernelErrorsTest, NotThereAfterForeignDeletions) {
  for (const char* command :
       {"delete table inet podgate", "flush ruleset", "flush set inet podgate peers4-x",
        "delete element inet podgate peers4-x { 10.0.0.3 }"}) {
    Start(World(3));
    ASSERT_EQ(RunNft(command), "");
    const Step step{
        Phase::kFlip, "podgate", {DeleteElements{"peers4-x", kIpv4, false, {Member(0x0a000003)}}}};
    const Status status = faulty()->Commit(step);
    EXPECT_TRUE(status.IsNotFound()) << command << ": " << status.message();
    ExpectRecovered(World(2));
  }
}

TEST_F(KernelErrorsTest, StillInUseByAForeignRule) {
  Start(ChangedWorld(3));
  ASSERT_EQ(RunNft("add chain inet podgate theirs"), "");
  ASSERT_EQ(RunNft("add rule inet podgate theirs ip saddr @peers4-y drop"), "");
  // What an agent that does not know of it would do.
  const Ruleset before = ChangedWorld(3);
  const Status status = CommitAll(faulty(), Diff(&before, World(3)));
  EXPECT_EQ(status.code(), Code::kBusy) << status.message();
  ExpectRecovered(World(3));
}

TEST_F(KernelErrorsTest, ASetThatOthersFilled) {
  Ruleset small = World(4);
  small.sets["peers4-x"].size = 8;
  Start(small);
  ASSERT_EQ(RunNft("add element inet podgate peers4-x { 9.9.9.1, 9.9.9.2, 9.9.9.3, 9.9.9.4 }"), "");
  const Status status = faulty()->Commit(AddPeer(0x0a000005));
  EXPECT_EQ(status.code(), Code::kFull) << status.message();
  small.sets["peers4-x"].elements.push_back(Member(0x0a000005));
  ExpectRecovered(small);
}

// ---- batches that are too big

TEST_F(KernelErrorsTest, TheSendBufferGrowsWithTheBatch) {
  const Status status = CommitAll(faulty(), Diff(nullptr, World(100'000)));
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_GT(channel()->largest_sent_bytes, 1u << 20);
  ExpectHeld(World(100'000));
}

TEST_F(KernelErrorsTest, WhereItCannotGrowWhatNoPacketMeetsGoesInParts) {
  channel()->send_limit_bytes = 200'000;
  Status status = CommitAll(faulty(), Diff(nullptr, World(30'000)));
  EXPECT_TRUE(status.ok()) << status.message();
  ExpectHeld(World(30'000));
  EXPECT_LE(channel()->largest_sent_bytes, 200'000u);
  // There and back: elements of a set that packets meet come and go in parts as well.
  for (const Ruleset& next : {ChangedWorld(30'000), World(10), World(30'000)}) {
    const Ruleset held = ReadBack();
    status = CommitAll(faulty(), Diff(&held, next));
    EXPECT_TRUE(status.ok()) << status.message();
    ExpectHeld(next);
  }
}

TEST_F(KernelErrorsTest, RulesThatAreTooManyForOneBatchAreNeverDivided) {
  Start(World(3));
  Ruleset many = World(3);
  auto& rules = many.chains["in-10.1.0.5"].rules;
  rules.insert(rules.begin(), 2000, rules.front());
  channel()->send_limit_bytes = 100'000;
  const Ruleset held = ReadBack();
  const Status status = CommitAll(faulty(), Diff(&held, many));
  EXPECT_EQ(status.code(), Code::kTooBig) << status.message();
  EXPECT_NE(status.message().find("where the socket takes 100000"), std::string::npos)
      << status.message();
  EXPECT_NE(status.message().find("net.core.wmem_max"), std::string::npos) << status.message();
  ExpectHeld(World(3));
  channel()->send_limit_bytes = 10'000'000;  // somebody did as he was told
  ExpectRecovered(many);
}

// ---- every fault at every place

TEST_F(KernelErrorsTest, AFaultAnywhereOnTheWayIsRecoveredFrom) {
  const Ruleset from = World(200);
  const Ruleset to = ChangedWorld(200);
  Start(from);
  ASSERT_TRUE(Attempt(faulty(), to).ok());
  const int sends = channel()->sends;
  const int receives = channel()->receives;
  ASSERT_GT(sends, 10);
  int tried = 0;
  const auto run = [&](const std::string& what) {
    SCOPED_TRACE(what);
    EnterNewNamespace();
    OpenFaulty();
    Start(from);
    ++tried;
  };
  const auto finish = [&] {
    // One fault: the second attempt at the latest finds a kernel without faults.
    if (!Attempt(faulty(), to).ok()) {
      const Status status = Attempt(faulty(), to);
      EXPECT_TRUE(status.ok()) << status.message();
    }
    ExpectHeld(to);
  };
  for (int place = 1; place <= sends; ++place) {
    for (const int error : {ENOBUFS, EAGAIN}) {
      run(fmt::format("send {} gives {}", place, std::strerror(error)));
      channel()->on_send = [&, error](const nlmsghdr*) {
        return channel()->sends == place ? error : 0;
      };
      finish();
    }
  }
  for (int place = 1; place <= receives; ++place) {
    for (const int error : {ENOBUFS, EAGAIN, EIO}) {
      run(fmt::format("receive {} gives {}", place, std::strerror(error)));
      channel()->on_receive = [&, error](char*, ssize_t received, bool) -> ssize_t {
        return channel()->receives == place ? -error : received;
      };
      finish();
    }
  }
  std::cout << tried << " faults\n";
}

}  // namespace
}  // namespace podgate::nft
