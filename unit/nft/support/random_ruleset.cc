#include "unit/nft/support/random_ruleset.h"

#include <algorithm>
#include <cstdlib>

namespace podgate::nft {
namespace {

// Chains only go to chains behind them in this row, so there are no loops; base chains are targets
// of none.
const char* const kBaseChains[] = {"forward", "host", "input.2"};
const char* const kChains[] = {"eg-10.244.1.5",      "in-10.244.1.5", "in6-fd00--1",
                               "in-class-web/allow", "egress-deny",   "ingress-deny"};
const char* const kSets[] = {"peers4-a", "peers6-b", "blocks4-c", "blocks6-d",
                             "nport4-e", "nport6-f", "ports-g",   "ingress4-isolated"};
const char* const kMaps[] = {"ingress", "egress4", "ingress6", "dispatch-h", "ports.map"};
const char* const kCounters[] = {"c-web/allow.0", "c-2", "denied"};

}  // namespace

std::uint32_t SeedOf(std::uint32_t fixed) {
  const char* wanted = std::getenv("PODGATE_SEED");
  return wanted == nullptr ? fixed : static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10));
}

ipset::Address RandomRuleset::MakeAddress(Family family) {
  // Few distinct values, the ends of the family among them.
  const std::uint32_t pick = Below(40);
  if (pick == 0) return ipset::Address::First(family);
  if (pick == 1) return ipset::Address::Last(family);
  if (family == Family::kIPv4)
    return ipset::Address::FromIPv4(0x0a000000u + Below(1u << Below(24)));
  std::array<std::uint8_t, 16> bytes{0xfd};
  bytes[15] = static_cast<std::uint8_t>(Below(256));
  bytes[7] = static_cast<std::uint8_t>(Below(3));
  return ipset::Address::FromIPv6(bytes);
}

Element RandomRuleset::MakeElement(const Set& set, const std::vector<std::string>& targets) {
  static constexpr std::uint8_t kProtocols[] = {kTcp, kUdp, kSctp, 250};
  Element element;
  std::size_t fields = 0;
  for (const Field field : set.key) {
    Key part;
    switch (field) {
      case Field::kIpv4Addr:
        part = AddressKey(MakeAddress(Family::kIPv4));
        break;
      case Field::kIpv6Addr:
        part = AddressKey(MakeAddress(Family::kIPv6));
        break;
      case Field::kInetProto:
        part = std::string(1, static_cast<char>(kProtocols[Below(4)]));
        break;
      case Field::kInetService:
        part = ServiceKey(static_cast<std::uint16_t>(OneIn(10) ? 65535 : Below(2000)));
        break;
    }
    if (set.key.size() > 1) part.resize((part.size() + 3) / 4 * 4, '\0');
    element.key += part;
    ++fields;
  }
  if (set.interval) {
    element.last = element.key;
    auto last = static_cast<std::uint8_t>(element.last.back());
    const std::uint32_t length = OneIn(3) ? 0xffu : Below(8);
    last = static_cast<std::uint8_t>(std::min(255u, last + length));
    element.last.back() = static_cast<char>(last);
    if (OneIn(20)) element.last = Key(element.key.size(), '\xff');
  }
  if (set.verdict_map) {
    element.verdict = Verdict{Verdict::Kind::kAccept, ""};
    if (!targets.empty() && !OneIn(4)) {
      element.verdict = Verdict{OneIn(2) ? Verdict::Kind::kGoto : Verdict::Kind::kJump,
                                targets[Below(static_cast<std::uint32_t>(targets.size()))]};
    } else if (OneIn(2)) {
      element.verdict->kind = OneIn(2) ? Verdict::Kind::kDrop : Verdict::Kind::kReturn;
    }
  }
  return element;
}

void RandomRuleset::FillElements(Set* set, const std::vector<std::string>& targets,
                                 std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const Element element = MakeElement(*set, targets);
    const bool meets =
        std::any_of(set->elements.begin(), set->elements.end(), [&](const Element& other) {
          if (!set->interval) return other.key == element.key;
          return element.key <= other.last && other.key <= element.last;
        });
    const bool full = set->size != 0 && set->elements.size() >= set->size;
    if (!meets && !full) set->elements.push_back(element);
  }
  std::sort(set->elements.begin(), set->elements.end());
}

Set RandomRuleset::MakeSet(const std::string& name) {
  static const std::vector<std::vector<Field>> kKeys = {
      {Field::kIpv4Addr},
      {Field::kIpv6Addr},
      {Field::kInetService},
      {Field::kInetProto},
      {Field::kInetProto, Field::kInetService},
      {Field::kIpv4Addr, Field::kInetProto, Field::kInetService},
      {Field::kIpv6Addr, Field::kInetProto, Field::kInetService}};
  Set set;
  set.name = name;
  set.key = kKeys[Below(static_cast<std::uint32_t>(kKeys.size()))];
  set.interval = set.key.size() == 1 && set.key[0] != Field::kInetProto && OneIn(3);
  if (!set.interval && OneIn(2)) set.size = 64u << Below(3);
  if (OneIn(3)) set.comment = OneIn(2) ? "pods app=web" : std::string(kMaxCommentBytes, 'x');
  set.guard = !set.interval && OneIn(4);
  return set;
}

