#include "nft/conntrack/flow_scope.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace podgate::nft {
namespace {

std::optional<ipset::Address> AddressIn(const Set& set, const Element& element) {
  if (set.key.empty() || set.interval) return std::nullopt;
  if (set.key[0] != Field::kIpv4Addr && set.key[0] != Field::kIpv6Addr) return std::nullopt;
  const bool v4 = set.key[0] == Field::kIpv4Addr;
  const std::size_t bytes = v4 ? 4 : 16;
  if (element.key.size() < bytes) return std::nullopt;
  const auto* first = reinterpret_cast<const std::uint8_t*>(element.key.data());
  return ipset::Address::FromBytes(v4 ? Family::kIPv4 : Family::kIPv6, std::span(first, bytes));
}

bool IsAddressMap(const Set& set) {
  return set.verdict_map && set.key.size() == 1 && !set.interval &&
         (set.key[0] == Field::kIpv4Addr || set.key[0] == Field::kIpv6Addr);
}

// The side at which a rule looks the set up, if it does.
std::optional<Side> SideOf(const Rule& rule, const std::string& set) {
  for (const Match& match : rule.matches) {
    if (const auto* by = std::get_if<MatchAddressSet>(&match); by != nullptr && by->set == set)
      return by->side;
    if (const auto* by = std::get_if<MatchServiceSet>(&match); by != nullptr && by->set == set)
      return Side::kDestination;
  }
  if (!rule.action) return std::nullopt;
  const auto* by = std::get_if<VmapAddress>(&*rule.action);
  return by != nullptr && by->map == set ? std::optional(by->side) : std::nullopt;
}

// The ends of all flows that packets of the changed chains, or of chains that look up the changed
// sets, belong to.
class Users {
 public:
  Users(const Ruleset& rules, std::set<std::string> chains, std::set<std::string> sets)
      : rules_(rules), chains_(std::move(chains)), sets_(std::move(sets)) {}

  FlowScope Find() {
    while (Spread()) {
    }
    FlowScope scope;
    for (const auto& [name, chain] : rules_.chains) {
      if (chain.base && chains_.contains(name)) return FlowScope::All();
      for (const Rule& rule : chain.rules) {
        const auto* by = rule.action ? std::get_if<VmapAddress>(&*rule.action) : nullptr;
        if (by != nullptr) AddElements(*by, &scope);
      }
    }
    return scope;
  }

 private:
  // Takes in what leads to what is there already; false: nothing new. Not through maps of
  // addresses: there the ways of different flows part.
  bool Spread() {
    const std::size_t before = chains_.size() + sets_.size();
    for (const auto& [name, set] : rules_.sets) {
      if (!set.verdict_map || IsAddressMap(set) || sets_.contains(name)) continue;
      if (std::any_of(set.elements.begin(), set.elements.end(),
                      [this](const Element& element) { return LeadsThere(element); }))
        sets_.insert(name);
    }
    for (const auto& [name, chain] : rules_.chains) {
      if (chains_.contains(name)) continue;
      if (std::any_of(chain.rules.begin(), chain.rules.end(),
                      [this](const Rule& rule) { return LeadsThere(rule); }))
        chains_.insert(name);
    }
    return chains_.size() + sets_.size() > before;
  }
  bool LeadsThere(const Element& element) const {
    return element.verdict && chains_.contains(element.verdict->chain);
  }
  bool LeadsThere(const Rule& rule) const {
    std::set<std::string> sets;
    std::set<std::string> chains;
    std::set<std::string> counters;
    CollectReferences(rule, &sets, &chains, &counters);
    const auto hit = [](const std::set<std::string>& named, const std::set<std::string>& known) {
      return std::any_of(named.begin(), named.end(),
                         [&](const std::string& name) { return known.contains(name); });
    };
    return hit(chains, chains_) || hit(sets, sets_);
  }
  void AddElements(const VmapAddress& by, FlowScope* scope) const {
    const auto map = rules_.sets.find(by.map);
    if (map == rules_.sets.end()) return;
    for (const Element& element : map->second.elements) {
      if (!LeadsThere(element)) continue;
      if (const auto address = AddressIn(map->second, element)) scope->Add({*address, by.side});
    }
  }

  const Ruleset& rules_;
  std::set<std::string> chains_;
  std::set<std::string> sets_;
};

// The ends that the elements themselves name; nullopt: they do not name any, or too many.
std::optional<FlowScope> NamedBy(const SetChange& change, const std::string& name,
                                 const Ruleset& after) {
  std::set<Side> sides;
  for (const auto& [chain_name, chain] : after.chains) {
    for (const Rule& rule : chain.rules) {
      if (const auto side = SideOf(rule, name)) sides.insert(*side);
    }
  }
  FlowScope scope;
  const auto add = [&](const std::vector<Element>& elements) {
    for (const Element& element : elements) {
      const auto address = AddressIn(*change.after, element);
      if (!address) return false;
      for (const Side side : sides) scope.Add({*address, side});
      if (scope.all()) return false;
    }
    return true;
  };
  if (!add(change.removed)) return std::nullopt;
  // Sets hold who is allowed, never who is not; maps lead to chains that deny.
  if (change.after->verdict_map && !add(change.added)) return std::nullopt;
  return scope;
}

}  // namespace

FlowScope FlowScope::All() {
  FlowScope scope;
  scope.AddAll();
  return scope;
}

void FlowScope::Add(const FlowEnd& end) {
  if (all_) return;
  ends_.insert(end);
  if (ends_.size() > kMostEnds) AddAll();
}

void FlowScope::Add(const FlowScope& other) {
  if (other.all_) AddAll();
  for (const FlowEnd& end : other.ends_) Add(end);
}

void FlowScope::AddAll() {
  all_ = true;
  ends_.clear();
}

bool FlowScope::Contains(const Flow& flow) const {
  if (all_) return true;
  const Packet first = FirstPacket(flow);
  return ends_.contains({first.source, Side::kSource}) ||
         ends_.contains({first.destination, Side::kDestination});
}

FlowScope ScopeOf(const Change& change, const Ruleset& after) {
  FlowScope scope;
  // What is new or gone matters only through what was there and leads to it.
  std::set<std::string> chains;
  std::set<std::string> sets;
  for (const auto& [name, chain] : change.chains)
    if (chain.before && chain.after) chains.insert(name);
  for (const auto& [name, set] : change.sets) {
    if (!set.before || !set.after) continue;
    if (set.removed.empty() && (!set.after->verdict_map || set.added.empty())) continue;
    if (const auto named = NamedBy(set, name, after)) {
      scope.Add(*named);
    } else if (IsAddressMap(*set.after)) {
      return FlowScope::All();
    } else {
      sets.insert(name);
    }
  }
  if (chains.empty() && sets.empty()) return scope;
  scope.Add(Users(after, std::move(chains), std::move(sets)).Find());
  return scope;
}

}  // namespace podgate::nft
