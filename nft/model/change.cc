#include "nft/model/change.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "nft/model/canonical.h"
#include "nft/model/compare.h"

namespace podgate::nft {
namespace {

void AddSets(const Ruleset& before, const Ruleset& after, Change* change) {
  for (const auto& [name, set] : after.sets) {
    const auto known = before.sets.find(name);
    if (known == before.sets.end()) {
      change->sets[name] = {
          .before = {}, .after = WithoutElements(set), .removed = {}, .added = set.elements};
      continue;
    }
    ElementDelta delta = DeltaOf(known->second, set);
    if (delta.empty()) continue;
    change->sets[name] = {.before = WithoutElements(known->second),
                          .after = WithoutElements(set),
                          .removed = std::move(delta.removed),
                          .added = std::move(delta.added)};
  }
  for (const auto& [name, set] : before.sets) {
    if (after.sets.count(name) != 0) continue;
    SetChange& gone = change->sets[name];
    gone.before = WithoutElements(set);
    if (set.verdict_map) gone.removed = set.elements;
  }
}

void AddChains(const Ruleset& before, const Ruleset& after, Change* change) {
  for (const auto& [name, chain] : after.chains) {
    const auto known = before.chains.find(name);
    if (known == before.chains.end()) {
      change->chains[name] = {.before = {}, .after = chain};
    } else if (!SameRules(known->second.rules, chain.rules)) {
      change->chains[name] = {.before = known->second, .after = chain};
    }
  }
  for (const auto& [name, chain] : before.chains)
    if (after.chains.count(name) == 0) change->chains[name] = {.before = chain, .after = {}};
}

}  // namespace

Set WithoutElements(const Set& set) {
  Set head;
  head.name = set.name;
  head.key = set.key;
  head.interval = set.interval;
  head.verdict_map = set.verdict_map;
  head.size = set.size;
  head.comment = set.comment;
  head.guard = set.guard;
  head.foreign = set.foreign;
  return head;
}

Change Between(const Ruleset& before, const Ruleset& after) {
  Change change;
  AddSets(before, after, &change);
  AddChains(before, after, &change);
  std::set_difference(after.counters.begin(), after.counters.end(), before.counters.begin(),
                      before.counters.end(),
                      std::inserter(change.new_counters, change.new_counters.end()));
  std::set_difference(before.counters.begin(), before.counters.end(), after.counters.begin(),
                      after.counters.end(),
                      std::inserter(change.old_counters, change.old_counters.end()));
  return change;
}

}  // namespace podgate::nft
