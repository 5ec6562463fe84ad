#include "nft/conntrack/flow.h"

#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>

namespace podgate::nft {
namespace {

// A number that others are unlikely to use: "pg".
constexpr std::uint16_t kTombstoneZone = 0x7067;
// A fixed timeout: the server's packets must not shorten or extend it.
constexpr std::uint32_t kTombstoneStatus = IPS_CONFIRMED | IPS_ASSURED | IPS_FIXED_TIMEOUT;
// For answers that are still to come, including those that a resolver has to ask others for.
constexpr std::uint32_t kUdpTombstoneSeconds = 5;
constexpr std::uint8_t kUdpLite = 136;

bool HasPorts(std::uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp || protocol == kUdpLite;
}

bool IsInverse(const FlowTuple& a, const FlowTuple& b) {
  return a.source == b.destination && a.destination == b.source &&
         a.source_port == b.destination_port && a.destination_port == b.source_port;
}

// Below it are no ports that the system gives to those who connect.
constexpr std::uint16_t kFirstLocalPort = 32'768;

}  // namespace

bool IsReversed(const Flow& flow) {
  if (flow.original_zone != flow.reply_zone || !IsInverse(flow.original, flow.reply)) return false;
  const std::uint16_t from = flow.original.source_port;
  const std::uint16_t to = flow.original.destination_port;
  if (flow.protocol == kTcp) return flow.picked_up && from < to;
  return flow.protocol == kSctp && from < kFirstLocalPort && to >= kFirstLocalPort;
}

Packet FirstPacket(const Flow& flow) {
  Packet packet;
  if (IsReversed(flow)) {
    packet.source = flow.reply.source;
    packet.destination = flow.original.source;
    packet.protocol = flow.protocol;
    packet.destination_port = flow.original.source_port;
    return packet;
  }
  packet.source = flow.original.source;
  packet.destination = flow.reply.source;
  packet.protocol = flow.protocol;
  packet.destination_port = flow.reply.source_port;
  packet.icmp_type = flow.original.icmp_type;
  return packet;
}

bool NeedsTombstone(const Flow& flow) {
  return !flow.ended && ((flow.status & IPS_SEEN_REPLY) != 0 || IsReversed(flow)) &&
         HasPorts(flow.protocol) && flow.original_zone == flow.reply_zone &&
         IsInverse(flow.original, flow.reply);
}

Flow TombstoneOf(const Flow& flow) {
  Flow tombstone;
  tombstone.protocol = flow.protocol;
  const bool reversed = IsReversed(flow);
  tombstone.original = reversed ? flow.original : flow.reply;
  tombstone.reply = reversed ? flow.reply : flow.original;
  tombstone.original_zone = flow.original_zone;
  tombstone.reply_zone = kTombstoneZone;
  tombstone.status = kTombstoneStatus;
  tombstone.timeout_seconds =
      IsRenewable(tombstone)
          ? kTombstoneSeconds
          : std::clamp<std::uint32_t>(flow.timeout_seconds, 1, kUdpTombstoneSeconds);
  return tombstone;
}

bool IsRenewable(const Flow& tombstone) {
  return tombstone.protocol != kUdp && tombstone.protocol != kUdpLite;
}

bool IsTombstone(const Flow& flow) {
  return flow.reply_zone == kTombstoneZone && flow.original_zone != kTombstoneZone &&
         (flow.status & IPS_FIXED_TIMEOUT) != 0 && HasPorts(flow.protocol) &&
         IsInverse(flow.original, flow.reply);
}

Flow FlowOfTombstone(const Flow& tombstone) {
  Flow flow;
  flow.protocol = tombstone.protocol;
  flow.original = tombstone.reply;
  flow.reply = tombstone.original;
  flow.original_zone = flow.reply_zone = tombstone.original_zone;
  return flow;
}

}  // namespace podgate::nft