Match RandomRuleset::MakeMatch(const Ruleset& ruleset, Family family, std::uint8_t protocol) {
  std::vector<std::string> addresses;
  std::vector<std::string> services;
  const Field address = family == Family::kIPv4 ? Field::kIpv4Addr : Field::kIpv6Addr;
  for (const auto& [name, set] : ruleset.sets) {
    if (set.verdict_map) continue;
    if (set.key == std::vector<Field>{address}) addresses.push_back(name);
    if (set.key == std::vector<Field>{address, Field::kInetProto, Field::kInetService}) {
      services.push_back(name);
    }
  }
  const Side side = OneIn(2) ? Side::kSource : Side::kDestination;
  const bool has_ports = protocol != kIcmpv6;
  switch (Below(8)) {
    case 0:
      if (OneIn(4)) return MatchLocalSocket{};
      return MatchCtState{true, OneIn(2)};
    case 1:
      return MatchFamily{family};
    case 2:
      return MatchProtocol{protocol};
    case 3:
      if (has_ports) {
        const auto first = static_cast<std::uint16_t>(Below(65536));
        const auto last =
            OneIn(2) ? first : static_cast<std::uint16_t>(first + Below(65536u - first));
        return MatchPort{protocol, first, last};
      }
      if (family == Family::kIPv6) return MatchNeighbourDiscovery{};
      break;
    case 4:
      if (!addresses.empty()) {
        return MatchAddressSet{side, family,
                               addresses[Below(static_cast<std::uint32_t>(addresses.size()))]};
      }
      break;
    case 5:
      if (!services.empty()) {
        return MatchServiceSet{family,
                               services[Below(static_cast<std::uint32_t>(services.size()))]};
      }
      break;
    default:
      break;
  }
  const int length = 1 + static_cast<int>(Below(static_cast<std::uint32_t>(ipset::BitsOf(family))));
  return MatchPrefix{side, ipset::Prefix(MakeAddress(family), length)};
}

Rule RandomRuleset::MakeRule(const Ruleset& ruleset, const std::vector<std::string>& targets) {
  static constexpr std::uint8_t kProtocols[] = {kTcp, kUdp, kSctp, kIcmpv6};
  const Family family = OneIn(2) ? Family::kIPv4 : Family::kIPv6;
  const std::uint8_t protocol = kProtocols[Below(family == Family::kIPv6 ? 4 : 3)];
  Rule rule;
  for (std::uint32_t i = Below(4); i > 0; --i) {
    rule.matches.push_back(MakeMatch(ruleset, family, protocol));
  }
  if (OneIn(3) && !ruleset.counters.empty()) {
    auto counter = ruleset.counters.begin();
    std::advance(counter, Below(static_cast<std::uint32_t>(ruleset.counters.size())));
    rule.statements.emplace_back(CountBy{*counter});
  }
  if (OneIn(6)) rule.statements.emplace_back(LimitRate{1 + Below(100), 1 + Below(20)});
  if (OneIn(6)) {
    rule.statements.emplace_back(LogGroup{static_cast<std::uint16_t>(Below(200)),
                                          OneIn(2) ? "" : "podgate in ", OneIn(2) ? 0 : 64u});
  }
  std::vector<Action> actions = {Reject{}, Verdict{Verdict::Kind::kAccept, ""},
                                 Verdict{Verdict::Kind::kDrop, ""},
                                 Verdict{Verdict::Kind::kReturn, ""}};
  for (const std::string& target : targets) {
    actions.emplace_back(Verdict{OneIn(2) ? Verdict::Kind::kGoto : Verdict::Kind::kJump, target});
  }
  const Field address = family == Family::kIPv4 ? Field::kIpv4Addr : Field::kIpv6Addr;
  for (const auto& [name, set] : ruleset.sets) {
    if (!set.verdict_map) continue;
    // A map may only be used where all its targets may.
    const bool reachable =
        std::all_of(set.elements.begin(), set.elements.end(), [&](const Element& element) {
          return element.verdict->chain.empty() ||
                 std::find(targets.begin(), targets.end(), element.verdict->chain) != targets.end();
        });
    if (!reachable) continue;
    const Side side = OneIn(2) ? Side::kSource : Side::kDestination;
    if (set.key == std::vector<Field>{address})
      actions.emplace_back(VmapAddress{side, family, name});
    if (set.key == std::vector<Field>{Field::kInetService} && protocol != kIcmpv6) {
      actions.emplace_back(VmapPort{protocol, name});
    }
    if (set.key == std::vector<Field>{Field::kInetProto, Field::kInetService}) {
      actions.emplace_back(VmapService{name});
    }
  }
  if (!OneIn(10)) rule.action = actions[Below(static_cast<std::uint32_t>(actions.size()))];
  if (OneIn(3)) rule.comment = OneIn(3) ? "ümlaut {x} ; # $y \\" : "policy web/allow";
  // nft has no rule without anything in it.
  if (rule.matches.empty() && rule.statements.empty() && !rule.action) rule.action = Reject{};
  return rule;
}

