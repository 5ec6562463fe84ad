// Flows as values: what a policy is asked about, what needs a tombstone, and that a tombstone tells
// which flow it stands for.
#include "nft/conntrack/flow.h"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "unit/nft/conntrack/flows.h"

namespace podgate::nft {
namespace {

TEST(Flow, IsJudgedByTheAddressesThatThePolicySees) {
  // A client that reaches 10.0.0.2:8080 through a service, and is masqueraded.
  Flow flow = PlainFlow("10.0.0.1", "10.96.0.1", kTcp, 80);
  flow.reply = {At("10.0.0.2"), At("192.168.0.1"), 8080, 61000};
  const Packet packet = FirstPacket(flow);
  EXPECT_EQ(packet.source, At("10.0.0.1"));
  EXPECT_EQ(packet.destination, At("10.0.0.2"));
  EXPECT_EQ(packet.protocol, kTcp);
  EXPECT_EQ(packet.destination_port, 8080);
  EXPECT_EQ(packet.state, Packet::State::kNew);
}

TEST(Flow, AnEchoIsJudgedByItsRequest) {
  const Flow flow = EchoFlow("10.0.0.1", "10.0.0.2");
  EXPECT_EQ(FirstPacket(flow).protocol, kIcmp);
  EXPECT_EQ(FirstPacket(flow).icmp_type, 8);
}

TEST(Flow, NeedsATombstoneWhereItsOtherEndCouldBringItBack) {
  for (const std::uint8_t protocol : {kTcp, kUdp, kSctp})
    EXPECT_TRUE(NeedsTombstone(PlainFlow("fd00::1", "fd00::2", protocol, 80)));
  EXPECT_FALSE(NeedsTombstone(EchoFlow("10.0.0.1", "10.0.0.2")));
  Flow gre = PlainFlow("10.0.0.1", "10.0.0.2", 47, 0);
  EXPECT_FALSE(NeedsTombstone(gre));
  Flow unanswered = PlainFlow("10.0.0.1", "10.0.0.2", kUdp, 53);
  unanswered.status = IPS_CONFIRMED;
  EXPECT_FALSE(NeedsTombstone(unanswered));
  Flow ended = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  ended.ended = true;
  EXPECT_FALSE(NeedsTombstone(ended));

  Flow service = PlainFlow("10.0.0.1", "10.96.0.1", kTcp, 80);
  service.reply.source = At("10.0.0.2");
  EXPECT_FALSE(NeedsTombstone(service));
  Flow masqueraded = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  masqueraded.reply.destination = At("192.168.0.1");
  EXPECT_FALSE(NeedsTombstone(masqueraded));
  Flow other_port = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  other_port.reply.source_port = 8080;
  EXPECT_FALSE(NeedsTombstone(other_port));
}

// What conntrack has of PlainFlow() if its server spoke first.
Flow TakenUpFromItsServer(std::uint8_t protocol, std::uint16_t port) {
  Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", protocol, port);
  std::swap(flow.original, flow.reply);
  flow.status = IPS_CONFIRMED;
  flow.picked_up = protocol == kTcp;
  return flow;
}

TEST(Flow, AnEntryThatBeganWithAPacketOfTheServerIsJudgedAsTheConnectionIs) {
  for (const std::uint8_t protocol : {kTcp, kSctp}) {
    const Flow flow = TakenUpFromItsServer(protocol, 80);
    EXPECT_TRUE(IsReversed(flow));
    EXPECT_EQ(FirstPacket(flow).source, At("10.0.0.1"));
    EXPECT_EQ(FirstPacket(flow).destination, At("10.0.0.2"));
    EXPECT_EQ(FirstPacket(flow).destination_port, 80);
    // The client's next packet makes it the flow that a tombstone is there to prevent.
    EXPECT_TRUE(NeedsTombstone(flow));
    const Flow plain = PlainFlow("10.0.0.1", "10.0.0.2", protocol, 80);
    EXPECT_EQ(TombstoneOf(flow), TombstoneOf(plain));
    EXPECT_FALSE(IsReversed(TombstoneOf(flow)));
    EXPECT_FALSE(IsReversed(FlowOfTombstone(TombstoneOf(flow))));
    EXPECT_FALSE(IsReversed(plain));
  }
  EXPECT_FALSE(IsReversed(TakenUpFromItsServer(kUdp, 53)));
  EXPECT_FALSE(IsReversed(TakenUpFromItsServer(kSctp, 40000)));
  Flow with_syn = TakenUpFromItsServer(kTcp, 80);
  with_syn.picked_up = false;
  EXPECT_FALSE(IsReversed(with_syn));
  // Of the client the entry tells the right thing.
  Flow client_first = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  client_first.picked_up = true;
  EXPECT_FALSE(IsReversed(client_first));
  Flow translated = TakenUpFromItsServer(kTcp, 80);
  translated.reply.destination = At("192.168.0.1");
  EXPECT_FALSE(IsReversed(translated));
}

TEST(Flow, ATombstoneStartsAtTheOtherEndAndTellsWhatItStandsFor) {
  Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  flow.original_zone = flow.reply_zone = 7;
  const Flow tombstone = TombstoneOf(flow);
  EXPECT_EQ(tombstone.original, flow.reply);
  EXPECT_EQ(tombstone.reply, flow.original);
  EXPECT_EQ(tombstone.original_zone, 7);
  EXPECT_NE(tombstone.reply_zone, 7);
  EXPECT_EQ(tombstone.status & IPS_SEEN_REPLY, 0U);
  EXPECT_TRUE(IsTombstone(tombstone));
  EXPECT_FALSE(IsTombstone(flow));
  EXPECT_FALSE(NeedsTombstone(tombstone));
  const Flow stood_for = FlowOfTombstone(tombstone);
  EXPECT_EQ(stood_for.original, flow.original);
  EXPECT_EQ(stood_for.reply, flow.reply);
  EXPECT_EQ(stood_for.original_zone, 7);
  EXPECT_EQ(stood_for.reply_zone, 7);
}

TEST(Flow, AnotherProgramsZoneIsNoTombstone) {
  Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  flow.reply_zone = 1;
  flow.status = IPS_CONFIRMED | IPS_FIXED_TIMEOUT;
  EXPECT_FALSE(IsTombstone(flow));
  Flow tombstone = TombstoneOf(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80));
  tombstone.status = IPS_CONFIRMED | IPS_SEEN_REPLY;
  EXPECT_FALSE(IsTombstone(tombstone));
}

TEST(Flow, ATombstoneLivesForTwentyMinutesAtMost) {
  for (const std::uint8_t protocol : {kTcp, kSctp}) {
    Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", protocol, 80);
    // Also less than that: data that was not acknowledged is sent again for longer.
    for (const std::uint32_t left : {432'000U, 299U}) {
      flow.timeout_seconds = left;
      EXPECT_EQ(TombstoneOf(flow).timeout_seconds, 1200U);
    }
    EXPECT_TRUE(IsRenewable(TombstoneOf(flow)));
  }
  Flow udp = PlainFlow("10.0.0.1", "10.0.0.2", kUdp, 53);
  EXPECT_FALSE(IsRenewable(TombstoneOf(udp)));
  udp.timeout_seconds = 119;
  EXPECT_EQ(TombstoneOf(udp).timeout_seconds, 5U);
  udp.timeout_seconds = 2;
  EXPECT_EQ(TombstoneOf(udp).timeout_seconds, 2U);
  udp.timeout_seconds = 0;
  EXPECT_EQ(TombstoneOf(udp).timeout_seconds, 1U);
}

}  // namespace
}  // namespace podgate::nft
