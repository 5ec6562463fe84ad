#include "nft/conntrack/conntrack_codec.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <new>
#include <span>

extern "C" {
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
}

namespace podgate::nft {
namespace {

using ipset::Address;
using ipset::Family;

struct Destroy {
  void operator()(nf_conntrack* object) const { nfct_destroy(object); }
};
using ObjectPtr = std::unique_ptr<nf_conntrack, Destroy>;

ObjectPtr NewObject() {
  ObjectPtr object(nfct_new());
  if (!object) throw std::bad_alloc();
  return object;
}

// CTA_FILTER with CTA_FILTER_ORIG_FLAGS, CTA_FILTER_REPLY_FLAGS and their CTA_IP_SRC, as
// nfnetlink_conntrack.h and nf_internals.h of Linux 5.8 and later have them.
constexpr std::uint16_t kFilter = 25;
constexpr std::uint16_t kFilterOriginal = 1;
constexpr std::uint16_t kFilterReply = 2;
constexpr std::uint32_t kFilterBySource = 1U << 0;

// IP_CT_TCP_FLAG_BE_LIBERAL of nf_conntrack_tcp.h.
constexpr std::uint8_t kBeLiberal = 0x08;

// Room for one message: two tuples with IPv6 addresses take some 200 bytes.
constexpr std::size_t kMessageBytes = 1024;

// The library's names for the same field of the three tuples that an entry can have.
struct TupleAttributes {
  nf_conntrack_attr ipv4_source, ipv4_destination, ipv6_source, ipv6_destination;
  nf_conntrack_attr source_port, destination_port, l3proto, l4proto;
};
constexpr TupleAttributes kOriginal{ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_SRC,
                                    ATTR_ORIG_IPV6_DST, ATTR_ORIG_PORT_SRC, ATTR_ORIG_PORT_DST,
                                    ATTR_ORIG_L3PROTO,  ATTR_ORIG_L4PROTO};
constexpr TupleAttributes kReply{ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_SRC,
                                 ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_SRC, ATTR_REPL_PORT_DST,
                                 ATTR_REPL_L3PROTO,  ATTR_REPL_L4PROTO};
constexpr TupleAttributes kMaster{ATTR_MASTER_IPV4_SRC, ATTR_MASTER_IPV4_DST, ATTR_MASTER_IPV6_SRC,
                                  ATTR_MASTER_IPV6_DST, ATTR_MASTER_PORT_SRC, ATTR_MASTER_PORT_DST,
                                  ATTR_MASTER_L3PROTO,  ATTR_MASTER_L4PROTO};

std::optional<Address> AddressOf(const nf_conntrack* object, Family family,
                                 nf_conntrack_attr attribute) {
  const void* bytes = nfct_get_attr(object, attribute);
  if (bytes == nullptr) return std::nullopt;
  const std::size_t size = family == Family::kIPv4 ? 4 : 16;
  return Address::FromBytes(family, {static_cast<const std::uint8_t*>(bytes), size});
}

bool IsIcmp(std::uint8_t protocol) { return protocol == kIcmp || protocol == kIcmpv6; }

std::optional<FlowTuple> TupleOf(const nf_conntrack* object, const TupleAttributes& names,
                                 std::uint8_t protocol) {
  const bool v4 = nfct_attr_is_set(object, names.ipv4_source) > 0;
  const Family family = v4 ? Family::kIPv4 : Family::kIPv6;
  const auto source = AddressOf(object, family, v4 ? names.ipv4_source : names.ipv6_source);
  const auto destination =
      AddressOf(object, family, v4 ? names.ipv4_destination : names.ipv6_destination);
  if (!source || !destination) return std::nullopt;
  FlowTuple tuple;
  tuple.source = *source;
  tuple.destination = *destination;
  if (!IsIcmp(protocol) && nfct_attr_is_set(object, names.source_port) > 0) {
    tuple.source_port = ntohs(nfct_get_attr_u16(object, names.source_port));
    tuple.destination_port = ntohs(nfct_get_attr_u16(object, names.destination_port));
  }
  return tuple;
}

std::uint16_t ZoneOf(const nf_conntrack* object, nf_conntrack_attr direction) {
  const bool own = nfct_attr_is_set(object, direction) > 0;
  return nfct_get_attr_u16(object, own ? direction : ATTR_ZONE);  // 0 when there is none
}

void SetTuple(nf_conntrack* object, const TupleAttributes& names, std::uint8_t protocol,
              const FlowTuple& tuple) {
  const bool v4 = tuple.source.family() == Family::kIPv4;
  nfct_set_attr_u8(object, names.l3proto, v4 ? AF_INET : AF_INET6);
  nfct_set_attr_u8(object, names.l4proto, protocol);
  nfct_set_attr(object, v4 ? names.ipv4_source : names.ipv6_source, tuple.source.bytes().data());
  nfct_set_attr(object, v4 ? names.ipv4_destination : names.ipv6_destination,
                tuple.destination.bytes().data());
  if (IsIcmp(protocol)) {
    if (names.l4proto != ATTR_ORIG_L4PROTO) return;  // the library derives the reply's
    nfct_set_attr_u8(object, ATTR_ICMP_TYPE, tuple.icmp_type);
    nfct_set_attr_u8(object, ATTR_ICMP_CODE, tuple.icmp_code);
    nfct_set_attr_u16(object, ATTR_ICMP_ID, htons(tuple.icmp_id));
  } else {
    nfct_set_attr_u16(object, names.source_port, htons(tuple.source_port));
    nfct_set_attr_u16(object, names.destination_port, htons(tuple.destination_port));
  }
}

std::uint8_t FamilyNumber(const FlowTuple& tuple) {
  return tuple.source.family() == Family::kIPv4 ? AF_INET : AF_INET6;
}

}  // namespace

std::optional<Flow> DecodeFlow(const nlmsghdr* message) {
  const ObjectPtr object = NewObject();
  if (nfct_nlmsg_parse(message, object.get()) < 0) return std::nullopt;
  Flow flow;
  flow.protocol = nfct_get_attr_u8(object.get(), ATTR_ORIG_L4PROTO);
  const auto original = TupleOf(object.get(), kOriginal, flow.protocol);
  const auto reply = TupleOf(object.get(), kReply, flow.protocol);
  if (!original || !reply) return std::nullopt;
  flow.original = *original;
  flow.reply = *reply;
  if (IsIcmp(flow.protocol)) {
    flow.original.icmp_type = nfct_get_attr_u8(object.get(), ATTR_ICMP_TYPE);
    flow.original.icmp_code = nfct_get_attr_u8(object.get(), ATTR_ICMP_CODE);
    flow.original.icmp_id = ntohs(nfct_get_attr_u16(object.get(), ATTR_ICMP_ID));
  }
  flow.original_zone = ZoneOf(object.get(), ATTR_ORIG_ZONE);
  flow.reply_zone = ZoneOf(object.get(), ATTR_REPL_ZONE);
  flow.id = nfct_get_attr_u32(object.get(), ATTR_ID);
  flow.status = nfct_get_attr_u32(object.get(), ATTR_STATUS);
  flow.timeout_seconds = nfct_get_attr_u32(object.get(), ATTR_TIMEOUT);
  if (flow.protocol == kTcp) {
    const std::uint8_t state = nfct_get_attr_u8(object.get(), ATTR_TCP_STATE);
    flow.ended = state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE;
    // tcp_new() in nf_conntrack_proto_tcp.c sets it where the entry does not begin with a SYN.
    flow.picked_up = (nfct_get_attr_u8(object.get(), ATTR_TCP_FLAGS_ORIG) & kBeLiberal) != 0;
  }
  if (nfct_attr_is_set(object.get(), ATTR_MASTER_L3PROTO) > 0) {
    const std::uint8_t protocol = nfct_get_attr_u8(object.get(), ATTR_MASTER_L4PROTO);
    if (const auto master = TupleOf(object.get(), kMaster, protocol))
      flow.master = FlowMaster{protocol, *master};
  }
  return flow;
}

std::optional<ConntrackUsage> DecodeUsage(const nlmsghdr* message) {
  struct Told {
    std::optional<std::uint32_t> entries;
    std::optional<std::uint32_t> most;
  } told;
  const auto take = [](const nlattr* attribute, void* into) {
    if (mnl_attr_get_payload_len(attribute) != sizeof(std::uint32_t)) return MNL_CB_OK;
    const std::uint32_t value = ntohl(mnl_attr_get_u32(attribute));
    auto* const answer = static_cast<Told*>(into);
    if (mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_ENTRIES) answer->entries = value;
    if (mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_MAX_ENTRIES) answer->most = value;
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, sizeof(nfgenmsg), take, &told);
  if (!told.entries) return std::nullopt;
  return ConntrackUsage{.entries = *told.entries, .most = told.most.value_or(0)};
}

nlmsghdr* ConntrackRequests::Begin(std::uint8_t type, std::uint16_t flags, std::uint8_t family) {
  bytes_.resize(size_ + kMessageBytes);
  nlmsghdr* message = mnl_nlmsg_put_header(bytes_.data() + size_);
  message->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8) | type);
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  message->nlmsg_seq = sequence_++;
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  header->nfgen_family = family;
  header->version = NFNETLINK_V0;
  header->res_id = 0;
  return message;
}

