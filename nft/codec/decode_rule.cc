// Rules from their expressions: the inverse of encode_rule.cc, by recognising one form after the
// other. A rule with anything left over is foreign as a whole.
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "nft/codec/decode.h"
#include "nft/codec/expression_cursor.h"
#include "nft/codec/packet_layout.h"
#include "nft/codec/userdata.h"

namespace podgate::nft {
namespace {

class RuleDecoder {
 public:
  explicit RuleDecoder(const nftnl_rule* rule) : cursor_(rule) {}

  // False: not one of our forms.
  bool Decode(Rule* rule) {
    while (!cursor_.AtEnd() && !rule->action) {
      const ExpressionCursor::Position start = cursor_.position();
      if (!DecodeMatch(rule)) {
        cursor_.Seek(start);
        if (!DecodeStatement(rule) && !DecodeAction(rule)) return false;
      }
    }
    return cursor_.AtEnd();
  }

 private:
  static constexpr int kUnknown = -1;

  bool DecodeMatch(Rule* rule) {
    if (!rule->statements.empty()) return false;  // ours have all matches first
    if (cursor_.Is("ct")) return DecodeCtState(rule);
    if (cursor_.Is("payload")) return DecodePayload(rule);
    if (!cursor_.Is("meta")) return false;
    Load load;
    if (!cursor_.TakeLoad(&load)) return false;
    if (load.source == Load::kProtocol && cursor_.Is("payload")) {
      return DecodeServiceMap(load, rule);
    }
    if (load.source == Load::kUser) return DecodeLocalSocket(load, rule);
    if (load.to != NFT_REG_1 || !cursor_.TakeCompare(NFT_CMP_EQ, &data_) || data_.size() != 1) {
      return false;
    }
    const auto number = static_cast<std::uint8_t>(data_[0]);
    // nft makes a family or protocol match by itself before what needs it: then it is part of that.
    if (load.source == Load::kFamily) {
      if (number != NFPROTO_IPV4 && number != NFPROTO_IPV6) return false;
      const Family family = number == NFPROTO_IPV4 ? Family::kIPv4 : Family::kIPv6;
      family_ = static_cast<int>(family);
      if (!cursor_.LoadsFrom(NFT_PAYLOAD_NETWORK_HEADER)) {
        rule->matches.push_back(MatchFamily{family});
      }
      return true;
    }
    protocol_ = number;
    if (!cursor_.LoadsFrom(NFT_PAYLOAD_TRANSPORT_HEADER)) {
      rule->matches.push_back(MatchProtocol{number});
    }
    return true;
  }

  bool DecodeCtState(Rule* rule) {
    std::uint32_t mask = 0;
    if (!cursor_.TakeCtState(NFT_REG_1) || !cursor_.TakeMask(&data_)) return false;
    if (data_.size() != sizeof mask) return false;
    std::memcpy(&mask, data_.data(), sizeof mask);
    if (!cursor_.TakeCompare(NFT_CMP_NEQ, &data_) || data_ != std::string(sizeof mask, '\0')) {
      return false;
    }
    if (mask == 0 || (mask & ~(kCtEstablished | kCtRelated)) != 0) return false;
    rule->matches.push_back(MatchCtState{(mask & kCtEstablished) != 0, (mask & kCtRelated) != 0});
    return true;
  }

  bool DecodeLocalSocket(const Load& user, Rule* rule) {
    if (user.to != NFT_REG_1 || !cursor_.TakeCompare(NFT_CMP_NEQ, &data_) ||
        data_ != std::string(sizeof kNoUser, '\xff')) {
      return false;
    }
    rule->matches.push_back(MatchLocalSocket{});
    return true;
  }

  bool DecodePayload(Rule* rule) {
    Load load;
    if (!cursor_.TakeLoad(&load) || load.to != NFT_REG_1) return false;
    // What stands behind a match of a family or a protocol is one of the forms that need it.
    const bool transport = load.base == NFT_PAYLOAD_TRANSPORT_HEADER;
    if (load.base == NFT_PAYLOAD_LL_HEADER || (transport ? protocol_ : family_) == kUnknown)
      return DecodeBytes(load, rule);
    if (transport) return DecodePort(load, rule);
    if (load.base != NFT_PAYLOAD_NETWORK_HEADER) return false;
    const auto family = static_cast<Family>(family_);
    if (family == Family::kIPv6 && load.offset == kHopLimitOffset) {
      return DecodeNeighbourDiscovery(load, rule);
    }
    for (const Side side : {Side::kSource, Side::kDestination}) {
      if (load.offset == AddressOffset(side, family))
        return DecodeAddress(load, side, family, rule);
    }
    return false;
  }

