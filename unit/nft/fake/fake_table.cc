#include "unit/nft/fake/fake_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "nft/model/canonical.h"
#include "nft/model/overloaded.h"
#include "nft/text/describe.h"
#include "nft/text/print.h"

namespace podgate::nft {
namespace {

// A base chain is level 0; a chain at this level cannot be reached (NFT_JUMP_STACK_SIZE).
constexpr int kMaxLevel = 16;

bool ByKey(const Element& a, const Element& b) { return a.key < b.key; }

const Key& LastOf(const Element& element) {
  return element.last.empty() ? element.key : element.last;
}

// The key that a rule looks up in a set, and for what.
struct Lookup {
  std::string set;
  std::vector<Field> key;
  bool verdict = false;
};

Field AddressField(Family family) {
  return family == Family::kIPv4 ? Field::kIpv4Addr : Field::kIpv6Addr;
}

std::vector<Lookup> LookupsOf(const Rule& rule) {
  std::vector<Lookup> lookups;
  for (const Match& match : rule.matches) {
    if (const auto* m = std::get_if<MatchAddressSet>(&match)) {
      lookups.push_back({m->set, {AddressField(m->family)}, false});
    } else if (const auto* s = std::get_if<MatchServiceSet>(&match)) {
      lookups.push_back(
          {s->set, {AddressField(s->family), Field::kInetProto, Field::kInetService}, false});
    }
  }
  if (!rule.action) return lookups;
  if (const auto* address = std::get_if<VmapAddress>(&*rule.action)) {
    lookups.push_back({address->map, {AddressField(address->family)}, true});
  } else if (const auto* service = std::get_if<VmapService>(&*rule.action)) {
    lookups.push_back({service->map, {Field::kInetProto, Field::kInetService}, true});
  } else if (const auto* port = std::get_if<VmapPort>(&*rule.action)) {
    lookups.push_back({port->map, {Field::kInetService}, true});
  }
  return lookups;
}

void AddTargets(const Set& map, std::set<std::string>* chains) {
  for (const Element& element : map.elements) {
    if (element.verdict && !element.verdict->chain.empty()) chains->insert(element.verdict->chain);
  }
}

}  // namespace

FakeTable::FakeTable(bool exists, Ruleset ruleset, bool checks_jumps_at_once)
    : exists_(exists),
      ruleset_(std::move(ruleset)),
      checks_jumps_at_once_(checks_jumps_at_once),
      bound_(AllReferences().sets) {}

Refusal FakeTable::Apply(const Operation& operation) {
  const bool makes_table = std::holds_alternative<AddTable>(operation);
  if (!exists_ && !makes_table) return {Describe(operation), ENOENT};
  return std::visit(Overloaded{[this](const AddTable& op) { return Add(op); },
                               [this](const AddCounter& op) { return Add(op); },
                               [this](const AddSet& op) { return Add(op); },
                               [this](const AddElements& op) { return Add(op); },
                               [this](const AddChain& op) { return Add(op); },
                               [this](const FlushChain& op) { return Flush(op); },
                               [this](const SetRules& op) { return Replace(op); },
                               [this](const auto& op) { return Delete(op); }},
                    operation);
}

Refusal FakeTable::Add(const AddTable& op) {
  if (!exists_) ruleset_.comment = QuotableText(op.comment);
  ruleset_.foreign.clear();
  exists_ = true;
  return {};
}

Refusal FakeTable::Delete(const DeleteTable&) {
  const std::string name = ruleset_.table;
  ruleset_ = Ruleset();
  ruleset_.table = name;
  exists_ = false;
  return {};
}

Refusal FakeTable::Add(const AddCounter& op) {
  if (!ruleset_.counters.insert(op.name).second) return {Describe(op), EEXIST};
  return {};
}

Refusal FakeTable::Delete(const DeleteCounter& op) {
  if (ruleset_.counters.erase(op.name) == 0) return {Describe(op), ENOENT};
  if (AllReferences().counters.count(op.name) != 0) return {Describe(op), EBUSY};
  return {};
}

Refusal FakeTable::Add(const AddSet& op) {
  Set set = op.set;
  set.elements.clear();
  set.guard = false;
  set.comment = QuotableText(set.comment);
  if (!ruleset_.sets.emplace(set.name, std::move(set)).second) return {Describe(op), EEXIST};
  return {};
}

Refusal FakeTable::Delete(const DeleteSet& op) {
  if (ruleset_.sets.count(op.name) == 0) return {Describe(op), ENOENT};
  if (AllReferences().sets.count(op.name) != 0) return {Describe(op), EBUSY};
  ruleset_.sets.erase(op.name);
  return {};
}

Refusal FakeTable::Add(const AddElements& op) {
  const auto found = ruleset_.sets.find(op.set);
  if (found == ruleset_.sets.end()) return {Describe(op), ENOENT};
  Set& set = found->second;
  if (op.key != set.key || op.interval != set.interval) return {Describe(op), EINVAL};
  for (const Element& element : op.elements) {
    const int error = AddElement(&set, element);
    if (error != 0) {
      return {fmt::format("set {}: element {}", op.set, PrintKey(element.key, op.key)), error};
    }
  }
  return {};
}

int FakeTable::AddElement(Set* set, Element element) {
  if (element.verdict.has_value() != set->verdict_map) return EINVAL;
  if (element.verdict && !element.verdict->chain.empty()) {
    int error = CheckTarget(element.verdict->chain);
    if (error == 0 && bound_.count(set->name) != 0) error = CheckBelow(element.verdict->chain);
    if (error != 0) return error;
  }
  if (set->interval) element.last = LastOf(element);
  auto& elements = set->elements;
  const auto next = std::lower_bound(elements.begin(), elements.end(), element, ByKey);
  // The neighbours of a disjoint, sorted row are the only ones that the new element can touch.
  const bool meets_next = next != elements.end() && next->key <= LastOf(element);
  const bool meets_previous = next != elements.begin() && LastOf(*std::prev(next)) >= element.key;
  if (meets_next || meets_previous) return EEXIST;
  if (set->size != 0 && elements.size() >= set->size) return ENFILE;
  elements.insert(next, std::move(element));
  return 0;
}

Refusal FakeTable::Delete(const DeleteElements& op) {
  const auto found = ruleset_.sets.find(op.set);
  if (found == ruleset_.sets.end()) return {Describe(op), ENOENT};
  Set& set = found->second;
  if (op.key != set.key || op.interval != set.interval) return {Describe(op), EINVAL};
  for (const Element& element : op.elements) {
    const auto at = std::lower_bound(set.elements.begin(), set.elements.end(), element, ByKey);
    if (at == set.elements.end() || at->key != element.key || LastOf(*at) != LastOf(element)) {
      return {fmt::format("set {}: element {}", op.set, PrintKey(element.key, op.key)), ENOENT};
    }
    set.elements.erase(at);
  }
  return {};
}

Refusal FakeTable::Add(const AddChain& op) {
  if (!ruleset_.chains.emplace(op.name, Chain{op.name, op.base, {}}).second) {
    return {Describe(op), EEXIST};
  }
  return {};
}

Refusal FakeTable::Delete(const DeleteChain& op) {
  const auto found = ruleset_.chains.find(op.name);
  if (found == ruleset_.chains.end()) return {Describe(op), ENOENT};
  found->second.rules.clear();  // they go with it, so what they refer to does not count
  if (AllReferences().chains.count(op.name) != 0) return {Describe(op), EBUSY};
  ruleset_.chains.erase(found);
  return {};
}

Refusal FakeTable::Flush(const FlushChain& op) {
  const auto found = ruleset_.chains.find(op.name);
  if (found == ruleset_.chains.end()) return {Describe(op), ENOENT};
  found->second.rules.clear();
  return {};
}

Refusal FakeTable::Replace(const SetRules& op) {
  const auto found = ruleset_.chains.find(op.chain);
  if (found == ruleset_.chains.end()) return {Describe(op), ENOENT};
  std::vector<Rule>& rules = found->second.rules;
  rules.clear();
  for (std::size_t i = 0; i < op.rules.size(); ++i) {
    const int error = CheckRule(op.rules[i]);
    if (error != 0) return {DescribeRule(op, i), error};
    rules.push_back(Canonical(op.rules[i]));
    for (const Lookup& lookup : LookupsOf(op.rules[i])) bound_.insert(lookup.set);
  }
  return {};
}

int FakeTable::CheckRule(const Rule& rule) const {
  References references;
  CollectReferences(rule, &references.sets, &references.chains, &references.counters);
  for (const std::string& counter : references.counters) {
    if (ruleset_.counters.count(counter) == 0) return ENOENT;
  }
  for (const std::string& chain : references.chains) {
    int error = CheckTarget(chain);
    if (error == 0) error = CheckBelow(chain);
    if (error != 0) return error;
  }
  for (const Lookup& lookup : LookupsOf(rule)) {
    const auto set = ruleset_.sets.find(lookup.set);
    if (set == ruleset_.sets.end()) return ENOENT;
    if (set->second.key != lookup.key || set->second.verdict_map != lookup.verdict) return EINVAL;
  }
  return 0;
}

int FakeTable::CheckTarget(const std::string& chain) const {
  const auto found = ruleset_.chains.find(chain);
  if (found == ruleset_.chains.end()) return ENOENT;
  return found->second.base ? EOPNOTSUPP : 0;
}

int FakeTable::CheckBelow(const std::string& chain) const {
  if (!checks_jumps_at_once_) return 0;
  std::map<std::string, int> checked;
  return CheckDepth(ruleset_.chains.at(chain), 0, &checked).error;
}

Refusal FakeTable::CheckAtEnd() const {
  std::map<std::string, int> checked;
  for (const auto& [name, chain] : ruleset_.chains) {
    if (!chain.base) continue;  // what no packet reaches is not followed
    Refusal refusal = CheckDepth(chain, 0, &checked);
    if (refusal.error != 0) return refusal;
  }
  return {};
}

Refusal FakeTable::CheckDepth(const Chain& chain, int level,
                              std::map<std::string, int>* checked) const {
  if (level == kMaxLevel) return {"chain " + chain.name, EMLINK};
  const auto known = checked->find(chain.name);
  if (known != checked->end() && known->second >= level) return {};
  References references;
  for (const Rule& rule : chain.rules) {
    CollectReferences(rule, &references.sets, &references.chains, &references.counters);
  }
  for (const std::string& set : references.sets) {
    AddTargets(ruleset_.sets.at(set), &references.chains);
  }
  for (const std::string& target : references.chains) {
    Refusal refusal = CheckDepth(ruleset_.chains.at(target), level + 1, checked);
    if (refusal.error != 0) return refusal;
  }
  (*checked)[chain.name] = level;
  return {};
}

FakeTable::References FakeTable::AllReferences() const {
  References all;
  for (const auto& [name, chain] : ruleset_.chains) {
    for (const Rule& rule : chain.rules) {
      CollectReferences(rule, &all.sets, &all.chains, &all.counters);
    }
  }
  for (const auto& [name, set] : ruleset_.sets) AddTargets(set, &all.chains);
  return all;
}

}  // namespace podgate::nft
