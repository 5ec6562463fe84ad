#include "nft/model/canonical.h"

#include <algorithm>

#include "nft/model/overloaded.h"

namespace podgate::nft {
namespace {

std::size_t Padded(std::size_t bytes) { return (bytes + 3) / 4 * 4; }

// Whether `next`, encoded right after `match`, says all that `match` says.
bool Implies(const Match& next, const Match& match) {
  if (const auto* family = std::get_if<MatchFamily>(&match)) {
    return !std::holds_alternative<MatchFamily>(next) && FamilyOf(next) == family->family;
  }
  if (const auto* protocol = std::get_if<MatchProtocol>(&match)) {
    return std::holds_alternative<MatchPort>(next) && ProtocolOf(next) == protocol->protocol;
  }
  return false;
}

// The same for an action that looks a key up in a map.
bool Implies(const Action& next, const Match& match) {
  if (const auto* family = std::get_if<MatchFamily>(&match)) {
    const auto* vmap = std::get_if<VmapAddress>(&next);
    return vmap != nullptr && vmap->family == family->family;
  }
  if (const auto* protocol = std::get_if<MatchProtocol>(&match)) {
    const auto* vmap = std::get_if<VmapPort>(&next);
    return vmap != nullptr && vmap->protocol == protocol->protocol;
  }
  return false;
}

}  // namespace

std::size_t FieldBytes(Field field) {
  switch (field) {
    case Field::kIpv4Addr:
      return 4;
    case Field::kIpv6Addr:
      return 16;
    case Field::kInetProto:
      return 1;
    case Field::kInetService:
      return 2;
  }
  return 0;
}

std::size_t KeyBytes(const std::vector<Field>& fields) {
  if (fields.size() == 1) return FieldBytes(fields[0]);
  std::size_t bytes = 0;
  for (const Field field : fields) bytes += Padded(FieldBytes(field));
  return bytes;
}

const char* TypeName(Field field) {
  switch (field) {
    case Field::kIpv4Addr:
      return "ipv4_addr";
    case Field::kIpv6Addr:
      return "ipv6_addr";
    case Field::kInetProto:
      return "inet_proto";
    case Field::kInetService:
      return "inet_service";
  }
  return "";
}

std::string QuotableText(std::string_view text) {
  std::string quotable(text);
  for (char& c : quotable) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '"') c = '?';
  }
  return quotable;
}

std::optional<Family> FamilyOf(const Match& match) {
  return std::visit(
      Overloaded{[](const MatchFamily& m) { return std::optional(m.family); },
                 [](const MatchPrefix& m) { return std::optional(m.prefix.family()); },
                 [](const MatchAddressSet& m) { return std::optional(m.family); },
                 [](const MatchServiceSet& m) { return std::optional(m.family); },
                 [](const MatchNeighbourDiscovery&) { return std::optional(Family::kIPv6); },
                 [](const auto&) { return std::optional<Family>(); }},
      match);
}

std::optional<std::uint8_t> ProtocolOf(const Match& match) {
  return std::visit(
      Overloaded{[](const MatchProtocol& m) { return std::optional(m.protocol); },
                 [](const MatchPort& m) { return std::optional(m.protocol); },
                 [](const MatchNeighbourDiscovery&) { return std::optional(kIcmpv6); },
                 [](const auto&) { return std::optional<std::uint8_t>(); }},
      match);
}

Rule Canonical(const Rule& rule) {
  Rule canonical = rule;
  // From the back, so that of several such matches only the one that implies them all is left.
  std::vector<Match> matches;
  for (auto match = rule.matches.rbegin(); match != rule.matches.rend(); ++match) {
    const bool implied =
        matches.empty() ? rule.statements.empty() && rule.action && Implies(*rule.action, *match)
                        : Implies(matches.back(), *match);
    if (!implied) matches.push_back(*match);
  }
  std::reverse(matches.begin(), matches.end());
  canonical.matches = std::move(matches);
  for (Statement& statement : canonical.statements) {
    if (auto* log = std::get_if<LogGroup>(&statement)) log->prefix = QuotableText(log->prefix);
  }
  canonical.comment = QuotableText(rule.comment);
  return canonical;
}

bool SameRule(const Rule& a, const Rule& b) { return a == b || Canonical(a) == Canonical(b); }

bool SameRules(const std::vector<Rule>& a, const std::vector<Rule>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameRule);
}

}  // namespace podgate::nft
