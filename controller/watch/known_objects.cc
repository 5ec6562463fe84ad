#include "controller/watch/known_objects.h"

#include <algorithm>

namespace podgate::controller {

using compiler::ObjectKey;

std::size_t KnownObjects::CostOf(std::size_t bytes) const {
  return std::max(limits_.least, bytes - std::min(bytes, limits_.free));
}

void KnownObjects::Spend(Space* space, std::size_t before, std::size_t now) {
  const std::size_t old = space->cost;
  space->cost += now - before;
  for (std::size_t i = 0; i <= kHalvings; ++i)
    taken_[i] += std::min(space->cost, ShareAfter(i)) - std::min(old, ShareAfter(i));
}

void KnownObjects::Enter(Space* space, const Priced& object) {
  if (object.cost == 0) return;
  if (space->emptied.empty() || object < *space->emptied.begin()) {
    space->whole.insert(object);
    space->whole_cost += object.cost;
  } else {
    space->emptied.insert(object);
  }
}

void KnownObjects::Leave(Space* space, const Priced& object) {
  if (space->whole.erase(object) > 0) {
    space->whole_cost -= object.cost;
  } else {
    space->emptied.erase(object);
  }
}

void KnownObjects::Cut(Space* space, const ObjectKey& told) {
  const std::size_t share = ShareAfter(halvings_);
  while (space->whole_cost > share) {
    const Priced last = *space->whole.rbegin();
    Leave(space, last);
    space->emptied.insert(last);
    if (*last.key != told) lost_.push_back(*last.key);
  }
  while (!space->emptied.empty() && space->whole_cost + space->emptied.begin()->cost <= share) {
    const Priced first = *space->emptied.begin();
    space->emptied.erase(space->emptied.begin());
    Enter(space, first);
    regained_ = regained_ || *first.key != told;
  }
}

void KnownObjects::AfterChange(Spaces::iterator changed, const ObjectKey& told) {
  std::size_t halvings = 0;
  while (halvings < kHalvings && taken_[halvings] > limits_.bytes) ++halvings;
  if (std::exchange(halvings_, halvings) == halvings) {
    Cut(&changed->second, told);
  } else {
    for (auto& [name, space] : spaces_) Cut(&space, told);
  }
  if (changed->second.objects == 0) spaces_.erase(changed);
}

KnownObjects::Fit KnownObjects::Add(const ObjectKey& key, std::size_t bytes) {
  auto known = objects_.find(key);
  const bool is_new = known == objects_.end();
  if (is_new && objects_.size() >= limits_.objects) return Fit::kNotAtAll;
  const auto space = spaces_.try_emplace(key.ns).first;
  if (is_new && space->second.objects >= limits_.namespace_objects) return Fit::kNotAtAll;
  if (is_new) {
    known = objects_.try_emplace(key).first;
    ++space->second.objects;
  }
  Object& object = known->second;
  object.list = list_;
  const std::size_t cost = CostOf(bytes);
  if (object.cost != cost) {
    Leave(&space->second, {object.cost, &known->first});
    Spend(&space->second, std::exchange(object.cost, cost), cost);
    Enter(&space->second, {cost, &known->first});
    AfterChange(space, key);
  }
  return space->second.emptied.contains({cost, &known->first}) ? Fit::kEmptied : Fit::kWhole;
}

bool KnownObjects::Remove(const ObjectKey& key) {
  const auto it = objects_.find(key);
  if (it == objects_.end()) return false;
  const auto space = spaces_.find(key.ns);
  Leave(&space->second, {it->second.cost, &it->first});
  Spend(&space->second, it->second.cost, 0);
  const ObjectKey gone = it->first;  // `key` may be a part of what goes
  objects_.erase(it);
  --space->second.objects;
  AfterChange(space, gone);
  return true;
}

}  // namespace podgate::controller
