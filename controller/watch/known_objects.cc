#include "controller/watch/known_objects.h"

#include <algorithm>
#include <tuple>

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

// The names in the namespace that do not fit its share.
void KnownObjects::Judge(const Spaces::value_type& space, std::set<std::string>* emptied) const {
  const std::size_t share = ShareAfter(halvings_);
  if (space.second.cost <= share) return;
  std::vector<std::pair<std::size_t, const std::string*>> by_size;
  for (auto it = objects_.lower_bound({space.first, ""});
       it != objects_.end() && it->first.ns == space.first; ++it)
    by_size.emplace_back(it->second.cost, &it->first.name);
  std::sort(by_size.begin(), by_size.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, *a.second) < std::tie(b.first, *b.second);
  });
  std::size_t taken = 0;
  for (const auto& [cost, name] : by_size) {
    taken += cost;
    if (taken > share) emptied->insert(*name);
  }
}

void KnownObjects::JudgeAgain(Spaces::value_type* space, const ObjectKey& told) {
  std::set<std::string> now;
  Judge(*space, &now);
  const std::set<std::string> before = std::exchange(space->second.emptied, now);
  const auto others = [&](const std::set<std::string>& from, const std::set<std::string>& without) {
    std::vector<ObjectKey> keys;
    for (const std::string& name : from)
      if (ObjectKey key{space->first, name}; !without.contains(name) && key != told)
        keys.push_back(std::move(key));
    return keys;
  };
  for (ObjectKey& key : others(now, before)) lost_.push_back(std::move(key));
  regained_ = regained_ || !others(before, now).empty();
}

void KnownObjects::AfterChange(Spaces::iterator changed, const ObjectKey& told) {
  std::size_t halvings = 0;
  while (halvings < kHalvings && taken_[halvings] > limits_.bytes) ++halvings;
  if (std::exchange(halvings_, halvings) == halvings) {
    JudgeAgain(&*changed, told);
  } else {
    for (Spaces::value_type& space : spaces_) JudgeAgain(&space, told);
  }
  if (changed->second.objects == 0) spaces_.erase(changed);
}

KnownObjects::Fit KnownObjects::Add(const ObjectKey& key, std::size_t bytes) {
  const auto known = objects_.find(key);
  const bool is_new = known == objects_.end();
  if (is_new && objects_.size() >= limits_.objects) return Fit::kNotAtAll;
  const auto space = spaces_.try_emplace(key.ns).first;
  if (is_new && space->second.objects >= limits_.namespace_objects) return Fit::kNotAtAll;
  Object& object = is_new ? objects_[key] : known->second;
  if (is_new) ++space->second.objects;
  const std::size_t cost = CostOf(bytes);
  object.list = list_;
  if (object.cost != cost) {
    Spend(&space->second, std::exchange(object.cost, cost), cost);
    AfterChange(space, key);
  }
  return space->second.emptied.contains(key.name) ? Fit::kEmptied : Fit::kWhole;
}

bool KnownObjects::Remove(const ObjectKey& key) {
  const auto it = objects_.find(key);
  if (it == objects_.end()) return false;
  const auto space = spaces_.find(key.ns);
  const std::size_t cost = it->second.cost;
  objects_.erase(it);
  --space->second.objects;
  Spend(&space->second, cost, 0);
  AfterChange(space, key);
  return true;
}

}  // namespace podgate::controller