  bool DecodeBytes(const Load& load, Rule* rule) {
    constexpr std::array kHeaders{MatchBytes::Header::kLink, MatchBytes::Header::kNetwork,
                                  MatchBytes::Header::kTransport};
    const auto* const header =
        std::find_if(kHeaders.begin(), kHeaders.end(),
                     [&](MatchBytes::Header one) { return HeaderNumber(one) == load.base; });
    if (header == kHeaders.end() || load.offset > UINT8_MAX) return false;
    MatchBytes match{.header = *header, .offset = static_cast<std::uint8_t>(load.offset)};
    if (!cursor_.TakeCompare(NFT_CMP_EQ, &match.first)) {
      match.negated = cursor_.TakeCompare(NFT_CMP_NEQ, &match.first);
      if (!match.negated && !cursor_.TakeRange(&match.first, &match.last)) return false;
    }
    if (match.first.size() != load.bytes ||
        (!match.last.empty() && match.last.size() != load.bytes)) {
      return false;
    }
    rule->matches.push_back(std::move(match));
    return true;
  }

  bool DecodePort(const Load& load, Rule* rule) {
    if (load.offset != kDestinationPortOffset || load.bytes != kPortBytes) return false;
    if (protocol_ != kTcp && protocol_ != kUdp && protocol_ != kSctp) return false;
    const auto protocol = static_cast<std::uint8_t>(protocol_);
    std::string map;
    if (cursor_.TakeLookup(NFT_REG_1, true, &map)) {
      rule->action = VmapPort{protocol, map};
      return true;
    }
    std::string first;
    std::string last;
    if (cursor_.TakeCompare(NFT_CMP_EQ, &first)) {
      last = first;
    } else if (!cursor_.TakeRange(&first, &last)) {
      return false;
    }
    if (first.size() != kPortBytes || last.size() != kPortBytes) return false;
    rule->matches.push_back(MatchPort{protocol, HostOrder(first), HostOrder(last)});
    return true;
  }

  bool DecodeAddress(const Load& load, Side side, Family family, Rule* rule) {
    const std::uint32_t bytes = AddressBytes(family);
    if (load.bytes > bytes) return false;
    if (load.bytes == bytes) {
      std::string name;
      if (cursor_.TakeLookup(NFT_REG_1, false, &name)) {
        rule->matches.push_back(MatchAddressSet{side, family, name});
        return true;
      }
      if (cursor_.TakeLookup(NFT_REG_1, true, &name)) {
        rule->action = VmapAddress{side, family, name};
        return true;
      }
      if (side == Side::kDestination && cursor_.Is("meta")) return DecodeServiceSet(family, rule);
    }
    std::string mask(load.bytes, '\xff');
    if (cursor_.Is("bitwise") && (load.bytes != bytes || !cursor_.TakeMask(&mask))) return false;
    if (!cursor_.TakeCompare(NFT_CMP_EQ, &data_) || data_.size() != load.bytes) return false;
    const std::optional<int> length = PrefixLength(mask);
    if (!length) return false;
    std::array<std::uint8_t, 16> address{};
    std::copy(data_.begin(), data_.end(), address.begin());
    const auto parsed = ipset::Address::FromBytes(family, {address.data(), bytes});
    if (!parsed) return false;
    const ipset::Prefix prefix(*parsed, *length);
    if (prefix.first() != *parsed) return false;  // bits beyond the mask: matches nothing
    rule->matches.push_back(MatchPrefix{side, prefix});
    return true;
  }

  bool DecodeServiceSet(Family family, Rule* rule) {
    const std::uint32_t word = AddressBytes(family) / 4;
    std::string name;
    if (!TakeService(word) || !cursor_.TakeLookup(NFT_REG_1, false, &name)) return false;
    rule->matches.push_back(MatchServiceSet{family, name});
    return true;
  }

  bool DecodeServiceMap(const Load& protocol, Rule* rule) {
    std::string name;
    if (protocol.to != RegisterOfWord(0) || !TakeServicePort(1)) return false;
    if (!cursor_.TakeLookup(NFT_REG_1, true, &name)) return false;
    rule->action = VmapService{name};
    return true;
  }

  bool DecodeNeighbourDiscovery(const Load& hop_limit, Rule* rule) {
    const auto equals = [](const std::string& data, std::uint8_t byte) {
      return data.size() == 1 && static_cast<std::uint8_t>(data[0]) == byte;
    };
    if (hop_limit.bytes != 1 || !cursor_.TakeCompare(NFT_CMP_EQ, &data_) ||
        !equals(data_, kOnLinkHopLimit)) {
      return false;
    }
    Load load;
    if (cursor_.Is("meta")) {
      if (!cursor_.TakeLoad(&load) || load.source != Load::kProtocol || load.to != NFT_REG_1 ||
          !cursor_.TakeCompare(NFT_CMP_EQ, &data_) || !equals(data_, kIcmpv6)) {
        return false;
      }
      protocol_ = kIcmpv6;
    }
    std::string first;
    std::string last;
    if (protocol_ != kIcmpv6 || !cursor_.TakeLoad(&load) || load.source != Load::kPayload ||
        load.base != NFT_PAYLOAD_TRANSPORT_HEADER || load.offset != kIcmpTypeOffset ||
        load.bytes != 1 || load.to != NFT_REG_1 || !cursor_.TakeRange(&first, &last) ||
        !equals(first, kFirstNeighbourType) || !equals(last, kLastNeighbourType)) {
      return false;
    }
    rule->matches.push_back(MatchNeighbourDiscovery{});
    return true;
  }

