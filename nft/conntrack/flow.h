// Connections as conntrack knows them, as plain values: the packet that a policy decides about, and
// the tombstone that takes the place of a flow that was cut.
//
// A flow that is only deleted may be revived by its other end: whatever the server sends next (a
// push, a retransmission, a late answer) is a new flow from the server to the client. If no policy
// isolates that direction, the client's packets are then its replies, which are never judged. A
// tombstone prevents that: an entry that starts where the server's packets start and has its
// replies in a conntrack zone that no packet is in. So the server's packets remain those of a new
// flow, judged one by one, and the client's packets match nothing and are judged as well.
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
  FlowTuple original;  // as the first packet arrived: before any NAT
  FlowTuple reply;     // as its answer arrives: from where DNAT led, to what SNAT made
  std::uint16_t original_zone = 0;
  std::uint16_t reply_zone = 0;
  std::uint32_t id = 0;               // of this entry: a later one with the same tuples has another
  std::uint32_t status = 0;           // IPS_* bits
  std::uint32_t timeout_seconds = 0;  // that the entry still lives if no packet comes
  bool ended = false;                 // a TCP connection that is over, its entry only lingers
  bool picked_up = false;             // a TCP connection that was under way when its entry began
  std::optional<FlowMaster> master{};  // of a related flow
  friend auto operator<=>(const Flow&, const Flow&) = default;
};

// Whether the entry began with a packet of the end that was connected to, as far as one can tell.
// Connections that are older than their entry (conntrack came into use later, or somebody deleted
// the entry) are taken up with whatever comes first (nf_conntrack_tcp_loose; SCTP likewise, where
// no mark tells). Then the ports decide: those that listen are the lower ones, and for SCTP, where
// the mark is missing, below 32,768 with the other end's above (net.ipv4.ip_local_port_range).
bool IsReversed(const Flow& flow);
// The flow's first packet as the forward hook saw it, after DNAT and before SNAT; of a reversed
// entry, as it would have seen it.
Packet FirstPacket(const Flow& flow);

// Whether its other end could revive it after a deletion. Not if that end has never sent anything,
// with NAT (its packets then have addresses that the client does not know), without ports (an ICMP
// answer begins no flow), or if the connection is over. A reversed entry is such a revival.
bool NeedsTombstone(const Flow& flow);
Flow TombstoneOf(const Flow& flow);
// The longest that a tombstone lives in the kernel. Longer than an end retransmits what nobody
// acknowledges (tcp_retries2: 15 to 17 minutes).
inline constexpr std::uint32_t kTombstoneSeconds = 1200;
// Whether it is put anew while the flow is denied. Not that of a UDP flow: UDP has no handshake,
// and what the server goes on to send is a flow of its own, which a policy may well allow.
bool IsRenewable(const Flow& tombstone);
bool IsTombstone(const Flow& flow);
// The flow that the tombstone stands for, as far as a tombstone tells: its tuples.
Flow FlowOfTombstone(const Flow& tombstone);

// How full the table of entries is.
struct ConntrackUsage {
  std::uint64_t entries = 0;  // at least as many as there are
  std::uint64_t most = 0;     // that the kernel takes (nf_conntrack_max); 0: any number
};

}  // namespace podgate::nft
