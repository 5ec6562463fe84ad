// Connections as conntrack knows them, as plain values: what a policy has to say about one, and the
// tombstone that takes the place of one that was cut.
//
// A flow that is only deleted may come to life from its other end: whatever the server sends next
// (a push, a retransmission, an answer that was on its way) is a new flow from the server to the
// client, and where no policy isolates that direction the client's packets are then its replies,
// which are never judged. A tombstone keeps that from happening: an entry that starts where the
// server's packets start and has its replies in a conntrack zone that no packet is in. So the
// server's packets stay those of a new flow, judged one by one, and the client's match nothing and
// are judged as well.
//
// Pure values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "ipset/address.h"
#include "nft/model/interpret.h"

namespace podgate::nft {

// One direction of a flow, as its packets look when they arrive.
struct FlowTuple {
  ipset::Address source;
  ipset::Address destination;     // same family
  std::uint16_t source_port = 0;  // protocols with ports; for GRE its key
  std::uint16_t destination_port = 0;
  std::uint8_t icmp_type = 0;  // icmp, icmpv6
  std::uint8_t icmp_code = 0;
  std::uint16_t icmp_id = 0;
  friend auto operator<=>(const FlowTuple&, const FlowTuple&) = default;
};

struct FlowMaster {  // the flow that announced another one
  std::uint8_t protocol = kTcp;
  FlowTuple original;
  friend auto operator<=>(const FlowMaster&, const FlowMaster&) = default;
};

struct Flow {
  std::uint8_t protocol = kTcp;
  FlowTuple original;  // as the flow's first packet came: before any NAT
  FlowTuple reply;     // as the answer to it comes: from where DNAT led, to what SNAT made
  std::uint16_t original_zone = 0;
  std::uint16_t reply_zone = 0;
  std::uint32_t id = 0;      // of this very entry: another one with the same tuples has another
  std::uint32_t status = 0;  // IPS_* bits
  std::uint32_t timeout_seconds = 0;   // that the entry still lives when no packet comes
  bool ended = false;                  // a TCP connection that is over, its entry only lingers
  std::optional<FlowMaster> master{};  // of a related flow
  friend auto operator<=>(const Flow&, const Flow&) = default;
};

// The flow's first packet as the forward hook saw it, after DNAT and before SNAT.
Packet FirstPacket(const Flow& flow);

// True when its other end could bring it back after a deletion. Not so when that has never sent
// anything, with NAT (its packets then come with addresses that the client does not know), without
// ports (an ICMP answer begins no flow), and when the connection is over.
bool NeedsTombstone(const Flow& flow);
Flow TombstoneOf(const Flow& flow);
bool IsTombstone(const Flow& flow);
// The flow that the tombstone closes, as far as a tombstone tells: its tuples.
Flow FlowOfTombstone(const Flow& tombstone);

}  // namespace podgate::nft
