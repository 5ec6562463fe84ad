#include "nft/codec/expression_cursor.h"

#include <linux/netfilter/nf_tables.h>

#include <cstring>

#include "nft/codec/decode.h"

namespace podgate::nft {
namespace {

std::string Data(const nftnl_expr* expression, std::uint16_t attribute) {
  std::uint32_t bytes = 0;
  const auto* data = static_cast<const char*>(nftnl_expr_get(expression, attribute, &bytes));
  return data == nullptr ? std::string() : std::string(data, bytes);
}

std::string Text(const nftnl_expr* expression, std::uint16_t attribute) {
  const char* text = nftnl_expr_get_str(expression, attribute);
  return text == nullptr ? std::string() : std::string(text);
}

// The attribute's value, or what its absence means.
std::uint32_t Number(const nftnl_expr* expression, std::uint16_t attribute,
                     std::uint32_t absent = 0) {
  return nftnl_expr_is_set(expression, attribute) ? nftnl_expr_get_u32(expression, attribute)
                                                  : absent;
}

}  // namespace

ExpressionCursor::ExpressionCursor(const nftnl_rule* rule) {
  nftnl_expr_iter* place = nftnl_expr_iter_create(rule);
  while (const nftnl_expr* expression = nftnl_expr_iter_next(place)) {
    expressions_.push_back(expression);
  }
  nftnl_expr_iter_destroy(place);
}

const nftnl_expr* ExpressionCursor::Next(const char* name) const {
  if (AtEnd()) return nullptr;
  const nftnl_expr* next = expressions_[at_];
  const char* next_name = nftnl_expr_get_str(next, NFTNL_EXPR_NAME);
  return next_name != nullptr && std::strcmp(next_name, name) == 0 ? next : nullptr;
}

bool ExpressionCursor::Is(const char* name) const { return Next(name) != nullptr; }

bool ExpressionCursor::LoadsFrom(std::uint32_t payload_base) const {
  const nftnl_expr* payload = Next("payload");
  return payload != nullptr && Number(payload, NFTNL_EXPR_PAYLOAD_BASE) == payload_base;
}

bool ExpressionCursor::TakeLoad(Load* load) {
  if (const nftnl_expr* meta = Next("meta")) {
    if (!nftnl_expr_is_set(meta, NFTNL_EXPR_META_DREG)) return false;
    const std::uint32_t key = Number(meta, NFTNL_EXPR_META_KEY);
    if (key != NFT_META_NFPROTO && key != NFT_META_L4PROTO && key != NFT_META_SKUID) return false;
    load->source = key == NFT_META_NFPROTO   ? Load::kFamily
                   : key == NFT_META_L4PROTO ? Load::kProtocol
                                             : Load::kUser;
    load->to = Number(meta, NFTNL_EXPR_META_DREG);
    ++at_;
    return true;
  }
  const nftnl_expr* payload = Next("payload");
  if (payload == nullptr || !nftnl_expr_is_set(payload, NFTNL_EXPR_PAYLOAD_DREG)) return false;
  load->source = Load::kPayload;
  load->base = Number(payload, NFTNL_EXPR_PAYLOAD_BASE);
  load->offset = Number(payload, NFTNL_EXPR_PAYLOAD_OFFSET);
  load->bytes = Number(payload, NFTNL_EXPR_PAYLOAD_LEN);
  load->to = Number(payload, NFTNL_EXPR_PAYLOAD_DREG);
  ++at_;
  return true;
}

bool ExpressionCursor::TakeCtState(std::uint32_t to) {
  const nftnl_expr* ct = Next("ct");
  if (ct == nullptr || Number(ct, NFTNL_EXPR_CT_KEY) != NFT_CT_STATE ||
      !nftnl_expr_is_set(ct, NFTNL_EXPR_CT_DREG) || Number(ct, NFTNL_EXPR_CT_DREG) != to) {
    return false;
  }
  ++at_;
  return true;
}

bool ExpressionCursor::TakeCompare(std::uint32_t op, std::string* data) {
  const nftnl_expr* cmp = Next("cmp");
  if (cmp == nullptr || Number(cmp, NFTNL_EXPR_CMP_OP) != op ||
      Number(cmp, NFTNL_EXPR_CMP_SREG) != NFT_REG_1) {
    return false;
  }
  *data = Data(cmp, NFTNL_EXPR_CMP_DATA);
  ++at_;
  return true;
}

bool ExpressionCursor::TakeRange(std::string* first, std::string* last) {
  if (const nftnl_expr* range = Next("range")) {  // newer nft programs
    if (Number(range, NFTNL_EXPR_RANGE_OP) != NFT_RANGE_EQ ||
        Number(range, NFTNL_EXPR_RANGE_SREG) != NFT_REG_1) {
      return false;
    }
    *first = Data(range, NFTNL_EXPR_RANGE_FROM_DATA);
    *last = Data(range, NFTNL_EXPR_RANGE_TO_DATA);
    ++at_;
    return true;
  }
  const Position start = at_;
  if (TakeCompare(NFT_CMP_GTE, first) && TakeCompare(NFT_CMP_LTE, last)) return true;
  at_ = start;
  return false;
}

bool ExpressionCursor::TakeMask(std::string* mask) {
  const nftnl_expr* bitwise = Next("bitwise");
  if (bitwise == nullptr || Number(bitwise, NFTNL_EXPR_BITWISE_SREG) != NFT_REG_1 ||
      Number(bitwise, NFTNL_EXPR_BITWISE_DREG) != NFT_REG_1 ||
      Number(bitwise, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL) {
    return false;
  }
  const std::string flip = Data(bitwise, NFTNL_EXPR_BITWISE_XOR);
  if (flip.find_first_not_of('\0') != std::string::npos) return false;
  *mask = Data(bitwise, NFTNL_EXPR_BITWISE_MASK);
  if (mask->size() != Number(bitwise, NFTNL_EXPR_BITWISE_LEN)) return false;
  ++at_;
  return true;
}

bool ExpressionCursor::TakeLookup(std::uint32_t from, bool verdict, std::string* set) {
  const nftnl_expr* lookup = Next("lookup");
  if (lookup == nullptr || Number(lookup, NFTNL_EXPR_LOOKUP_SREG) != from ||
      Number(lookup, NFTNL_EXPR_LOOKUP_FLAGS) != 0 ||
      nftnl_expr_is_set(lookup, NFTNL_EXPR_LOOKUP_DREG) != verdict) {
    return false;
  }
  if (verdict && Number(lookup, NFTNL_EXPR_LOOKUP_DREG) != NFT_REG_VERDICT) return false;
  *set = Text(lookup, NFTNL_EXPR_LOOKUP_SET);
  ++at_;
  return true;
}

bool ExpressionCursor::TakeCounter(std::string* name) {
  const nftnl_expr* reference = Next("objref");
  if (reference == nullptr || !nftnl_expr_is_set(reference, NFTNL_EXPR_OBJREF_IMM_NAME) ||
      Number(reference, NFTNL_EXPR_OBJREF_IMM_TYPE) != NFT_OBJECT_COUNTER) {
    return false;
  }
  *name = Text(reference, NFTNL_EXPR_OBJREF_IMM_NAME);
  ++at_;
  return true;
}

bool ExpressionCursor::TakeLimit(LimitRate* limit) {
  const nftnl_expr* next = Next("limit");
  if (next == nullptr || nftnl_expr_get_u64(next, NFTNL_EXPR_LIMIT_UNIT) != 1 ||
      nftnl_expr_get_u64(next, NFTNL_EXPR_LIMIT_RATE) > UINT32_MAX ||
      Number(next, NFTNL_EXPR_LIMIT_TYPE) != NFT_LIMIT_PKTS ||
      Number(next, NFTNL_EXPR_LIMIT_FLAGS) != 0) {
    return false;
  }
  limit->packets_per_second =
      static_cast<std::uint32_t>(nftnl_expr_get_u64(next, NFTNL_EXPR_LIMIT_RATE));
  limit->burst_packets = Number(next, NFTNL_EXPR_LIMIT_BURST);
  ++at_;
  return true;
}

bool ExpressionCursor::TakeLog(LogGroup* log) {
  const nftnl_expr* next = Next("log");
  if (next == nullptr || !nftnl_expr_is_set(next, NFTNL_EXPR_LOG_GROUP)) return false;
  if (nftnl_expr_is_set(next, NFTNL_EXPR_LOG_QTHRESHOLD) &&
      nftnl_expr_get_u16(next, NFTNL_EXPR_LOG_QTHRESHOLD) != 0) {
    return false;
  }
  log->group = nftnl_expr_get_u16(next, NFTNL_EXPR_LOG_GROUP);
  log->prefix = Text(next, NFTNL_EXPR_LOG_PREFIX);
  log->snaplen_bytes = Number(next, NFTNL_EXPR_LOG_SNAPLEN);
  ++at_;
  return true;
}

bool ExpressionCursor::TakeReject(bool reset) {
  const nftnl_expr* reject = Next("reject");
  if (reject == nullptr) return false;
  const std::uint32_t type = Number(reject, NFTNL_EXPR_REJECT_TYPE);
  if (type != (reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH)) return false;
  // The kernel gives a reset back without a code.
  if (!reset &&
      nftnl_expr_get_u8(reject, NFTNL_EXPR_REJECT_CODE) != NFT_REJECT_ICMPX_ADMIN_PROHIBITED)
    return false;
  ++at_;
  return true;
}

bool ExpressionCursor::TakeVerdict(Verdict* verdict) {
  const nftnl_expr* immediate = Next("immediate");
  if (immediate == nullptr || Number(immediate, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT ||
      !nftnl_expr_is_set(immediate, NFTNL_EXPR_IMM_VERDICT)) {
    return false;
  }
  const std::optional<Verdict> decoded =
      DecodeVerdict(Number(immediate, NFTNL_EXPR_IMM_VERDICT),
                    nftnl_expr_get_str(immediate, NFTNL_EXPR_IMM_CHAIN));
  if (!decoded) return false;
  *verdict = *decoded;
  ++at_;
  return true;
}

}  // namespace podgate::nft
