#include "nft/plan/element_order.h"

#include <algorithm>
#include <map>

#include "nft/model/canonical.h"

namespace podgate::nft {
namespace {

using Addresses = std::set<Key>;

// The address that an element is about. Keys that begin with none count as one address.
Key AddressOf(const std::vector<Field>& fields, const Element& element) {
  const Field first = fields.front();
  if (first != Field::kIpv4Addr && first != Field::kIpv6Addr) return {};
  return element.key.substr(0, FieldBytes(first));
}

struct Moving {
  std::map<std::string, Addresses> leaving;  // by set
  std::map<std::string, Addresses> coming;
};

Moving MovingIn(const Change& change) {
  Moving moving;
  for (const auto& [name, set] : change.sets) {
    if (!IsLive(set)) continue;
    for (const Element& element : set.removed)
      moving.leaving[name].insert(AddressOf(set.after->key, element));
    for (const Element& element : set.added)
      moving.coming[name].insert(AddressOf(set.after->key, element));
  }
  return moving;
}

Addresses AllOf(const std::map<std::string, Addresses>& by_set) {
  Addresses all;
  for (const auto& [name, addresses] : by_set) all.insert(addresses.begin(), addresses.end());
  return all;
}

// At most one address of each family (they differ in length).
bool IsOnePod(const Addresses& addresses) {
  std::set<std::size_t> lengths;
  return std::all_of(addresses.begin(), addresses.end(),
                     [&](const Key& address) { return lengths.insert(address.size()).second; });
}

// Either side of a change, as far as rules and maps go.
class View {
 public:
  View(const Change& change, const Ruleset& after, bool old)
      : change_(change), after_(after), old_(old) {}

  const Chain* FindChain(const std::string& name) const {
    const auto changed = change_.chains.find(name);
    if (changed != change_.chains.end()) {
      const std::optional<Chain>& chain = old_ ? changed->second.before : changed->second.after;
      return chain ? &*chain : nullptr;
    }
    const auto found = after_.chains.find(name);
    return found == after_.chains.end() ? nullptr : &found->second;
  }

  // Old and new elements alike: more than either side has, never less.
  void CollectTargets(const std::string& map, std::set<std::string>* chains) const {
    const auto take = [&](const std::vector<Element>& elements) {
      for (const Element& element : elements)
        if (element.verdict) chains->insert(element.verdict->chain);
    };
    if (const auto found = after_.sets.find(map); found != after_.sets.end())
      take(found->second.elements);
    if (const auto changed = change_.sets.find(map); changed != change_.sets.end())
      take(changed->second.removed);
  }

  // Sets that a packet may be looked up in from here on.
  std::set<std::string> Reached(const Chain& from) const {
    std::set<std::string> sets;
    std::set<std::string> seen{from.name};
    std::vector<const Chain*> open{&from};
    while (!open.empty()) {
      const Chain* chain = open.back();
      open.pop_back();
      std::set<std::string> next;
      std::set<std::string> asked;
      std::set<std::string> counters;
      for (const Rule& rule : chain->rules) CollectReferences(rule, &asked, &next, &counters);
      for (const std::string& set : asked) CollectTargets(set, &next);
      sets.merge(asked);
      for (const std::string& name : next)
        if (const Chain* found = FindChain(name); found != nullptr && seen.insert(name).second)
          open.push_back(found);
    }
    return sets;
  }

 private:
  const Change& change_;
  const Ruleset& after_;
  const bool old_;
};

// Addresses whose packets are led to the chain by a map.
std::map<std::string, Addresses> SubjectsOfChains(const Change& change, const Ruleset& after) {
  std::map<std::string, Addresses> subjects;
  const auto take = [&](const std::vector<Field>& fields, const std::vector<Element>& elements) {
    for (const Element& element : elements)
      if (element.verdict) subjects[element.verdict->chain].insert(AddressOf(fields, element));
  };
  for (const auto& [name, set] : after.sets)
    if (set.verdict_map) take(set.key, set.elements);
  for (const auto& [name, set] : change.sets)
    if (set.before && set.before->verdict_map) take(set.before->key, set.removed);
  return subjects;
}

// Whether one of the sets has a change of another address than the chain's own.
bool MeetsChange(const std::set<std::string>& sets,
                 const std::map<std::string, Addresses>& changing, const Addresses* subject) {
  return std::any_of(changing.begin(), changing.end(), [&](const auto& change) {
    const Addresses& addresses = change.second;
    const bool only_itself = subject != nullptr && subject->size() == 1 && addresses == *subject;
    return !only_itself && sets.count(change.first) != 0;
  });
}

bool RulesMeetElements(const Change& change, const Ruleset& after,
                       const std::set<std::string>& flipped, const Moving& moving) {
  const View old_view(change, after, true);
  const View new_view(change, after, false);
  const std::map<std::string, Addresses> subjects = SubjectsOfChains(change, after);
  return std::any_of(flipped.begin(), flipped.end(), [&](const std::string& name) {
    const auto found = subjects.find(name);
    const Addresses* subject = found == subjects.end() ? nullptr : &found->second;
    const Chain* before = old_view.FindChain(name);
    const Chain* now = new_view.FindChain(name);
    return (before != nullptr && MeetsChange(old_view.Reached(*before), moving.leaving, subject)) ||
           (now != nullptr && MeetsChange(new_view.Reached(*now), moving.coming, subject));
  });
}

}  // namespace

bool IsLive(const SetChange& change) {
  return change.before && change.after && !change.after->verdict_map && !change.after->guard &&
         !change.after->interval;
}

ElementOrder OrderFor(const Change& change, const Ruleset& after,
                      const std::set<std::string>& flipped) {
  const Moving moving = MovingIn(change);
  const Addresses leaving = AllOf(moving.leaving);
  const Addresses coming = AllOf(moving.coming);
  const bool moves = std::any_of(leaving.begin(), leaving.end(),
                                 [&](const Key& address) { return coming.count(address) != 0; });
  if (moves) {
    Addresses all = leaving;
    all.insert(coming.begin(), coming.end());
    return flipped.empty() && IsOnePod(all) ? ElementOrder::kAddFirst : ElementOrder::kViaCopies;
  }
  if (flipped.empty() || (leaving.empty() && coming.empty())) return ElementOrder::kDeleteFirst;
  return RulesMeetElements(change, after, flipped, moving) ? ElementOrder::kViaCopies
                                                           : ElementOrder::kDeleteFirst;
}

}  // namespace podgate::nft
