#include "compiler/incremental/assembly.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace podgate::compiler {
namespace {

std::vector<nft::Element>::iterator PlaceOf(const nft::Key& key,
                                            std::vector<nft::Element>* elements) {
  return std::lower_bound(
      elements->begin(), elements->end(), key,
      [](const nft::Element& element, const nft::Key& wanted) { return element.key < wanted; });
}

bool IsAt(std::vector<nft::Element>::const_iterator place, const nft::Key& key,
          const std::vector<nft::Element>& elements) {
  return place != elements.end() && place->key == key;
}

// A mistake of ours: the agent ends, and the next one starts from what the kernel holds. Going on
// with a ruleset that is not what anybody meant could open something.
void Require(bool holds, std::string_view what, const std::string& name) {
  if (!holds) throw std::logic_error(fmt::format("set {} {}", name, what));
}

// `changes` is about as long as what it costs to move the elements behind them one by one.
constexpr std::size_t kManyChanges = 32;

void Merge(const std::string& name, const std::map<nft::Key, int>& changes,
           std::vector<nft::Element>* elements) {
  std::vector<nft::Element> merged;
  merged.reserve(elements->size() + changes.size());
  auto old = elements->begin();
  for (const auto& [key, by] : changes) {
    const auto place = std::lower_bound(
        old, elements->end(), key,
        [](const nft::Element& element, const nft::Key& wanted) { return element.key < wanted; });
    Require(IsAt(place, key, *elements) == (by < 0), "does not hold what was told of it", name);
    std::move(old, place, std::back_inserter(merged));
    old = by < 0 ? std::next(place) : place;
    if (by > 0) merged.push_back({.key = key, .last = {}, .verdict = {}});
  }
  std::move(old, elements->end(), std::back_inserter(merged));
  merged.shrink_to_fit();
  *elements = std::move(merged);
}

}  // namespace

nft::SetChange* Assembly::TouchSet(const std::string& name) {
  const auto [it, is_new] = change_.sets.try_emplace(name);
  if (is_new)
    if (const auto known = ruleset_.sets.find(name); known != ruleset_.sets.end())
      it->second.before = nft::WithoutElements(known->second);
  return &it->second;
}

void Assembly::TouchChain(const std::string& name) {
  const auto [it, is_new] = change_.chains.try_emplace(name);
  if (is_new)
    if (const auto known = ruleset_.chains.find(name); known != ruleset_.chains.end())
      it->second.before = known->second;
}

SharedNames Assembly::Use(nft::Ruleset piece) {
  SharedNames names;
  for (auto& [name, chain] : piece.chains) {
    ++chain_users_[name];
    names.chains.push_back(name);
    PutChain(std::move(chain));
  }
  for (auto& [name, set] : piece.sets) {
    ++set_users_[name];
    names.sets.push_back(name);
    if (ruleset_.sets.count(name) == 0) AddSet(std::move(set));
  }
  for (const std::string& counter : piece.counters) {
    ++counter_users_[counter];
    names.counters.push_back(counter);
    if (ruleset_.counters.insert(counter).second && change_.old_counters.erase(counter) == 0)
      change_.new_counters.insert(counter);
  }
  return names;
}

void Assembly::Release(const SharedNames& names) {
  const auto release = [](const std::vector<std::string>& list, Counts* users,
                          std::vector<std::string>* unused) {
    for (const std::string& name : list)
      if (--users->at(name) == 0) unused->push_back(name);
  };
  release(names.chains, &chain_users_, &unused_.chains);
  release(names.sets, &set_users_, &unused_.sets);
  release(names.counters, &counter_users_, &unused_.counters);
}

void Assembly::PutChain(nft::Chain chain) {
  const auto known = ruleset_.chains.find(chain.name);
  if (known != ruleset_.chains.end() && known->second == chain) return;
  TouchChain(chain.name);
  std::string name = chain.name;
  ruleset_.chains.insert_or_assign(std::move(name), std::move(chain));
}

void Assembly::RemoveChain(const std::string& name) {
  TouchChain(name);
  ruleset_.chains.erase(name);
}

void Assembly::AddSet(nft::Set set) {
  Require(!ruleset_.sets.contains(set.name), "is there already", set.name);
  nft::SetChange* change = TouchSet(set.name);
  change->after = nft::WithoutElements(set);
  std::string name = set.name;
  ruleset_.sets.emplace(std::move(name), std::move(set));
}

