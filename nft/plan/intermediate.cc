#include "nft/plan/intermediate.h"

#include <map>
#include <string>
#include <utility>

#include "nft/model/compare.h"
#include "nft/model/overloaded.h"

namespace podgate::nft {
namespace {

using Names = std::map<std::string, std::string>;  // from the desired name to the intermediate one

// Names that neither ruleset has, always the same for the same rulesets.
class FreeNames {
 public:
  FreeNames(const Ruleset& applied, const Ruleset& desired)
      : applied_(applied), desired_(desired) {}

  std::string Next() {
    std::string name;
    do {
      name = "repair-" + std::to_string(++last_);
    } while (IsTaken(applied_, name) || IsTaken(desired_, name));
    return name;
  }

 private:
  static bool IsTaken(const Ruleset& ruleset, const std::string& name) {
    return ruleset.sets.count(name) != 0 || ruleset.chains.count(name) != 0;
  }
  const Ruleset& applied_;
  const Ruleset& desired_;
  int last_ = 0;
};

bool NeedsAnotherName(const Set& applied, const Set& desired) {
  if (!SameDefinition(applied, desired)) return true;
  if (!desired.interval && !desired.verdict_map) return false;
  const ElementDelta delta = DeltaOf(applied, desired);
  return delta.verdict_changed || (desired.interval && !delta.empty());
}

bool GoesTo(const Set& map, const Names& chains) {
  for (const Element& element : map.elements) {
    if (element.verdict && chains.count(element.verdict->chain) != 0) return true;
  }
  return false;
}

void Rename(const Names& names, std::string* name) {
  const auto found = names.find(*name);
  if (found != names.end()) *name = found->second;
}

void Rename(const Names& sets, const Names& chains, Rule* rule) {
  for (Match& match : rule->matches) {
    if (auto* address = std::get_if<MatchAddressSet>(&match)) Rename(sets, &address->set);
    if (auto* service = std::get_if<MatchServiceSet>(&match)) Rename(sets, &service->set);
  }
  if (!rule->action) return;
  std::visit(Overloaded{[&](Verdict& verdict) { Rename(chains, &verdict.chain); }, [](Reject&) {},
                        [&](auto& vmap) { Rename(sets, &vmap.map); }},
             *rule->action);
}

Ruleset Renamed(const Ruleset& desired, const Names& sets, const Names& chains) {
  Ruleset renamed = desired;
  renamed.sets.clear();
  renamed.chains.clear();
  for (const auto& [name, original] : desired.sets) {
    Set set = original;
    Rename(sets, &set.name);
    for (Element& element : set.elements) {
      if (element.verdict) Rename(chains, &element.verdict->chain);
    }
    renamed.sets[set.name] = std::move(set);
  }
  for (const auto& [name, original] : desired.chains) {
    Chain chain = original;
    Rename(chains, &chain.name);
    for (Rule& rule : chain.rules) Rename(sets, chains, &rule);
    renamed.chains[chain.name] = std::move(chain);
  }
  return renamed;
}

}  // namespace

std::optional<Ruleset> IntermediateBetween(const Ruleset& applied, const Ruleset& desired) {
  FreeNames free_names(applied, desired);
  Names chains;
  for (const auto& [name, chain] : desired.chains) {
    const auto found = applied.chains.find(name);
    if (found != applied.chains.end() && !SameDefinition(found->second, chain)) {
      chains[name] = free_names.Next();
    }
  }
  Names sets;
  for (const auto& [name, set] : desired.sets) {
    const auto found = applied.sets.find(name);
    if (found == applied.sets.end()) continue;
    if (NeedsAnotherName(found->second, set) || GoesTo(set, chains)) sets[name] = free_names.Next();
  }
  if (sets.empty() && chains.empty()) return std::nullopt;
  return Renamed(desired, sets, chains);
}

}  // namespace podgate::nft