std::vector<std::string> RandomRuleset::TargetsOf(const Ruleset& ruleset,
                                                  const std::string& chain) const {
  const auto* from = std::find(std::begin(kChains), std::end(kChains), chain);
  from = from == std::end(kChains) ? std::begin(kChains) : from + 1;
  std::vector<std::string> targets;
  for (; from != std::end(kChains); ++from) {
    if (ruleset.chains.count(*from) != 0) targets.emplace_back(*from);
  }
  return targets;
}

void RandomRuleset::MakeRules(Ruleset* ruleset, Chain* chain) {
  const std::vector<std::string> targets = TargetsOf(*ruleset, chain->name);
  for (std::uint32_t i = Below(6); i > 0; --i) chain->rules.push_back(MakeRule(*ruleset, targets));
}

Ruleset RandomRuleset::Make() {
  Ruleset ruleset;
  ruleset.comment = "NetworkPolicy of this node";
  for (const char* counter : kCounters) {
    if (!OneIn(3)) ruleset.counters.insert(counter);
  }
  for (const char* name : kBaseChains) {
    if (OneIn(3)) continue;
    const Hook hook = kHooks.at(Below(kHooks.size()));
    ruleset.chains[name] = Chain{name, BaseHook{hook, static_cast<int>(Below(5)) * 60 - 125}, {}};
  }
  for (const char* name : kChains) {
    if (!OneIn(4)) ruleset.chains[name] = Chain{name, std::nullopt, {}};
  }
  for (const char* name : kSets) {
    if (OneIn(3)) continue;
    Set set = MakeSet(name);
    FillElements(&set, {}, Below(OneIn(5) ? 60 : 6));
    ruleset.sets[name] = std::move(set);
  }
  for (const char* name : kMaps) {
    if (OneIn(3)) continue;
    Set map = MakeSet(name);
    map.verdict_map = true;
    // Targets far back in the row, so that many chains may use the map.
    FillElements(&map, TargetsOf(ruleset, kChains[Below(4)]), Below(8));
    ruleset.sets[name] = std::move(map);
  }
  for (auto& [name, chain] : ruleset.chains) MakeRules(&ruleset, &chain);
  return ruleset;
}

// Takes out what refers to something that is not there, or no longer fits.
void RandomRuleset::DropDangling(Ruleset* ruleset) {
  const auto usable = [&](const std::string& chain) {
    const auto found = ruleset->chains.find(chain);
    return found != ruleset->chains.end() && !found->second.base;
  };
  for (auto& [name, set] : ruleset->sets) {
    std::erase_if(set.elements, [&](const Element& element) {
      return element.verdict && !element.verdict->chain.empty() && !usable(element.verdict->chain);
    });
  }
  for (auto& [name, chain] : ruleset->chains) {
    const std::vector<std::string> targets = TargetsOf(*ruleset, name);
    for (Rule& rule : chain.rules) {
      std::set<std::string> sets;
      std::set<std::string> chains;
      std::set<std::string> counters;
      CollectReferences(rule, &sets, &chains, &counters);
      const bool dangling = !std::all_of(counters.begin(), counters.end(),
                                         [&](const auto& counter) {
                                           return ruleset->counters.count(counter) != 0;
                                         }) ||
                            !std::all_of(chains.begin(), chains.end(), usable) || !sets.empty();
      if (dangling) rule = MakeRule(*ruleset, targets);
    }
  }
}

Ruleset RandomRuleset::Change(const Ruleset& from) {
  Ruleset changed = from;
  if (OneIn(30)) changed.comment = "another comment";
  const Ruleset other = Make();
  const auto some = [this] { return OneIn(4); };
  for (const auto& [name, chain] : other.chains) {
    if (some()) changed.chains[name] = Chain{name, chain.base, changed.chains[name].rules};
  }
  std::erase_if(changed.chains, [&](const auto& chain) { return some() && chain.second.base; });
  for (const std::string& counter : other.counters) {
    if (some()) changed.counters.insert(counter);
  }
  for (const auto& [name, set] : other.sets) {
    if (some()) changed.sets[name] = set;
  }
  for (auto& [name, set] : changed.sets) {
    if (some() && !set.elements.empty()) {
      set.elements.erase(set.elements.begin() +
                         Below(static_cast<std::uint32_t>(set.elements.size())));
    }
    const std::vector<std::string> targets = TargetsOf(changed, "in6-fd00--1");
    if (some()) FillElements(&set, targets, 2);
    if (OneIn(10) && set.verdict_map && !set.elements.empty()) {
      set.elements[0].verdict = Verdict{Verdict::Kind::kAccept, ""};
    }
  }
  DropDangling(&changed);
  for (auto& [name, chain] : changed.chains) {
    const std::vector<std::string> targets = TargetsOf(changed, name);
    if (some()) chain.rules.push_back(MakeRule(changed, targets));
    if (OneIn(6) && !chain.rules.empty()) chain.rules.erase(chain.rules.begin());
  }
  return changed;
}

}  // namespace podgate::nft