void Assembly::RemoveSet(const std::string& name) {
  const auto known = ruleset_.sets.find(name);
  Require(known != ruleset_.sets.end(), "is not there", name);
  nft::SetChange* change = TouchSet(name);
  change->after.reset();
  change->added.clear();
  change->removed.clear();
  if (change->before && known->second.verdict_map)
    change->removed = std::move(known->second.elements);
  ruleset_.sets.erase(known);
}

void Assembly::Rename(const std::string& before, nft::Set definition) {
  definition.elements = ruleset_.sets.at(before).elements;
  RemoveSet(before);
  AddSet(std::move(definition));
}

void Assembly::ChangeKeys(const std::string& set, const std::map<nft::Key, int>& changes) {
  if (changes.empty()) return;
  if (changes.size() < kManyChanges) {
    for (const auto& [key, by] : changes) {
      if (by > 0) {
        AddElement(set, {.key = key, .last = {}, .verdict = {}});
      } else {
        RemoveElement(set, key);
      }
    }
    return;
  }
  nft::SetChange* change = TouchSet(set);
  nft::Set& known = ruleset_.sets.at(set);
  change->after = nft::WithoutElements(known);
  if (change->before) {
    for (const auto& [key, by] : changes)
      (by > 0 ? change->added : change->removed).push_back({.key = key, .last = {}, .verdict = {}});
  }
  Merge(set, changes, &known.elements);
}

void Assembly::AddElement(const std::string& set, nft::Element element) {
  nft::SetChange* change = TouchSet(set);
  nft::Set& known = ruleset_.sets.at(set);
  change->after = nft::WithoutElements(known);
  const auto place = PlaceOf(element.key, &known.elements);
  Require(!IsAt(place, element.key, known.elements), "has the element already", set);
  if (change->before) change->added.push_back(element);  // else Take() takes them all
  known.elements.insert(place, std::move(element));
}

void Assembly::RemoveElement(const std::string& set, const nft::Key& key) {
  nft::SetChange* change = TouchSet(set);
  nft::Set& known = ruleset_.sets.at(set);
  change->after = nft::WithoutElements(known);
  const auto place = PlaceOf(key, &known.elements);
  Require(IsAt(place, key, known.elements), "lacks an element that goes", set);
  if (change->before) change->removed.push_back(std::move(*place));
  known.elements.erase(place);
}

void Assembly::CollectGarbage() {
  for (const std::string& name : unused_.chains) {
    const auto users = chain_users_.find(name);
    if (users == chain_users_.end() || users->second > 0) continue;
    chain_users_.erase(users);
    RemoveChain(name);
  }
  for (const std::string& name : unused_.sets) {
    const auto users = set_users_.find(name);
    if (users == set_users_.end() || users->second > 0) continue;
    set_users_.erase(users);
    RemoveSet(name);
  }
  for (const std::string& name : unused_.counters) {
    const auto users = counter_users_.find(name);
    if (users == counter_users_.end() || users->second > 0) continue;
    counter_users_.erase(users);
    ruleset_.counters.erase(name);
    if (change_.new_counters.erase(name) == 0) change_.old_counters.insert(name);
  }
  unused_ = {};
}

nft::Change Assembly::Take() {
  CollectGarbage();
  for (auto it = change_.chains.begin(); it != change_.chains.end();) {
    const auto known = ruleset_.chains.find(it->first);
    if (known != ruleset_.chains.end()) it->second.after = known->second;
    it = it->second.before == it->second.after ? change_.chains.erase(it) : std::next(it);
  }
  for (auto it = change_.sets.begin(); it != change_.sets.end();) {
    nft::SetChange& set = it->second;
    if (!set.before && set.after) set.added = ruleset_.sets.at(it->first).elements;
    std::sort(set.added.begin(), set.added.end());
    std::sort(set.removed.begin(), set.removed.end());
    const bool nothing =
        set.before.has_value() == set.after.has_value() && set.added.empty() && set.removed.empty();
    it = nothing ? change_.sets.erase(it) : std::next(it);
  }
  return std::exchange(change_, {});
}

}  // namespace podgate::compiler