void ConntrackRequests::Finish(const nlmsghdr* message) {
  size_ += NLMSG_ALIGN(message->nlmsg_len);
}

void ConntrackRequests::Dump() { Finish(Begin(IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC)); }

void ConntrackRequests::Dump(const FlowEnd& end) {
  const bool v4 = end.address.family() == Family::kIPv4;
  const bool source = end.side == Side::kSource;
  nlmsghdr* message = Begin(IPCTNL_MSG_CT_GET, NLM_F_DUMP, v4 ? AF_INET : AF_INET6);
  // ctnetlink_filter_match_tuple() takes IPv6 addresses that are equal for different, and the other
  // way round (in Linux 5.8 to 6.18 at least): there the family has to do.
  if (v4) {
    // The destination after DNAT is the source of the answers.
    nlattr* tuple = mnl_attr_nest_start(message, source ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY);
    nlattr* addresses = mnl_attr_nest_start(message, CTA_TUPLE_IP);
    mnl_attr_put(message, CTA_IP_V4_SRC, end.address.bytes().size(), end.address.bytes().data());
    mnl_attr_nest_end(message, addresses);
    mnl_attr_nest_end(message, tuple);
    nlattr* filter = mnl_attr_nest_start(message, kFilter);
    mnl_attr_put_u32(message, source ? kFilterOriginal : kFilterReply, kFilterBySource);
    mnl_attr_nest_end(message, filter);
  }
  Finish(message);
}

