// Rules as the expressions that nft 1.0.6 makes of the same text: which matches need a family or
// protocol match before them, how much of an address is loaded, which registers hold a
// concatenation.
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>

#include "nft/codec/encode.h"
#include "nft/codec/netlink_handles.h"
#include "nft/codec/packet_layout.h"
#include "nft/model/canonical.h"

namespace podgate::nft {
namespace {

class RuleEncoder {
 public:
  explicit RuleEncoder(nftnl_rule* rule) : rule_(rule) {}

  void operator()(const MatchCtState& m) {
    const std::uint32_t mask =
        (m.established ? kCtEstablished : 0u) | (m.related ? kCtRelated : 0u);
    nftnl_expr* ct = Add("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
    Mask(&mask, sizeof mask);
    const std::uint32_t none = 0;
    Compare(NFT_CMP_NEQ, &none, sizeof none);
  }
  void operator()(const MatchFamily& m) { CompareFamily(m.family); }
  void operator()(const MatchProtocol& m) { CompareProtocol(m.protocol); }
  void operator()(const MatchPort& m) {
    NeedProtocol(m.protocol);
    Payload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPortOffset, kPortBytes, NFT_REG_1);
    const std::uint16_t first = htons(m.first);
    const std::uint16_t last = htons(m.last);
    if (first == last) {
      Compare(NFT_CMP_EQ, &first, sizeof first);
    } else {
      Compare(NFT_CMP_GTE, &first, sizeof first);
      Compare(NFT_CMP_LTE, &last, sizeof last);
    }
  }
  void operator()(const MatchPrefix& m) {
    const Family family = m.prefix.family();
    const auto bits = static_cast<std::uint32_t>(m.prefix.length());
    const ipset::Address first = m.prefix.first();
    NeedFamily(family);
    if (bits % 8 == 0 && bits != 0) {  // whole bytes: only those are loaded
      LoadAddress(m.side, family, bits / 8);
      Compare(NFT_CMP_EQ, first.bytes().data(), bits / 8);
      return;
    }
    const std::uint32_t bytes = AddressBytes(family);
    std::array<std::uint8_t, 16> mask{};
    std::fill_n(mask.begin(), bits / 8, std::uint8_t{0xff});
    if (bits % 8 != 0) mask[bits / 8] = static_cast<std::uint8_t>(0xff00u >> (bits % 8));
    LoadAddress(m.side, family, bytes);
    Mask(mask.data(), bytes);
    Compare(NFT_CMP_EQ, first.bytes().data(), bytes);
  }
  void operator()(const MatchAddressSet& m) {
    NeedFamily(m.family);
    LoadAddress(m.side, m.family, AddressBytes(m.family));
    Lookup(m.set);
  }
  void operator()(const MatchServiceSet& m) {
    NeedFamily(m.family);
    LoadAddress(Side::kDestination, m.family, AddressBytes(m.family));
    LoadService(AddressBytes(m.family) / 4);
    Lookup(m.set);
  }
  void operator()(const MatchNeighbourDiscovery&) {
    NeedFamily(Family::kIPv6);
    Payload(NFT_PAYLOAD_NETWORK_HEADER, kHopLimitOffset, 1, NFT_REG_1);
    Compare(NFT_CMP_EQ, &kOnLinkHopLimit, 1);
    NeedProtocol(kIcmpv6);
    Payload(NFT_PAYLOAD_TRANSPORT_HEADER, kIcmpTypeOffset, 1, NFT_REG_1);
    Compare(NFT_CMP_GTE, &kFirstNeighbourType, 1);
    Compare(NFT_CMP_LTE, &kLastNeighbourType, 1);
  }

  void operator()(const MatchLocalSocket&) {
    Meta(NFT_META_SKUID, NFT_REG_1);
    Compare(NFT_CMP_NEQ, &kNoUser, sizeof kNoUser);
  }

  void operator()(const MatchBytes& m) {
    const auto bytes = static_cast<std::uint32_t>(m.first.size());
    Payload(HeaderNumber(m.header), m.offset, bytes, NFT_REG_1);
    if (m.last.empty()) {
      Compare(m.negated ? NFT_CMP_NEQ : NFT_CMP_EQ, m.first.data(), bytes);
    } else {
      Compare(NFT_CMP_GTE, m.first.data(), bytes);
      Compare(NFT_CMP_LTE, m.last.data(), bytes);
    }
  }

  void operator()(const CountBy& s) {
    nftnl_expr* reference = Add("objref");
    nftnl_expr_set_u32(reference, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
    nftnl_expr_set_str(reference, NFTNL_EXPR_OBJREF_IMM_NAME, s.counter.c_str());
  }
  void operator()(const LimitRate& s) {
    nftnl_expr* limit = Add("limit");
    nftnl_expr_set_u64(limit, NFTNL_EXPR_LIMIT_RATE, s.packets_per_second);
    nftnl_expr_set_u64(limit, NFTNL_EXPR_LIMIT_UNIT, 1);  // second
    nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_BURST, s.burst_packets);
    nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
    nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_FLAGS, 0);
  }
  void operator()(const LogGroup& s) {
    nftnl_expr* log = Add("log");
    if (!s.prefix.empty()) {
      nftnl_expr_set_str(log, NFTNL_EXPR_LOG_PREFIX, s.prefix.c_str());
    }
    nftnl_expr_set_u16(log, NFTNL_EXPR_LOG_GROUP, s.group);
    if (s.snaplen_bytes != 0) nftnl_expr_set_u32(log, NFTNL_EXPR_LOG_SNAPLEN, s.snaplen_bytes);
  }

