// Rules as nft text, in the words and the order that `nft list` uses.
#include <fmt/format.h>

#include <cstdlib>

#include "nft/model/canonical.h"
#include "nft/text/print.h"
#include "nft/text/print_parts.h"

namespace podgate::nft {
namespace {

// nft leaves a burst of this many packets out.
constexpr std::uint32_t kDefaultBurstPackets = 5;

const char* FamilyWord(Family family) { return family == Family::kIPv4 ? "ip" : "ip6"; }
const char* SideWord(Side side) { return side == Side::kSource ? "saddr" : "daddr"; }

std::string PrefixText(const ipset::Prefix& prefix) {
  const bool whole_address = prefix.length() == ipset::BitsOf(prefix.family());
  return whole_address ? prefix.first().ToString() : prefix.ToString();
}

std::string Text(const MatchCtState& m) {
  return fmt::format("ct state {}{}{}", m.established ? "established" : "",
                     m.established && m.related ? "," : "", m.related ? "related" : "");
}
std::string Text(const MatchFamily& m) {
  return m.family == Family::kIPv4 ? "meta nfproto ipv4" : "meta nfproto ipv6";
}
std::string Text(const MatchProtocol& m) { return "meta l4proto " + PrintProtocol(m.protocol); }
std::string Text(const MatchPort& m) {
  std::string text = fmt::format("{} dport {}", PrintProtocol(m.protocol), m.first);
  if (m.last != m.first) text += fmt::format("-{}", m.last);
  return text;
}
std::string Text(const MatchPrefix& m) {
  return fmt::format("{} {} {}", FamilyWord(m.prefix.family()), SideWord(m.side),
                     PrefixText(m.prefix));
}
std::string Text(const MatchAddressSet& m) {
  return fmt::format("{} {} @{}", FamilyWord(m.family), SideWord(m.side), m.set);
}
std::string Text(const MatchServiceSet& m) {
  return fmt::format("{} daddr . meta l4proto . th dport @{}", FamilyWord(m.family), m.set);
}
std::string Text(const MatchNeighbourDiscovery&) { return "ip6 hoplimit 255 icmpv6 type 133-137"; }
std::string Text(const MatchLocalSocket&) { return "meta skuid != 4294967295"; }

std::string Hex(const std::string& bytes) {
  std::string text = "0x";
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return text;
}
std::string Text(const MatchBytes& m) {
  static constexpr const char* kHeaders[] = {"ll", "nh", "th"};
  std::string text =
      fmt::format("@{},{},{} {}{}", kHeaders[static_cast<std::size_t>(m.header)], m.offset * 8,
                  m.first.size() * 8, m.negated ? "!= " : "", Hex(m.first));
  if (!m.last.empty()) text += '-' + Hex(m.last);
  return text;
}

std::string Text(const CountBy& s) { return fmt::format("counter name \"{}\"", s.counter); }
std::string Text(const LimitRate& s) {
  std::string text = fmt::format("limit rate {}/second", s.packets_per_second);
  if (s.burst_packets != kDefaultBurstPackets) {
    text += fmt::format(" burst {} packets", s.burst_packets);
  }
  return text;
}
std::string Text(const LogGroup& s) {
  std::string text = "log ";
  if (!s.prefix.empty()) text += fmt::format("prefix \"{}\" ", QuotableText(s.prefix));
  text += fmt::format("group {}", s.group);
  if (s.snaplen_bytes != 0) text += fmt::format(" snaplen {}", s.snaplen_bytes);
  return text;
}

std::string Text(const Verdict& a) { return Print(a); }
std::string Text(const VmapAddress& a) {
  return fmt::format("{} {} vmap @{}", FamilyWord(a.family), SideWord(a.side), a.map);
}
std::string Text(const VmapService& a) {
  return fmt::format("meta l4proto . th dport vmap @{}", a.map);
}
std::string Text(const VmapPort& a) {
  return fmt::format("{} dport vmap @{}", PrintProtocol(a.protocol), a.map);
}

// TCP is answered by a reset where the rule is about TCP alone.
std::string RejectText(const Rule& rule) {
  std::optional<std::uint8_t> protocol;
  for (const Match& match : rule.matches)
    if (const auto fixed = ProtocolOf(match)) protocol = fixed;
  return protocol == kTcp ? "reject with tcp reset" : "reject with icmpx admin-prohibited";
}

// A base chain's priority as nft names it: by the well-known one that is at most 10 away.
std::string PriorityText(int priority) {
  struct WellKnown {
    int value;
    const char* name;
  };
  static constexpr WellKnown kWellKnown[] = {
      {-300, "raw"}, {-150, "mangle"}, {0, "filter"}, {50, "security"}};
  for (const WellKnown& known : kWellKnown) {
    const long long offset = static_cast<long long>(priority) - known.value;
    if (offset == 0) return known.name;
    if (offset >= -10 && offset <= 10) {
      return fmt::format("{} {} {}", known.name, offset < 0 ? '-' : '+', std::llabs(offset));
    }
  }
  return fmt::to_string(priority);
}

}  // namespace

std::string Print(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::kAccept:
      return "accept";
    case Verdict::Kind::kDrop:
      return "drop";
    case Verdict::Kind::kReturn:
      return "return";
    case Verdict::Kind::kJump:
      return "jump " + verdict.chain;
    case Verdict::Kind::kGoto:
      return "goto " + verdict.chain;
  }
  return "";
}

std::string PrintBase(const BaseHook& base) {
  const std::string device =
      base.device.empty() ? std::string() : fmt::format("device \"{}\" ", base.device);
  return fmt::format("type filter hook {} {}priority {}; policy accept;", HookName(base.hook),
                     device, PriorityText(base.priority));
}

std::string Print(const Rule& rule) {
  if (!rule.foreign.empty()) return "# not one of Podgate's forms: " + QuotableText(rule.foreign);
  std::string text;
  const auto append = [&text](const std::string& part) {
    if (!text.empty()) text += ' ';
    text += part;
  };
  const auto append_text = [&append](const auto& part) { append(Text(part)); };
  // As nft lists it back: without the matches that the ones after them hold as well.
  const Rule canonical = Canonical(rule);
  for (const Match& match : canonical.matches) std::visit(append_text, match);
  for (const Statement& statement : canonical.statements) std::visit(append_text, statement);
  const auto append_action = [&](const auto& action) {
    if constexpr (std::is_same_v<decltype(action), const Reject&>) {
      append(RejectText(canonical));
    } else {
      append(Text(action));
    }
  };
  if (canonical.action) std::visit(append_action, *canonical.action);
  if (!canonical.comment.empty()) append(fmt::format("comment \"{}\"", canonical.comment));
  return text;
}

}  // namespace podgate::nft