void ConntrackRequests::Get(std::uint8_t protocol, const FlowTuple& tuple, std::uint16_t zone) {
  const ObjectPtr object = NewObject();
  SetTuple(object.get(), kOriginal, protocol, tuple);
  if (zone != 0) nfct_set_attr_u16(object.get(), ATTR_ZONE, zone);
  nlmsghdr* message = Begin(IPCTNL_MSG_CT_GET, NLM_F_ACK, FamilyNumber(tuple));
  nfct_nlmsg_build(message, object.get());
  Finish(message);
}

void ConntrackRequests::GetStats() { Finish(Begin(IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC)); }

void ConntrackRequests::Delete(const Flow& flow) {
  const ObjectPtr object = NewObject();
  SetTuple(object.get(), kOriginal, flow.protocol, flow.original);
  if (flow.original_zone != 0) nfct_set_attr_u16(object.get(), ATTR_ZONE, flow.original_zone);
  nlmsghdr* message = Begin(IPCTNL_MSG_CT_DELETE, 0, FamilyNumber(flow.original));
  nfct_nlmsg_build(message, object.get());
  mnl_attr_put_u32(message, CTA_ID, htonl(flow.id));
  Finish(message);
}

void ConntrackRequests::Create(const Flow& flow) {
  const ObjectPtr object = NewObject();
  SetTuple(object.get(), kOriginal, flow.protocol, flow.original);
  SetTuple(object.get(), kReply, flow.protocol, flow.reply);
  if (flow.original_zone == flow.reply_zone) {
    if (flow.original_zone != 0) nfct_set_attr_u16(object.get(), ATTR_ZONE, flow.original_zone);
  } else {
    if (flow.original_zone != 0)
      nfct_set_attr_u16(object.get(), ATTR_ORIG_ZONE, flow.original_zone);
    nfct_set_attr_u16(object.get(), ATTR_REPL_ZONE, flow.reply_zone);
  }
  nfct_set_attr_u32(object.get(), ATTR_STATUS, flow.status);
  nfct_set_attr_u32(object.get(), ATTR_TIMEOUT, flow.timeout_seconds);
  if (flow.protocol == kTcp)
    nfct_set_attr_u8(object.get(), ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
  nlmsghdr* message =
      Begin(IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, FamilyNumber(flow.original));
  nfct_nlmsg_build(message, object.get());
  Finish(message);
}

}  // namespace podgate::nft
