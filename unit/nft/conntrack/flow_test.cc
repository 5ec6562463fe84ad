// Flows as values: what a policy is asked about, what needs a seal, and that a seal tells what it
// seals.
#include "nft/conntrack/flow.h"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "unit/nft/conntrack/flows.h"

namespace podgate::nft {
namespace {

TEST(Flow, IsJudgedByTheAddressesThatThePolicySees) {
  // A client that reaches 10.0.0.2:8080 through a service, and is masqueraded on the way.
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

TEST(Flow, NeedsASealWhereItsOtherEndCouldBringItBack) {
  for (const std::uint8_t protocol : {kTcp, kUdp, kSctp})
    EXPECT_TRUE(NeedsSeal(PlainFlow("fd00::1", "fd00::2", protocol, 80)));
  EXPECT_FALSE(NeedsSeal(EchoFlow("10.0.0.1", "10.0.0.2")));
  Flow gre = PlainFlow("10.0.0.1", "10.0.0.2", 47, 0);
  EXPECT_FALSE(NeedsSeal(gre));
  Flow unanswered = PlainFlow("10.0.0.1", "10.0.0.2", kUdp, 53);
  unanswered.status = IPS_CONFIRMED;
  EXPECT_FALSE(NeedsSeal(unanswered));
  Flow ended = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  ended.ended = true;
  EXPECT_FALSE(NeedsSeal(ended));

  Flow service = PlainFlow("10.0.0.1", "10.96.0.1", kTcp, 80);
  service.reply.source = At("10.0.0.2");
  EXPECT_FALSE(NeedsSeal(service));
  Flow masqueraded = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  masqueraded.reply.destination = At("192.168.0.1");
  EXPECT_FALSE(NeedsSeal(masqueraded));
  Flow other_port = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  other_port.reply.source_port = 8080;
  EXPECT_FALSE(NeedsSeal(other_port));
}

TEST(Flow, ASealStartsAtTheOtherEndAndTellsWhatItSeals) {
  Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  flow.original_zone = flow.reply_zone = 7;
  const Flow seal = SealOf(flow);
  EXPECT_EQ(seal.original, flow.reply);
  EXPECT_EQ(seal.reply, flow.original);
  EXPECT_EQ(seal.original_zone, 7);
  EXPECT_NE(seal.reply_zone, 7);
  EXPECT_EQ(seal.status & IPS_SEEN_REPLY, 0U);
  EXPECT_TRUE(IsSeal(seal));
  EXPECT_FALSE(IsSeal(flow));
  EXPECT_FALSE(NeedsSeal(seal));
  const Flow sealed = SealedBy(seal);
  EXPECT_EQ(sealed.original, flow.original);
  EXPECT_EQ(sealed.reply, flow.reply);
  EXPECT_EQ(sealed.original_zone, 7);
  EXPECT_EQ(sealed.reply_zone, 7);
}

TEST(Flow, AnotherProgramsZoneIsNoSeal) {
  Flow flow = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  flow.reply_zone = 1;
  flow.status = IPS_CONFIRMED | IPS_FIXED_TIMEOUT;
  EXPECT_FALSE(IsSeal(flow));
  Flow seal = SealOf(PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80));
  seal.status = IPS_CONFIRMED | IPS_SEEN_REPLY;
  EXPECT_FALSE(IsSeal(seal));
}

TEST(Flow, ASealLastsAsLongAsTheFlowCouldComeBack) {
  Flow tcp = PlainFlow("10.0.0.1", "10.0.0.2", kTcp, 80);
  tcp.timeout_seconds = 432'000;
  EXPECT_EQ(SealOf(tcp).timeout_seconds, 432'000U);
  tcp.timeout_seconds = 299;  // with data that was not acknowledged: it is sent again for longer
  EXPECT_EQ(SealOf(tcp).timeout_seconds, 1200U);
  Flow udp = PlainFlow("10.0.0.1", "10.0.0.2", kUdp, 53);
  udp.timeout_seconds = 119;
  EXPECT_EQ(SealOf(udp).timeout_seconds, 5U);
  udp.timeout_seconds = 2;
  EXPECT_EQ(SealOf(udp).timeout_seconds, 2U);
  udp.timeout_seconds = 0;
  EXPECT_EQ(SealOf(udp).timeout_seconds, 1U);
}

}  // namespace
}  // namespace podgate::nft