  bool DecodeStatement(Rule* rule) {
    CountBy count;
    LimitRate limit;
    LogGroup log;
    if (cursor_.TakeCounter(&count.counter)) {
      rule->statements.emplace_back(count);
    } else if (cursor_.TakeLimit(&limit)) {
      rule->statements.emplace_back(limit);
    } else if (cursor_.TakeLog(&log)) {
      rule->statements.emplace_back(log);
    } else {
      return false;
    }
    return true;
  }

  bool DecodeAction(Rule* rule) {
    if (cursor_.TakeReject(protocol_ == kTcp)) {
      rule->action = Reject{};
      return true;
    }
    Verdict verdict;
    if (cursor_.TakeVerdict(&verdict)) {
      rule->action = verdict;
      return true;
    }
    // A look-up of verdicts behind statements; its family and protocol matches come last as well.
    Rule tail;
    const bool decoded = DecodeVmapTail(&tail);
    if (decoded) rule->action = tail.action;
    return decoded && tail.matches.empty();
  }

  bool DecodeVmapTail(Rule* tail) {
    while (!tail->action && !cursor_.AtEnd()) {
      if (!DecodeMatch(tail) || !tail->matches.empty()) return false;
    }
    return tail->action.has_value();
  }

  bool TakeService(std::uint32_t word) {
    Load load;
    return cursor_.TakeLoad(&load) && load.source == Load::kProtocol &&
           load.to == RegisterOfWord(word) && TakeServicePort(word + 1);
  }
  bool TakeServicePort(std::uint32_t word) {
    Load load;
    return cursor_.TakeLoad(&load) && load.source == Load::kPayload &&
           load.base == NFT_PAYLOAD_TRANSPORT_HEADER && load.offset == kDestinationPortOffset &&
           load.bytes == kPortBytes && load.to == RegisterOfWord(word);
  }

  static std::uint16_t HostOrder(const std::string& bytes) {
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[0]) << 8 |
                                      static_cast<std::uint8_t>(bytes[1]));
  }

  // nullopt when the mask has a one behind a zero.
  static std::optional<int> PrefixLength(const std::string& mask) {
    int length = 0;
    bool ended = false;
    for (const char byte : mask) {
      for (int bit = 7; bit >= 0; --bit) {
        const bool one = (static_cast<std::uint8_t>(byte) >> bit & 1) != 0;
        if (one && ended) return std::nullopt;
        ended = !one;
        length += one ? 1 : 0;
      }
    }
    return length;
  }

  ExpressionCursor cursor_;
  int family_ = kUnknown;  // what the matches so far have made sure of, as in the encoder
  int protocol_ = kUnknown;
  std::string data_;
};

std::string Describe(const nftnl_rule* rule) {
  char text[1024] = "";
  nftnl_rule_snprintf(text, sizeof text, rule, NFTNL_OUTPUT_DEFAULT, 0);
  std::string description(text);
  std::replace(description.begin(), description.end(), '\n', ' ');
  return description;
}

}  // namespace

std::optional<Verdict> DecodeVerdict(std::uint32_t code, const char* chain) {
  const std::string target = chain == nullptr ? "" : chain;
  switch (static_cast<int>(code)) {
    case NF_ACCEPT:
      return Verdict{Verdict::Kind::kAccept, ""};
    case NF_DROP:
      return Verdict{Verdict::Kind::kDrop, ""};
    case NFT_RETURN:
      return Verdict{Verdict::Kind::kReturn, ""};
    case NFT_JUMP:
      return Verdict{Verdict::Kind::kJump, target};
    case NFT_GOTO:
      return Verdict{Verdict::Kind::kGoto, target};
    default:
      return std::nullopt;
  }
}

Rule DecodeRule(const nftnl_rule* rule) {
  Rule decoded;
  std::uint32_t bytes = 0;
  const void* userdata = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &bytes);
  const std::string comment = UserdataText(userdata, bytes, NFTNL_UDATA_RULE_COMMENT);
  const bool compatible = nftnl_rule_is_set(rule, NFTNL_RULE_COMPAT_PROTO);
  if (compatible || !RuleDecoder(rule).Decode(&decoded)) {
    decoded = Rule{};
    decoded.foreign = Describe(rule);
  }
  decoded.comment = comment;
  return decoded;
}

}  // namespace podgate::nft