  void operator()(const Verdict& a) {
    nftnl_expr* immediate = Add("immediate");
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, VerdictCode(a.kind));
    if (!a.chain.empty()) nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, a.chain.c_str());
  }
  void operator()(const Reject&) {
    nftnl_expr* reject = Add("reject");
    const bool reset = protocol_ == kTcp;
    nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE,
                       reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
    nftnl_expr_set_u8(reject, NFTNL_EXPR_REJECT_CODE,
                      reset ? 0 : NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
  }
  void operator()(const VmapAddress& a) {
    NeedFamily(a.family);
    LoadAddress(a.side, a.family, AddressBytes(a.family));
    LookupVerdict(a.map);
  }
  void operator()(const VmapService& a) {
    LoadService(0);
    LookupVerdict(a.map);
  }
  void operator()(const VmapPort& a) {
    NeedProtocol(a.protocol);
    Payload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPortOffset, kPortBytes, NFT_REG_1);
    LookupVerdict(a.map);
  }

 private:
  nftnl_expr* Add(const char* name) {
    nftnl_expr* expression = nftnl_expr_alloc(name);
    nftnl_rule_add_expr(rule_, expression);
    return expression;
  }
  void Meta(std::uint32_t key, std::uint32_t to) {
    nftnl_expr* meta = Add("meta");
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, to);
  }
  void Payload(std::uint32_t base, std::uint32_t offset, std::uint32_t bytes, std::uint32_t to) {
    nftnl_expr* payload = Add("payload");
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, bytes);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, to);
  }
  void Compare(std::uint32_t op, const void* data, std::uint32_t bytes) {
    nftnl_expr* cmp = Add("cmp");
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, op);
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, data, bytes);
  }
  void Mask(const void* mask, std::uint32_t bytes) {
    const std::array<std::uint8_t, 16> zero{};
    nftnl_expr* bitwise = Add("bitwise");
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, bytes);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, mask, bytes);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, zero.data(), bytes);
  }
  nftnl_expr* Lookup(const std::string& set) {
    nftnl_expr* lookup = Add("lookup");
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, set.c_str());
    return lookup;
  }
  void LookupVerdict(const std::string& map) {
    nftnl_expr_set_u32(Lookup(map), NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
  }
  void LoadAddress(Side side, Family family, std::uint32_t bytes) {
    Payload(NFT_PAYLOAD_NETWORK_HEADER, AddressOffset(side, family), bytes, NFT_REG_1);
  }
  // Protocol and destination port as the words `word` and `word + 1` of a concatenation.
  void LoadService(std::uint32_t word) {
    Meta(NFT_META_L4PROTO, RegisterOfWord(word));
    Payload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPortOffset, kPortBytes,
            RegisterOfWord(word + 1));
  }
  void CompareFamily(Family family) {
    Meta(NFT_META_NFPROTO, NFT_REG_1);
    const std::uint8_t number = family == Family::kIPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    Compare(NFT_CMP_EQ, &number, sizeof number);
    family_ = static_cast<int>(family);
  }
  void CompareProtocol(std::uint8_t protocol) {
    Meta(NFT_META_L4PROTO, NFT_REG_1);
    Compare(NFT_CMP_EQ, &protocol, sizeof protocol);
    protocol_ = protocol;
  }
  void NeedFamily(Family family) {
    if (family_ != static_cast<int>(family)) CompareFamily(family);
  }
  void NeedProtocol(std::uint8_t protocol) {
    if (protocol_ != protocol) CompareProtocol(protocol);
  }

  nftnl_rule* rule_;
  static constexpr int kUnknown = -1;
  // What the matches so far have made sure of: a Family, a protocol number.
  int family_ = kUnknown;
  int protocol_ = kUnknown;
};

void EncodeComment(const std::string& comment, nftnl_rule* out) {
  UserdataPtr userdata(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  nftnl_udata_put_strz(userdata.get(), NFTNL_UDATA_RULE_COMMENT, comment.c_str());
  nftnl_rule_set_data(out, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(userdata.get()),
                      nftnl_udata_buf_len(userdata.get()));
}

}  // namespace

std::uint32_t VerdictCode(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::kAccept:
      return NF_ACCEPT;
    case Verdict::Kind::kDrop:
      return NF_DROP;
    case Verdict::Kind::kReturn:
      return static_cast<std::uint32_t>(NFT_RETURN);
    case Verdict::Kind::kJump:
      return static_cast<std::uint32_t>(NFT_JUMP);
    case Verdict::Kind::kGoto:
      return static_cast<std::uint32_t>(NFT_GOTO);
  }
  return NF_DROP;
}

void EncodeRule(const Rule& as_given, nftnl_rule* out) {
  const Rule rule = Canonical(as_given);  // the printed text says no more than that either
  RuleEncoder encoder(out);
  for (const Match& match : rule.matches) std::visit(encoder, match);
  for (const Statement& statement : rule.statements) std::visit(encoder, statement);
  if (rule.action) std::visit(encoder, *rule.action);
  if (!rule.comment.empty()) EncodeComment(rule.comment, out);
}

}  // namespace podgate::nft
